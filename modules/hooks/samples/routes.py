"""A route that counts checkpoints: GET /extensions/<name>/api/count."""

from modules.hooks import Call, Desk, Reply, Route, hookimpl


def count(call: Call, desk: Desk) -> Reply:
    return Reply.json({"checkpoints": len(desk.checkpoints())})


@hookimpl
def routes() -> list[Route]:
    return [Route("GET", "count", count)]

"""A button that makes the same picture once more, larger."""

from dataclasses import replace

from modules.hooks import BadRequest, Button, Desk, Outcome, Picture, hookimpl


def twice(picture: Picture, desk: Desk) -> Outcome:
    if picture.request is None:
        raise BadRequest("this picture was not made from words")
    desk.submit(replace(picture.request, width=2 * picture.width, height=2 * picture.height), picture.owner)
    return Outcome("Twice as large is in the queue.")


@hookimpl
def buttons() -> list[Button]:
    return [Button("twice", "Twice", twice, "Make it at twice the size")]

"""Notes how a job ended."""

from modules.hooks import Desk, hookimpl


@hookimpl
def after_job(job_id: str, state: str, desk: Desk) -> None:
    desk.attach(job_id, "ending", state.encode())

"""Keeps what the worker half said last."""

from modules.hooks import Desk, Message, hookimpl


@hookimpl
def hear(job_id: str, message: Message, desk: Desk) -> None:
    desk.attach(job_id, "said", str(message).encode())

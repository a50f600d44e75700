"""Downloads and conversions: long, in the background, each with its progress, its end, and a way to stop it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock, Thread
from typing import Literal

from modules.core.errors import Busy, NotThere, TaffyError

Tell = Callable[[int, int], None]  # bytes done, bytes in all; raises Stopped when somebody stopped it
MOST = 3  # at the same time
KEPT = 20  # that have ended, for the page
log = logging.getLogger(__name__)


class Stopped(Exception):
    """Somebody does not want it any more."""


@dataclass(frozen=True)
class Transfer:
    """title: for people. done, total: bytes, 0 while unknown. result: what came out, for people."""

    id: str
    kind: Literal["download", "conversion"]
    title: str
    done: int = 0
    total: int = 0
    state: Literal["running", "done", "failed", "stopped"] = "running"
    result: str = ""
    error: str = ""
    advice: str = ""


class Transfers:
    """Any thread may ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, Transfer] = {}
        self._unwanted: set[str] = set()

    def all(self) -> tuple[Transfer, ...]:
        """The newest first."""
        with self._lock:
            return tuple(reversed(self._known.values()))

    def start(self, kind: Literal["download", "conversion"], title: str, work: Callable[[Tell], str]) -> Transfer:
        """Run work(tell), which returns what came out. Raises Busy if the same or too many are running."""
        transfer = Transfer(secrets.token_hex(8), kind, title)
        with self._lock:
            running = [one for one in self._known.values() if one.state == "running"]
            if any((one.kind, one.title) == (kind, title) for one in running):
                raise Busy(f"{title} is being worked on already", "wait for it, or stop it")
            if len(running) >= MOST:
                raise Busy(f"{MOST} downloads and conversions are running already", "wait for one, or stop one")
            ended = [one.id for one in self._known.values() if one.state != "running"]
            for old in ended[: max(0, len(ended) - KEPT + 1)]:
                del self._known[old]
            self._known[transfer.id] = transfer
        Thread(target=self._work, args=(transfer.id, work), name=kind, daemon=True).start()
        return transfer

    def stop(self, id: str) -> None:
        """Raises NotThere."""
        with self._lock:
            if id not in self._known:
                raise NotThere("there is no such download or conversion")
            self._unwanted.add(id)

    def stop_all(self) -> None:
        with self._lock:
            self._unwanted.update(self._known)

    def _work(self, id: str, work: Callable[[Tell], str]) -> None:
        def tell(done: int, total: int) -> None:
            with self._lock:
                if id in self._unwanted:
                    raise Stopped
                self._known[id] = replace(self._known[id], done=done, total=total)

        try:
            self._end(id, state="done", result=work(tell))
        except Stopped:
            self._end(id, state="stopped")
        except TaffyError as error:
            self._end(id, state="failed", error=error.message, advice=error.advice)
        except Exception as error:  # a thread's end: told to the person, or nobody would hear of it
            log.exception("%s failed", self._known[id].title)
            self._end(id, state="failed", error=f"something went wrong inside: {error}", advice="see the server's log")

    def _end(self, id: str, **values: str) -> None:
        with self._lock:
            self._known[id] = replace(self._known[id], **values)  # type: ignore[arg-type]
            self._unwanted.discard(id)

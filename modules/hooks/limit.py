"""Code of others with a limit of time. What never returns is left behind in its thread, and told where it stands."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Late(Exception):
    """It did not come back in time. stack: where it stands."""

    def __init__(self, stack: str) -> None:
        super().__init__("it did not come back")
        self.stack = stack


class Hands:
    """A pool of threads for code that may never return: a thread that is lost that way is not missed."""

    def __init__(self) -> None:
        self._free: SimpleQueue[_Hand] = SimpleQueue()

    def run(self, act: Callable[[], Answer], seconds: float) -> Answer:
        """What it returns or raises; raises Late after `seconds`."""
        hand = self._take()
        done: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        context = copy_context()
        hand.put((lambda: context.run(act), done))
        try:
            good, value = done.get(timeout=seconds)
        except Empty:
            raise Late(stack_of(hand.ident)) from None
        self._free.put(hand)
        if not good:
            raise value
        answer: Answer = value
        return answer

    def _take(self) -> _Hand:
        try:
            return self._free.get_nowait()
        except Empty:
            return _Hand()


class _Hand:
    """One thread and the queue of its work."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Callable[[], Any], SimpleQueue[tuple[bool, Any]]]] = SimpleQueue()
        thread = Thread(target=self._live, daemon=True, name="extension")
        thread.start()
        self.ident = thread.ident or 0

    def put(self, work: tuple[Callable[[], Any], SimpleQueue[tuple[bool, Any]]]) -> None:
        self._work.put(work)

    def _live(self) -> None:
        while True:
            act, done = self._work.get()
            try:
                done.put((True, act()))
            except BaseException as error:  # told to whoever waits, who raises it again
                done.put((False, error))


def stack_of(thread: int) -> str:
    """Where a thread stands, as a traceback's lines."""
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)) if frame else ""

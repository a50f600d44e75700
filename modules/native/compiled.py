"""Numba's decorators for loops that are called without Python's lock and check nothing.

What they made is kept in the folder of `keep_in`. Where it is damaged, or cannot be kept, they make it again: nobody's
picture waits for that folder.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, NullCache
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature

OPTIONS = {"nogil": True, "error_model": "numpy"}
log = logging.getLogger(__name__)


class Kept(FunctionCache):
    """Numba's own store: what it raises is said in the log."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # a damaged pickle raises anything
            log.warning("what was compiled cannot be read and is made again: %r", error)
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            log.warning("what was compiled cannot be kept, and is made again at the next start: %s", error)


def compiled(function: Callable[..., Any]) -> Any:
    """njit for this processor."""
    dispatcher: Any = njit(**OPTIONS)(function)
    dispatcher._cache = _store(function)
    return dispatcher


def in_c(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """cfunc: with an address that others can call."""

    def decorate(function: Callable[..., Any]) -> Any:
        made: Any = CFunc(function, normalize_signature(signature), locals={}, options={})
        made._cache = _store(function)
        made.compile()
        return made

    return decorate


def _store(function: Callable[..., Any]) -> Any:
    if "NUMBA_CACHE_DIR" not in os.environ:
        return NullCache()
    try:
        return Kept(function)
    except (RuntimeError, OSError) as error:  # no folder that can be written to
        log.warning("what is compiled cannot be kept: %s", error)
        return NullCache()

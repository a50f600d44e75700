"""How a browser stays known: a signed note with a name and a date. It dies with the password or link it came from."""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64encode

KEEP_SECONDS = 30 * 24 * 3600


def sign(name: str, credential: str, key: bytes, now: float | None = None) -> str:
    """A note for a cookie. credential: what must not have changed when it is shown."""
    until = int((time.time() if now is None else now) + KEEP_SECONDS)
    return f"{name}.{until}.{_mark(name, until, credential, key)}"


def name_on(note: str) -> str:
    """Whom a note speaks of, true or not."""
    return note.partition(".")[0]


def is_true(note: str, credential: str, key: bytes) -> bool:
    """Whether we wrote this note, for this credential, and its time is not over."""
    name, _, rest = note.partition(".")
    until, _, mark = rest.partition(".")
    if not (until.isascii() and until.isdecimal() and len(until) < 13 and mark.isascii()):
        return False
    return hmac.compare_digest(mark, _mark(name, int(until), credential, key)) and time.time() < int(until)


def _mark(name: str, until: int, credential: str, key: bytes) -> str:
    text = "\0".join((name, str(until), credential))
    return urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")).rstrip(b"=").decode()

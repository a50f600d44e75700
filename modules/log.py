"""Where the program writes what happened: files that are rotated, and hold nothing that lets anybody in."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

MOST_BYTES, KEEP = 2_000_000, 4  # of a file; how many older ones
FORM = "%(asctime)s %(levelname)s %(name)s %(message)s"
HIDDEN = "[hidden]"
SECRETS = re.compile(
    r"""(?xi) ( (?: token | password | api[_-]?key | secret ) ["']? \s* [=:] \s* | bearer\s+ | basic\s+ | taffy-\d+= )
    (?: (["']) (?: \\. | (?!\2). )* \2 | [^\s&"';,]+ )  # in quotes: all that stands in them
    """
)


class Discreet(logging.Formatter):
    """Lines and tracebacks without tokens, passwords and cookies. known: secrets to hide wherever they stand."""

    def __init__(self, known: Sequence[str] = ()) -> None:
        super().__init__(FORM)
        self._known = [secret for secret in known if secret]

    def format(self, record: logging.LogRecord) -> str:
        return self.hide(super().format(record))

    def hide(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        return SECRETS.sub(rf"\1{HIDDEN}", text)


def log_to(file: Path, known: Sequence[str] = ()) -> None:
    """Everything from INFO on goes to this file, warnings also to the terminal. A disk that refuses is no reason to
    stop: then there is the terminal alone."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setLevel(logging.WARNING)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatingFileHandler(file, maxBytes=MOST_BYTES, backupCount=KEEP, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(Discreet(known))
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)  # requests have the link's token in their address

"""What goes when Taffy starts: pictures that people brought and nobody needs any more."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from modules.core.errors import CannotSave

if TYPE_CHECKING:
    from modules.app import App


def clean(app: App) -> None:
    """See `Inputs.clean`."""
    with suppress(OSError, CannotSave):  # another start will find them
        app.inputs.clean(partial(needed, app), date.fromtimestamp(time.time()))


def needed(app: App, ids: set[str]) -> set[str]:
    """Those of some input pictures that a picture was made from, or that a job needs."""
    return app.gallery.mentioned(ids) | (ids & app.queue.journal.inputs())

"""What a newcomer finds: a picture that is being born."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from modules.core.errors import TaffyError
from modules.core.people import LOCAL_OWNER
from modules.core.request import GenerationRequest

if TYPE_CHECKING:
    from modules.app import App


def welcome(app: App) -> None:
    """Nobody has ever asked for anything: ask for the default checkpoint's first example."""
    if not app.queue.journal.is_new() or app.gallery.newest(LOCAL_OWNER, 1):
        return
    with suppress(TaffyError):  # no checkpoint, or one without examples, has nothing to show
        card = app.card("")
        for prompt in card.examples[:1]:
            steps, cfg = card.default_steps, card.default_cfg
            app.submit(GenerationRequest(prompt, steps=steps, cfg_scale=cfg), LOCAL_OWNER)

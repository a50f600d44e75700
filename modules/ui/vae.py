"""The control that says whose VAE turns latents into pixels (`vae` of the request)."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules.core.request import GenerationRequest
from modules.hooks import Page
from modules.ui.form import QUIET


def vae_choice(page: Page, prefix: str) -> gr.Dropdown:
    """Files that came since the start are in the list when it is unfolded."""
    choice = gr.Dropdown(
        choices(page),
        value=GenerationRequest.vae,
        label="VAE",
        info="The part that turns the result into pixels. Automatic takes a file named after the checkpoint, if any.",
        elem_id=f"{prefix}vae",
        allow_custom_value=True,  # one that a picture's text names and that is not here: the server says so
        interactive=True,
    )

    def refresh() -> dict[str, Any]:
        update: dict[str, Any] = gr.update(choices=choices(page))
        return update

    choice.focus(refresh, None, choice, **QUIET)
    return choice


def choices(page: Page) -> list[tuple[str, str]]:
    fixed = [("Automatic", "automatic"), ("The checkpoint's own", "built in")]
    return [*fixed, *((name, name) for name in page.vae_names())]

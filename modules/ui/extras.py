"""The tab that makes finished pictures larger: its layout. What it does is in `assets/extras.js`."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from modules.hooks import Page, Tab, hookimpl
from modules.ui.controls import html


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab("extras", "Extras", 40, build)]


def build(page: Page) -> None:
    """Form on the left, before and after on the right; on a phone the picture comes first."""
    with gr.Row(elem_classes="taffy-frame"):
        with gr.Column(elem_classes="taffy-form", scale=2):
            html("<taffy-extras></taffy-extras>")
            with gr.Row(elem_classes="taffy-actions"):
                gr.Button("Upscale", variant="primary", elem_classes="taffy-generate", elem_id="extras-go", scale=3)
                gr.Button("Stop", interactive=False, elem_classes="taffy-stop", scale=1, min_width=80)
        with gr.Column(elem_classes="taffy-picture", scale=3):
            html("<taffy-extras-stage></taffy-extras-stage>")

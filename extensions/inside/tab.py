"""The tab Inside: one element of our own; what it does is in `inside.js`."""

from __future__ import annotations

import gradio as gr

from modules.hooks import Desk


def build(desk: Desk) -> None:
    gr.HTML("<taffy-inside></taffy-inside>", container=False, padding=False)

"""The tab Inside: one element of our own; what it does is in `inside.js`."""

from __future__ import annotations

from modules.hooks import Desk


def build(desk: Desk) -> None:
    import gradio as gr  # takes seconds, and the page has it by now

    gr.HTML("<taffy-inside></taffy-inside>", container=False, padding=False)

"""A tab that shows a sentence."""

import gradio as gr

from modules.hooks import Desk, Tab, hookimpl


def build(desk: Desk) -> None:
    gr.Markdown(f"There are {len(desk.checkpoints())} checkpoints.")


@hookimpl
def tabs() -> list[Tab]:
    return [Tab("counting", "Counting", 50, build)]

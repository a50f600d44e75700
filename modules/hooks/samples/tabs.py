"""A tab that shows a sentence."""

from modules.hooks import Desk, Tab, hookimpl


def build(desk: Desk) -> None:
    import gradio as gr  # takes seconds, and the page has it by now

    gr.Markdown(f"There are {len(desk.checkpoints())} checkpoints.")


@hookimpl
def tabs() -> list[Tab]:
    return [Tab("counting", "Counting", 50, build)]

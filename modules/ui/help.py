"""The tab that shows the files of `docs/`. They are read when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.context import Context

from modules.core.settings import ROOT
from modules.hooks import Page, Tab, hookimpl
from modules.ui.form import QUIET

CHAPTERS = {
    "First steps": "using",
    "Controls": "controls",
    "Pictures from pictures": "img2img",
    "Style transfer": "style",
    "Larger pictures": "upscaling",
    "Inside a picture": "inside",
    "Speed": "speed",
    "Models": "models",
    "Errors": "errors",
}


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab("help", "Help", 100, build)]


def build(page: Page) -> None:
    tab = Context.block
    assert isinstance(tab, gr.Tab), "a tab is built inside a gr.Tab"
    with gr.Column(elem_classes="taffy-help"):
        choice = gr.Radio(list(CHAPTERS), value=next(iter(CHAPTERS)), label="Chapter", interactive=True)
        text = gr.Markdown(container=False, visible=False)  # what draws it is fetched when it is seen
    for event in (tab.select, choice.input):
        event(shown, choice, text, **QUIET)


def shown(title: str) -> dict[str, Any]:
    update: dict[str, Any] = gr.update(value=chapter(title), visible=True)
    return update


def chapter(title: str) -> str:
    """The Markdown of a chapter; its pictures come from our own route. Gradio takes scripts out of it."""
    words = (ROOT / "docs" / f"{CHAPTERS[title]}.md").read_text(encoding="utf-8")
    return words.replace("](pictures/", "](/help/pictures/")

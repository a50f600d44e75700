"""The tab with all model files. It is drawn by our own element, which asks the server when the tab is opened first."""

from __future__ import annotations

from collections.abc import Sequence

from modules.hooks import Page, Tab, hookimpl
from modules.ui.controls import html


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab("models", "Models", 60, build)]


def build(page: Page) -> None:
    html("<taffy-models></taffy-models>")

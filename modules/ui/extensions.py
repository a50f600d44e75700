"""The tab with all extensions: switches, faults, settings, and installing. Drawn by our own element."""

from __future__ import annotations

from collections.abc import Sequence

from modules.hooks import Page, Tab, hookimpl
from modules.ui.controls import html


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab("extensions", "Extensions", 95, build)]


def build(page: Page) -> None:
    html("<taffy-extensions></taffy-extensions>")

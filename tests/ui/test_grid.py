"""A grid in a real Chromium: from the form to the pictures of all its cells, also on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browsing import NewPage
from tests.ui.noise import DESK, PHONE, to_tab
from tests.ui.test_axe import AXE, judged

pytestmark = pytest.mark.browser
WIDTHS = "[...document.images].map((image) => image.naturalWidth)"


def asked(page: Page) -> None:
    page.locator("#prompt textarea").fill("a cat")
    for name, number in {"steps": 2, "count": 1}.items():
        page.locator(f"#{name} input[type=number]").fill(str(number))
        page.locator(f"#{name} input[type=number]").press("Tab")
    to_tab(page, "Grid")
    page.get_by_label("X axis").select_option("steps")
    page.get_by_label("Values of X").fill("1-3")
    page.get_by_label("Y axis").select_option("prompt S/R")
    page.get_by_label("Values of Y").fill("cat, rocket")


def test_every_cell_shows_its_picture_also_on_a_phone(new_page: NewPage) -> None:
    page = new_page(viewport=DESK)
    asked(page)
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Make the grid").press("Enter")
        page.get_by_role("link", name="Open the grid").press("Enter")
    grid = opened.value
    expect(grid.get_by_role("status")).to_have_text("6 of 6 cells")
    expect(grid.get_by_role("img", name="steps 3 prompt S/R rocket")).to_be_visible()
    grid.evaluate(AXE)
    for size in (DESK, PHONE):
        grid.set_viewport_size(size)  # type: ignore[arg-type]
        grid.wait_for_function(f"{WIDTHS}.every((width) => width === 64)")
        assert grid.evaluate(WIDTHS) == [64] * 6
        assert grid.evaluate("document.documentElement.scrollWidth") == size["width"]
        assert judged(grid) == []

"""The tab Inside in a real Chromium: steps, by mouse and by keyboard, and another way that stands in the history."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browsing import NewPage, result
from tests.ui.noise import DESK, PHONE
from tests.ui.test_axe import AXE, judged

pytestmark = [pytest.mark.browser, pytest.mark.long]
WHOLE = re.compile("whole")


def shown(page: Page) -> str:
    source: str = page.locator(".inside-frame img").get_attribute("src") or ""
    return source


def opened_inside(page: Page) -> None:
    """By the button under the picture that was just made."""
    page.get_by_role("button", name="Inside", exact=True).click()
    expect(page.get_by_role("heading", name="Inside")).to_be_visible()
    expect(page.locator(".inside-frame img")).to_have_attribute("data-look", WHOLE)


@pytest.fixture
def made(new_page: NewPage) -> Page:
    page = new_page(viewport=DESK)
    page.locator("#prompt textarea").fill("")
    result(page, "a cat inside", steps=5)
    opened_inside(page)
    return page


def test_every_step_can_be_looked_at_quickly_and_then_as_a_whole(made: Page) -> None:
    expect(made.locator(".inside-seen figcaption")).to_contain_text("Step 5 of 5")
    last = shown(made)
    slider = made.get_by_role("slider", name="Step")
    slider.focus()
    slider.press("ArrowLeft")
    expect(made.locator(".inside-seen figcaption")).to_contain_text("Step 4 of 5")
    expect(slider).to_have_attribute("aria-valuetext", "Step 4 of 5")
    expect(made.locator(".inside-frame img")).to_have_attribute("data-look", WHOLE)
    assert shown(made) != last
    slider.press("Home")
    expect(made.locator(".inside-seen figcaption")).to_contain_text("Step 1 of 5 · noise before it 14.6")


def test_another_way_opens_when_it_is_done_and_names_its_parent(made: Page) -> None:
    made.get_by_role("slider", name="Step").press("Home")
    made.get_by_label("Prompt", exact=True).fill("a rocket inside")
    made.get_by_role("button", name="Go another way after step 1").press("Enter")
    expect(made.locator("taffy-inside .taffy-outcome")).to_contain_text("where the other way led")
    expect(made.get_by_label("Prompt", exact=True)).to_have_value("a rocket inside")
    expect(made.get_by_role("heading", name="Its way was left from")).to_be_visible()
    made.locator(".inside-kin button").first.click()
    expect(made.get_by_label("Prompt", exact=True)).to_have_value("a cat inside")
    expect(made.get_by_role("heading", name="Other ways from here")).to_be_visible()


def test_what_cannot_be_is_said_beside_the_button(made: Page) -> None:
    expect(made.get_by_role("button", name="Go back to an earlier step first")).to_be_disabled()
    made.get_by_role("slider", name="Step").press("ArrowLeft")
    made.get_by_label("Seed of the remaining noise").fill("-5")
    made.get_by_role("button", name="Go another way after step 4").click()
    expect(made.locator(".inside-fields [role=alert]")).to_contain_text("Seed of the remaining noise: ")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_it_has_no_serious_barrier_and_does_not_scroll_sideways(new_page: NewPage, size: dict[str, int]) -> None:
    page = new_page(viewport=size)
    result(page, "a cat inside", steps=3)
    opened_inside(page)
    page.evaluate(AXE)
    page.wait_for_timeout(500)  # Gradio fades tabs in
    assert judged(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]

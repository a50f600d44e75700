"""The tab Inside while a picture is made, in a real Chromium: it follows, keeps one's place, and is done in place."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.browsing import Server, ask, open_in, result, strict, wait_until_idle
from tests.ui.noise import DESK, PHONE
from tests.ui.test_axe import AXE, judged

pytestmark = pytest.mark.browser
STEPS = 80
LONG = {"steps": STEPS, "width": 192, "height": 192}


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """One page for all; nothing is open in the tab yet."""
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    with strict(context):
        yield open_in(context, server)


def steps_of(page: Page) -> int:
    return int(page.get_by_role("slider", name="Step").get_attribute("max") or 0)


def to_form(page: Page) -> None:
    page.get_by_role("tab", name="txt2img").click()
    expect(page.locator("#prompt textarea")).to_be_visible()


def test_by_the_button_beside_the_live_picture_its_steps_come_and_a_place_is_kept(page: Page) -> None:
    ask(page, "a cat live", **LONG)
    page.get_by_role("group", name="The running picture").get_by_role("button", name="Inside").press("Enter")
    slider = page.get_by_role("slider", name="Step")
    expect(page.locator("taffy-inside > [role=status]")).to_contain_text("is being made")
    expect(page.locator(".inside-frame img")).to_have_attribute("data-look", "quick")
    expect(page.get_by_role("button", name="Live", exact=True)).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("(({ value, max }) => max > 1 && value === max)(document.querySelector('#inside-step'))")
    page.get_by_role("tab", name="Latents").click()
    slider.press("Home")
    before = steps_of(page)
    page.wait_for_function("before => document.querySelector('#inside-step').max > before", arg=before)
    assert slider.input_value() == "1"
    expect(page.get_by_role("heading", name="The noise it all began with")).to_be_visible()
    expect(page.locator("#inside-panel-latents figcaption").first).to_contain_text("mean ")
    page.get_by_role("tab", name="Another way").click()
    expect(page.get_by_role("tabpanel", name="Another way")).to_contain_text("as soon as the picture is done")
    page.get_by_role("tab", name="Words").click()
    page.get_by_role("button", name="Watch the words from now on").press("Enter")
    cat = page.locator(".inside-words").get_by_role("button", name="cat", exact=True)
    cat.press("Enter")
    expect(page.locator(".inside-overlay")).to_have_attribute("data-word", "cat")
    slider.focus()
    expect(page.locator("taffy-inside > [role=status]")).to_contain_text("The picture is done")
    expect(cat).to_have_attribute("aria-pressed", "true")
    expect(slider).to_have_attribute("max", str(STEPS))
    expect(slider).to_be_focused()
    assert slider.input_value() == "1"
    page.get_by_role("tab", name="Another way").click()
    expect(page.get_by_role("button", name="Go another way after step 1", exact=True)).to_be_enabled()


@pytest.mark.long  # two pictures long enough to be watched
def test_whoever_watches_several_pictures_sees_each_and_then_the_last_one(page: Page) -> None:
    to_form(page)
    ask(page, "two cats live", **{**LONG, "steps": 60, "count": 2})
    page.locator("taffy-queue li.running").get_by_role("button", name="Inside").click()
    image = page.locator(".inside-frame img")
    expect(image).to_have_attribute("alt", re.compile("two cats live"))
    expect(page.locator("taffy-inside > [role=status]")).to_contain_text("The picture is done")
    wait_until_idle(page)
    expect(image).to_have_attribute("data-look", "whole")
    assert page.locator(".inside-choice [aria-pressed=true] img").count() == 1


MOVE_AND_LEAVE = """() => {
    document.querySelector("#inside-step").dispatchEvent(new Event("input"));
    document.querySelector(".inside-live").click();
}"""


def test_one_that_is_stopped_says_so(page: Page) -> None:
    """It is come to from a finished picture, whose step would have been decoded in full a moment later."""
    to_form(page)
    ask(page, "a cat that stops", **LONG)
    page.get_by_role("tab", name="Inside", exact=True).click()
    expect(page.locator(".inside-live")).to_be_visible()
    page.evaluate(MOVE_AND_LEAVE)
    expect(page.locator(".inside-frame img")).to_have_attribute("alt", re.compile("a cat that stops"))
    page.locator("taffy-queue li.running").get_by_role("button", name="Cancel").click()
    expect(page.locator("taffy-inside > [role=status]")).to_contain_text("This picture was stopped")


def test_a_running_picture_has_no_serious_barrier_and_fits_a_phone(page: Page) -> None:
    to_form(page)
    result(page, "a cat before", steps=2, width=64, height=64)
    ask(page, "a cat on a phone", **LONG)
    page.get_by_role("group", name="The running picture").get_by_role("button", name="Inside").click()
    expect(page.locator(".inside-frame img")).to_have_attribute("alt", re.compile("a cat on a phone"))
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.evaluate(AXE)
    assert judged(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.set_viewport_size(DESK)  # type: ignore[arg-type]

"""The mask under real strokes: what is painted is what the form has, what the server keeps, what a job gets."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.mask_page import STROKE, page, server, studio
from tests.ui.noise import DESK, NoisePage
from tests.ui.painting import (
    bring,
    brush,
    drawn,
    gradient,
    mask_of,
    open_tab,
    png,
    request_of,
    same,
    settled,
    shown,
    stroke,
    tool,
    value,
)

__all__ = ["page", "server", "studio"]
pytestmark = pytest.mark.browser


def test_strokes_come_back_as_the_mask(page: Page, server: NoisePage) -> None:
    brush(page, 20)
    stroke(page, *STROKE)
    mask = mask_of(page, server)
    assert same(mask, drawn(STROKE, 20))
    assert not same(mask, drawn([(x + 6, y) for x, y in STROKE], 20))
    expect(page.locator("#mask-blur")).to_be_visible()  # the group opens when somebody paints
    expect(page.locator(".taffy-mask-line")).to_have_text(re.compile(r"^\d+ % of the picture may change\.$"))


def test_the_eraser_undo_and_redo(page: Page, server: NoisePage) -> None:
    brush(page, 30)
    stroke(page, (30, 60), (170, 60))
    painted = drawn([(30, 60), (170, 60)], 30)
    tool(page, "Eraser (E)")
    stroke(page, (100, 20), (100, 100))
    erased = drawn([(100, 20), (100, 100)], 30, painted, 0)
    assert same(mask_of(page, server), erased)
    page.keyboard.press("Control+z")
    assert same(mask_of(page, server), painted)
    page.keyboard.press("Control+Shift+z")
    assert same(mask_of(page, server), erased)
    page.get_by_role("button", name="Undo (Ctrl+Z)").click()
    page.get_by_role("button", name="Undo (Ctrl+Z)").click()
    settled(page)
    assert value(page, "mask") == ""
    page.locator(".taffy-mask-field").focus()
    page.keyboard.press("Control+y")
    assert same(mask_of(page, server), painted)


def test_the_mask_is_there_after_another_tab_and_a_reload_and_goes_into_the_picture(
    page: Page, server: NoisePage
) -> None:
    brush(page, 24)
    stroke(page, *STROKE)
    settled(page)
    mask = value(page, "mask")
    page.get_by_role("tab", name="Settings").click()
    page.get_by_role("tab", name="img2img").click()
    assert value(page, "mask") == mask
    page.reload()
    open_tab(page)
    shown(page)
    page.wait_for_function("mask => document.querySelector('taffy-mask').maskId === mask", arg=mask)
    stroke(page, (170, 20), (180, 20))  # and one can go on painting
    expected = drawn([(170, 20), (180, 20)], 15, drawn(STROKE, 24))
    page.locator("#img2img-prompt textarea").fill("through the mask")
    page.get_by_role("button", name="Generate").click()  # at once: the newest stroke must be in it
    result = page.locator(".taffy-box img.front:visible")
    expect(result).to_have_attribute("alt", "through the mask")
    expect(result).to_have_attribute("src", re.compile("^/pictures/"))
    request = request_of(server, result.get_attribute("src") or "")
    assert request["mask"] == value(page, "mask") != mask
    assert same(mask_of(page, server), expected)


def test_a_mask_painted_while_the_server_is_away_is_kept_when_it_is_back(browser: Browser, server: NoisePage) -> None:
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]  # not a strict one: requests fail
    page = context.new_page()
    page.goto(server.url)
    open_tab(page)
    bring(page, png(gradient()))
    page.route("**/inputs", lambda route: route.abort())
    brush(page, 20)
    stroke(page, *STROKE)
    expect(page.locator(".taffy-mask-line")).to_contain_text("the server did not answer, and is asked again")
    assert value(page, "mask") == ""
    page.unroute("**/inputs")
    assert same(mask_of(page, server), drawn(STROKE, 20))
    context.close()


def test_the_masks_of_a_result_come_back_with_its_parameters(page: Page, server: NoisePage) -> None:
    brush(page, 24)
    stroke(page, *STROKE)
    page.locator("#img2img-prompt textarea").fill("to come back")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".taffy-line:visible")).to_have_text("Done")
    expect(page.locator(".taffy-box img.front:visible")).to_have_attribute("alt", "to come back")
    page.get_by_role("button", name="Clear").click()
    settled(page)
    assert value(page, "mask") == ""
    page.get_by_role("button", name="Reuse parameters").click()
    page.wait_for_function("taffyForm.mask !== ''")
    assert same(mask_of(page, server), drawn(STROKE, 24))
    page.wait_for_function("document.querySelector('taffy-mask').mask.share() > 0.05")

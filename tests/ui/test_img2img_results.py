"""Results on the img2img tab in a real Chromium: sent on, made larger, zoomed out; and what suits photos."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.ui.img2img_tab import begin_long_job, choose_checkpoint, page, server, stop, tab
from tests.ui.noise import NoisePage
from tests.ui.painting import (
    another,
    bring,
    enter,
    front,
    gradient,
    open_tab,
    png,
    request_of,
    result,
    settled,
    shown,
    stroke,
    value,
)

__all__ = ["page", "server", "tab"]
pytestmark = [pytest.mark.browser, pytest.mark.long]  # every sending opens a tab anew; test_results has the buttons


def zoom_out(page: Page) -> None:
    page.get_by_role("button", name="Zoom out").and_(
        page.get_by_title("A quarter more on every side, painted anew")
    ).click()


def test_a_result_is_sent_here_and_there_and_every_sending_can_be_undone(page: Page, server: NoisePage) -> None:
    enter(page, "steps", 4)
    bring(page, png(gradient((64, 64))))
    before = value(page, "image")
    made = result(page, "the parent")
    page.locator("#img2img-prompt textarea").fill("something else")
    page.get_by_role("button", name="To img2img").click()
    page.wait_for_function("before => taffyForm.image !== before", arg=before)
    assert (value(page, "parent"), value(page, "prompt")) == (made.split("/")[-1], "the parent")
    page.get_by_role("button", name="Undo the picture that was sent").click()
    page.wait_for_function("before => taffyForm.image === before", arg=before)
    assert value(page, "prompt") == "something else"
    page.get_by_role("button", name="To inpaint").click()
    expect(page.locator(".taffy-mask-field")).to_be_focused()
    shown(page)
    stroke(page, (20, 20), (40, 40))
    settled(page)
    assert value(page, "mask")
    page.get_by_role("button", name="Remix").click()
    page.wait_for_function("taffyForm.origin === 'remix' && taffyForm.mask === ''")
    expect(page.locator("#img2img-prompt textarea")).to_be_focused()
    child = result(page, "the child")
    request = request_of(server, child)
    assert (request["parent"], request["origin"]) == (made.split("/")[-1], "remix")
    history = page.get_by_role("list", name="What it was made from, oldest first").and_(page.locator(":visible"))
    expect(history.get_by_role("link")).to_have_count(1)
    history.get_by_role("link").click()
    expect(front(page)).to_have_attribute("src", made)


def test_a_result_of_txt2img_comes_over_by_a_click(page: Page, server: NoisePage) -> None:
    page.get_by_role("tab", name="txt2img").click()
    page.locator("#prompt textarea").fill("from words alone")
    page.locator("#prompt textarea").press("Control+Enter")
    expect(front(page)).to_have_attribute("alt", "from words alone")
    expect(page.locator(".taffy-line:visible")).to_have_text("Done")
    page.get_by_role("button", name="To img2img").click()
    expect(page.get_by_role("tab", name="img2img")).to_have_attribute("aria-selected", "true")
    shown(page)
    assert value(page, "prompt") == "from words alone"
    page.get_by_role("button", name="Reuse parameters").click()  # and back to the tab of its kind
    expect(page.get_by_role("tab", name="txt2img")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#prompt textarea")).to_have_value("from words alone")


def test_upscale_and_zoom_out_are_one_click_and_can_be_taken_back(page: Page, server: NoisePage) -> None:
    enter(page, "steps", 4)
    bring(page, png(gradient((64, 64))))
    made = result(page, "small")
    page.get_by_role("button", name="Upscale", exact=True).click()
    larger = another(page, made)
    assert request_of(server, larger)["kind"] == "upscale"
    expect(page.locator(".taffy-about:visible summary")).to_contain_text("128 × 128")
    page.locator(f".taffy-thumbs:visible img[src='{made}']").click()
    zoom_out(page)
    wider = another(page, made)
    request = request_of(server, wider)
    assert [request[name] for name in ("origin", "extend_left", "extend_overlap")] == ["zoom out", 16, 8]
    assert request["parent"] == made.split("/")[-1]
    begin_long_job(page)
    page.locator(f".taffy-thumbs:visible img[src='{made}']").click()
    for act in ("Upscale", "Zoom out", "Vary (subtle)", "Vary (strong)"):
        page.locator(".taffy-actions-row:visible").get_by_role("button", name=act, exact=True).click()
        expect(page.locator(".taffy-said:visible")).to_contain_text("It is on its way.")
        page.get_by_role("button", name="Take it back").click()
        expect(page.locator(".taffy-said:visible")).to_have_text("It was taken back.")
        expect(page.locator("taffy-queue li.waiting")).to_have_count(0)
    stop(page)


def test_edges_are_painted_as_the_checkpoint_that_made_the_picture_can_whatever_the_form_says(
    page: Page, server: NoisePage
) -> None:
    enter(page, "steps", 4)
    bring(page, png(gradient((64, 64))))
    choose_checkpoint(page, "tiny")
    made = result(page, "a bold kitten, watercolor")
    choose_checkpoint(page, "wide")
    zoom_out(page)
    request = request_of(server, another(page, made))
    asked = [request[name] for name in ("checkpoint", "prompt", "strength", "only_masked")]
    assert asked == ["tiny", "watercolor", 0.45, True]
    enter(page, "steps", 4)
    made = result(page, "a bold kitten of wide")
    choose_checkpoint(page, "tiny")
    zoom_out(page)
    request = request_of(server, another(page, made))
    asked = [request[name] for name in ("checkpoint", "prompt", "strength", "only_masked")]
    assert asked == ["wide", "a bold kitten of wide", 0.9, False]


def test_a_photo_is_told_what_this_checkpoint_does_to_it_and_has_its_ways_one_click_away(
    page: Page, server: NoisePage
) -> None:
    choose_checkpoint(page, "tiny")
    enter(page, "steps", 4)
    bring(page, png(gradient((64, 64))))
    advice = page.locator("taffy-advice")
    expect(advice).to_be_hidden()
    bring(page, png(gradient((120, 90))))
    expect(advice).to_contain_text("tiny has only seen small drawings of 64 × 64 pixels")
    before = front(page).get_attribute("src") or ""
    advice.get_by_role("button", name="Make it twice as large").click()
    request = request_of(server, another(page, before))
    assert (request["kind"], request["image"], request["scale"]) == ("upscale", value(page, "image"), 2)
    advice.get_by_role("button", name="Paint at 64 × 64").click()
    page.wait_for_function("taffyForm.width === 64 && taffyForm.height === 64 && taffyForm.resize_mode === 'crop'")
    expect(advice).to_be_hidden()
    page.get_by_role("button", name="Undo its own size and a crop").click()
    expect(advice).to_be_visible()
    image = value(page, "image")
    advice.get_by_role("button", name="Give it other colours").click()
    expect(page.get_by_role("tab", name="style")).to_have_attribute("aria-selected", "true")
    page.wait_for_function("image => taffyForm.image === image && taffyForm.style_mode === 'colour'", arg=image)
    open_tab(page)
    choose_checkpoint(page, "wide")
    expect(advice).to_be_hidden()
    choose_checkpoint(page, "tiny")

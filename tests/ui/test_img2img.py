"""The img2img tab in a real Chromium: how pictures come in, what the strength means, what the form keeps."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.ui.img2img_tab import begin_long_job, page, server, stop, tab
from tests.ui.noise import EVERY_LOOK, PHONE, NoisePage, opened
from tests.ui.painting import (
    as_file,
    box,
    bring,
    enter,
    give,
    gradient,
    input_of,
    open_group,
    open_tab,
    png,
    request_of,
    result,
    shown,
    value,
)
from tests.ui.test_axe import AXE, NARROW, judged, open_folded, scrolls_sideways, settled

__all__ = ["page", "server", "tab"]
pytestmark = [pytest.mark.browser, pytest.mark.long]  # test_mask opens this tab every day


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_is_pasted_or_dropped(page: Page, server: NoisePage, kind: str) -> None:
    picture = gradient((40, 30) if kind == "paste" else (30, 40))
    give(page, kind, png(picture))
    shown(page)
    assert input_of(server, value(page, "image")).tobytes() == picture.tobytes()
    expect(page.locator(".taffy-source-facts")).to_have_text(f"{picture.width} × {picture.height}")


def test_a_picture_dropped_on_an_extensions_control_is_that_controls_alone(page: Page, server: NoisePage) -> None:
    bring(page, png(gradient((64, 64))))
    before, control = value(page, "image"), "controlnet.unit1-image"
    for group in ("Controlnet", "Unit 1"):
        page.locator("#taffy-frame-img2img").get_by_role("button", name=group).click()
    place = f"#taffy-frame-img2img [data-name='{control}']"
    expect(page.locator(place)).to_be_attached()
    give(page, "drop", png(gradient((48, 32))), place=place)
    page.wait_for_function("name => taffyForm[name]?.input", arg=control)
    assert input_of(server, value(page, control)["input"]).size == (48, 32)
    assert value(page, "image") == before


def test_what_was_done_to_a_picture_is_said(page: Page) -> None:
    moving = io.BytesIO()
    gradient((32, 32)).save(moving, "GIF", save_all=True, append_images=[Image.new("RGB", (32, 32), "red")])
    give(page, "drop", moving.getvalue(), "image/gif")
    shown(page)
    expect(page.locator(".taffy-source-notes")).to_contain_text("first frame")


def test_a_file_that_is_no_picture_is_refused_with_the_reason(browser: Browser, server: NoisePage) -> None:
    context = browser.new_context()  # not a strict one: the refusal is an answer of status 422
    page = context.new_page()
    page.goto(server.url)
    open_tab(page)
    give(page, "drop", b"GIF89a is all it has", "image/gif")
    expect(page.locator(".taffy-source-problem")).to_contain_text("not a readable picture")
    context.close()


def test_one_file_of_many_that_is_no_picture_is_named_and_the_others_are_made(
    browser: Browser, server: NoisePage
) -> None:
    context = browser.new_context()  # not a strict one either
    page = context.new_page()
    page.goto(server.url)
    open_tab(page)
    page.get_by_role("button", name="Many pictures").click()
    files = [as_file(b"no picture", "notes.png"), as_file(png(gradient((64, 64))), "good.png")]
    page.locator("taffy-batch input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Generate for all of them").click()
    expect(page.locator("taffy-batch")).to_contain_text("1 job is in the queue.")
    expect(page.locator("taffy-batch")).to_contain_text("notes.png: the file is not a readable picture")
    context.close()


def test_without_a_picture_the_page_says_what_to_do(page: Page) -> None:
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator("taffy-refusal:visible")).to_contain_text("there is no picture to start from")


def test_removing_a_picture_can_be_undone(page: Page) -> None:
    bring(page, png(gradient()))
    image = value(page, "image")
    page.get_by_role("button", name="Remove").click()
    page.wait_for_function("taffyForm.image === ''")
    page.get_by_role("button", name="Undo removing the picture").click()
    page.wait_for_function("image => taffyForm.image === image", arg=image)
    shown(page)


@pytest.mark.parametrize(
    ("strength", "steps", "words"),
    [(0.75, 20, "16 of 20"), (0.6, 20, "13 of 20"), (0, 20, "0 of 20"), (1, 20, "20 of 20"), (0.01, 7, "1 of 7")],
)
def test_how_many_steps_run(page: Page, strength: float, steps: int, words: str) -> None:
    enter(page, "steps", steps)
    enter(page, "strength", strength)
    expect(page.locator(".taffy-run-steps")).to_have_text(f"{words} steps will run.")


def test_exact_steps_run_all_of_them(page: Page) -> None:
    enter(page, "steps", 20)
    enter(page, "strength", 0.5)
    page.get_by_role("checkbox", name="Exact steps").check()
    expect(page.locator(".taffy-run-steps")).to_have_text("20 of 20 steps will run.")
    page.get_by_role("checkbox", name="Exact steps").uncheck()
    expect(page.locator(".taffy-run-steps")).to_have_text("11 of 20 steps will run.")


def test_what_the_strength_means_is_shown_and_waits_for_the_running_job(page: Page) -> None:
    enter(page, "steps", 4)
    bring(page, png(gradient()))
    start = page.get_by_role("img", name="What it starts from")
    expect(start).to_have_attribute("src", re.compile("^data:image"))
    expect(page.get_by_role("img", name="Through the VAE")).to_have_attribute("src", re.compile("^data:image"))
    begin_long_job(page)
    bring(page, png(gradient((48, 64))))
    expect(start).to_be_hidden()  # what was seen there was of the picture before
    enter(page, "strength", 0.33)
    expect(page.locator(".taffy-look-said")).to_have_text("It waits for the running job.")
    with page.expect_response("**/look") as look:
        stop(page)
    assert look.value.ok
    expect(page.locator(".taffy-look-said")).to_be_empty()


def test_the_size_is_the_pictures_own_until_somebody_sets_one(page: Page, server: NoisePage) -> None:
    enter(page, "steps", 4)
    bring(page, png(gradient((72, 48))))
    expect(page.get_by_role("button", name="Its own size, 72 × 48")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#img2img-resize")).to_be_hidden()
    request = request_of(server, result(page, "as large"))
    assert (request["width"], request["height"], request["image"]) == (72, 48, value(page, "image"))
    page.get_by_role("button", name="Its size as numbers").click()
    expect(box(page, "width")).to_have_value("72")
    expect(page.locator("#img2img-resize")).to_be_visible()
    page.get_by_role("button", name="Its own size").click()
    expect(box(page, "height")).to_have_value("0")


def test_a_picture_goes_on_beyond_its_edges(page: Page, server: NoisePage) -> None:
    enter(page, "steps", 4)
    bring(page, png(gradient((64, 64))))
    open_group(page, "extend")
    page.get_by_role("button", name="3:2", exact=True).click()
    expect(page.locator("taffy-extend [role=status]")).to_have_text("The result is 96 × 64 pixels.")
    frame = page.locator(".taffy-frame-line")
    expect(frame).to_have_attribute("x", "-16")
    expect(frame).to_have_attribute("width", "96")
    request = request_of(server, result(page, "wider"))
    assert (request["extend_left"], request["extend_right"], request["width"]) == (16, 16, 96)
    page.get_by_role("button", name="None", exact=True).click()
    expect(page.locator("taffy-extend [role=status]")).to_be_empty()


def test_many_pictures_are_many_jobs(page: Page, server: NoisePage) -> None:
    enter(page, "steps", 4)
    page.locator("#img2img-prompt textarea").fill("one of many")
    page.get_by_role("button", name="Many pictures").click()
    files = [as_file(png(gradient((side, 64))), f"{side}.png") for side in (40, 48)]
    page.locator("taffy-batch input[type=file]").set_input_files(files)
    expect(page.locator("taffy-batch")).to_contain_text("2 files")
    page.get_by_label("Use each picture's own parameters").check()
    page.get_by_role("button", name="Generate for all of them").click()
    expect(page.locator("taffy-batch")).to_contain_text("2 jobs are in the queue.")
    expect(page.locator("taffy-batch")).to_contain_text("48.png: it has no text of its own")
    expect(page.locator(".taffy-thumbs:visible img[alt^='one of many']")).to_have_count(2)
    recent = server.state()["recent"][:2]
    assert sorted(job["pictures"][0]["width"] for job in recent) == [40, 48]
    page.get_by_role("button", name="Many pictures").click()


def test_the_two_forms_keep_their_own_values_over_a_reload(page: Page) -> None:
    bring(page, png(gradient()))
    image = value(page, "image")
    page.locator("#img2img-prompt textarea").fill("here")
    enter(page, "strength", 0.42)
    page.get_by_role("tab", name="txt2img").click()
    page.locator("#prompt textarea").fill("there")
    page.wait_for_function("taffyForm.prompt === 'there'")
    page.reload()
    page.wait_for_function("window.taffyForm?.prompt === 'there'")
    open_tab(page)
    shown(page)
    assert (value(page, "prompt"), value(page, "strength"), value(page, "image")) == ("here", 0.42, image)


@EVERY_LOOK
def test_the_tab_has_no_serious_barrier(browser: Browser, server: NoisePage, size: dict[str, int], scheme: str) -> None:
    with opened(browser, server, size, scheme) as page:
        open_tab(page)
        bring(page, png(gradient()))
        expect(page.get_by_role("button", name="Generate", exact=True)).to_be_in_viewport()
        page.evaluate(AXE)
        open_folded(page)
        settled(page)
        assert judged(page) == []
        for width in (NARROW, size["width"]) if size == PHONE else (size["width"],):
            assert not scrolls_sideways(page, width)

"""The img2img tab in a real Chromium: how pictures come in, what the strength means, where results go from there."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from modules.manager.index import FOLDER
from tests import headers
from tests.ui.noise import EVERY_LOOK, NoisePage, noise_page, opened
from tests.ui.painting import (
    another,
    as_file,
    box,
    bring,
    enter,
    front,
    give,
    gradient,
    input_of,
    open_group,
    open_tab,
    png,
    request_of,
    result,
    settled,
    shown,
    stroke,
    value,
)
from tests.ui.test_axe import AXE, judged, open_folded
from tests.workers import NoiseConfig

pytestmark = [pytest.mark.browser, pytest.mark.long]
CARD = {"concepts": ["fox", "cat"], "hands": ["bold"], "treatments": ["watercolor"], "synonyms": ["kitten"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    """Two checkpoints: "tiny", which knows a few words, and "wide", which knows too many to list."""
    data = tmp_path_factory.mktemp("data")
    headers.header_only(data / "models" / FOLDER / "wide.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headers, "RECORD", headers.RECORD | {"card": CARD})
        with noise_page(data, NoiseConfig(0.02)) as server:
            yield server


@pytest.fixture(scope="module")
def tab(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        open_tab(page)
        yield page


@pytest.fixture
def page(tab: Page) -> Page:
    """On the tab, without a picture."""
    open_tab(tab)
    if value(tab, "image"):
        tab.get_by_role("button", name="Remove").click()
        expect(tab.locator("taffy-mask")).to_be_hidden()
    return tab


def begin_long_job(page: Page) -> None:
    """One that runs until it is stopped."""
    enter(page, "steps", 150)
    enter(page, "count", 64)
    page.locator("#img2img-prompt textarea").fill("a long one")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator("taffy-queue li.running")).to_contain_text("a long one")
    enter(page, "count", 1)


def choose_checkpoint(page: Page, name: str) -> None:
    if value(page, "checkpoint") != name:
        page.locator("#img2img-checkpoint input").click()
        page.get_by_role("option", name=name, exact=True).click()
        page.wait_for_function("name => taffyForm.checkpoint === name", arg=name)


def zoom_out(page: Page) -> None:
    page.get_by_role("button", name="Zoom out").and_(
        page.get_by_title("A quarter more on every side, painted anew")
    ).click()


def stop(page: Page) -> None:
    page.locator(".taffy-stop:visible").click()


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_is_pasted_or_dropped(page: Page, server: NoisePage, kind: str) -> None:
    picture = gradient((40, 30) if kind == "paste" else (30, 40))
    give(page, kind, png(picture))
    shown(page)
    assert input_of(server, value(page, "image")).tobytes() == picture.tobytes()
    expect(page.locator(".taffy-source-facts")).to_have_text(f"{picture.width} × {picture.height}")


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
    page.get_by_role("button", name="Upscale", exact=True).click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator(".taffy-said:visible")).to_have_text("It was taken back.")
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
    page.get_by_role("button", name="Generate for all of them").click()
    expect(page.locator("taffy-batch")).to_contain_text("2 jobs are in the queue.")
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
        page.evaluate(AXE)
        open_folded(page)
        page.wait_for_timeout(300)
        page.wait_for_function("document.getAnimations().every((one) => one.playState !== 'running')")
        assert judged(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_narrow_phone_needs_no_sideways_scrolling(browser: Browser, server: NoisePage) -> None:
    with opened(browser, server, {"width": 360, "height": 780}) as page:
        open_tab(page)
        bring(page, png(gradient()))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        expect(page.get_by_role("button", name="Generate", exact=True)).to_be_in_viewport()

"""The page in a real Chromium, on a real server with a tiny real checkpoint."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat
from playwright.sync_api import Browser, Page, expect

from tests.ui import painting
from tests.ui.browsing import (
    RECORD_PAINTED,
    NewPage,
    Server,
    ask,
    free_port,
    open_in,
    running_server,
    strict,
    wait_for_form,
)
from tests.ui.painting import bring, brush, enter, gradient, mask_of, open_tab, picture_at, png, stroke, tool

pytestmark = pytest.mark.browser
LONG = 150  # steps: seconds enough to look at a job while it runs


@pytest.fixture(scope="module")
def one_page(browser: Browser, server: Server) -> Iterator[Page]:
    """It remembers what was painted."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.add_init_script(RECORD_PAINTED)
    with strict(context):
        yield open_in(context, server)


def wait_for_result(page: Page, prompt: str) -> None:
    """The result of this prompt is what the stage shows."""
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", prompt)
    expect(page.locator(".taffy-box img.front")).to_have_attribute("src", re.compile("^/pictures/"))


def wait_for_steps(page: Page) -> None:
    """The job is some steps old."""
    expect(page.locator(".taffy-line")).to_have_text(re.compile(r"[Ss]tep ([3-9]|\d\d+) of"))


def painted(page: Page) -> list[str]:
    """What kind of picture was on the screen, one after the other."""
    kinds: list[str] = page.evaluate("painted.map(src => src.startsWith('data:') ? 'preview' : 'result')")
    return kinds


def test_the_page_opens_with_the_form_and_the_checkpoints_defaults(page: Page) -> None:
    expect(page.get_by_role("heading", name="Taffy")).to_be_visible()
    expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_be_editable()
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    expect(page.locator("#width input")).to_have_value("64")
    expect(page.locator("#width input")).to_have_attribute("step", "4")
    expect(page.locator("#steps input[type=number]")).to_have_value("4")


def test_the_first_picture_was_drawn_by_itself_and_is_where_the_log_says(server: Server) -> None:
    told = re.search("The first picture is (.*)", (server.data / "server.log").read_text())
    assert told
    assert Image.open(told[1]).info["parameters"].startswith("a cat\n")


def test_a_preview_is_painted_before_the_result(page: Page) -> None:
    page.evaluate("painted.length = 0")
    ask(page, "out of the noise", steps=100)  # not an example: those may run by themselves at the first start
    wait_for_result(page, "out of the noise")
    kinds = painted(page)
    assert kinds.count("preview") >= 3
    assert kinds[-1] == "result"


def test_the_result_says_how_it_was_made_and_is_a_file(page: Page, server: Server) -> None:
    ask(page, "a rocket in the rain", seed=77)
    wait_for_result(page, "a rocket in the rain")
    page.locator(".taffy-about summary").click()
    infotext = page.locator(".taffy-infotext")
    expect(infotext).to_be_visible()
    words = infotext.inner_text()
    assert words.startswith("a rocket in the rain\n")
    assert "Seed: 77," in words
    files = (server.data / "outputs" / "local").rglob("*.png")
    assert words in [Image.open(file).info["parameters"] for file in files]


@pytest.mark.parametrize("stop", ["button", "key"])
def test_stop_stops(page: Page, server: Server, stop: str) -> None:
    ask(page, f"stopped by {stop}", steps=LONG, width=128, height=128)
    wait_for_steps(page)
    if stop == "button":
        page.get_by_role("button", name="Stop", exact=True).click()
    else:
        page.keyboard.press("Escape")
    expect(page.locator(".taffy-line")).to_have_text("Stopped")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
    state = server.state()
    assert state["running"] is None
    assert state["recent"][0]["state"] == "cancelled"


def test_a_reload_finds_the_running_job_and_shows_its_result(page: Page) -> None:
    ask(page, "still here", steps=LONG, count=2)
    wait_for_steps(page)
    page.reload()
    expect(page.locator("taffy-queue li.running")).to_contain_text("still here")
    wait_for_result(page, "still here")
    assert painted(page)[-2:] == ["preview", "result"]


def test_a_reload_keeps_the_form(page: Page) -> None:
    page.locator("#prompt textarea").fill("<b>a long thought</b>")
    page.locator("#seed input").fill("12345")
    page.locator("#seed input").press("Tab")
    page.wait_for_function("localStorage.getItem('taffy-txt2img')")
    page.reload()
    wait_for_form(page)
    expect(page.locator("#prompt textarea")).to_have_value("<b>a long thought</b>")
    expect(page.locator("#seed input")).to_have_value("12345")


@pytest.mark.long  # the page opens more slowly than the tiny engine paints, on a busy machine
def test_a_second_tab_sees_the_same_job_and_its_result(page: Page, server: Server) -> None:
    ask(page, "seen twice", steps=LONG)
    wait_for_steps(page)
    other = page.context.new_page()
    other.goto(server.url)
    expect(other.locator("taffy-queue li.running")).to_contain_text("seen twice")
    wait_for_result(other, "seen twice")
    wait_for_result(page, "seen twice")
    shown = [tab.locator(".taffy-box img.front").get_attribute("src") for tab in (page, other)]
    assert shown[0] == shown[1]
    assert "preview" in painted(other)


@pytest.mark.long
def test_another_browser_sees_the_same_job(page: Page, new_page: NewPage) -> None:
    ask(page, "on the sofa", steps=LONG)
    wait_for_steps(page)
    phone = new_page(viewport={"width": 390, "height": 844})
    wait_for_result(phone, "on the sofa")


def test_an_older_picture_can_be_looked_at_while_a_job_runs(page: Page) -> None:
    ask(page, "the older one")
    wait_for_result(page, "the older one")
    ask(page, "the newer one", steps=LONG, width=128, height=128)
    wait_for_steps(page)
    page.get_by_role("button", name="the older one (seed").first.click()
    wait_for_result(page, "the older one")
    page.get_by_role("button", name="Live").click()
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", re.compile("Preview of “the newer one”"))
    page.keyboard.press("Escape")
    expect(page.locator(".taffy-line")).to_have_text("Stopped")


def test_the_infotext_can_be_copied(page: Page) -> None:
    ask(page, "copy me")
    wait_for_result(page, "copy me")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("copy me\n")


def test_the_form_stays_open_while_a_job_runs_and_a_waiting_job_can_be_cancelled(page: Page) -> None:
    ask(page, "the first", steps=LONG, width=128, height=128)
    wait_for_steps(page)
    ask(page, "the second")
    waiting = page.locator("taffy-queue li.waiting")
    expect(waiting).to_contain_text("the second")
    waiting.get_by_role("button", name="Cancel “the second”").click()
    expect(waiting).to_have_count(0)
    page.get_by_role("button", name="Cancel “the first”").click()
    expect(page.locator(".taffy-line")).to_have_text("Stopped")


def test_a_bad_size_is_a_sentence_in_the_page_and_the_form_stays(page: Page, server: Server) -> None:
    before = len(server.state()["recent"])
    ask(page, "too odd", width=65)
    refusal = page.get_by_role("alert").filter(has_text="65")
    expect(refusal).to_be_in_viewport()
    expect(refusal).to_contain_text("4")
    expect(page.locator("#prompt textarea")).to_have_value("too odd")
    expect(page.locator("#width input")).to_have_value("65")
    assert len(server.state()["recent"]) == before
    ask(page, "even", width=64)
    wait_for_result(page, "even")
    expect(page.locator("taffy-refusal")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "value", "sentence"), [("steps", "151", "steps"), ("count", "", "Pictures: a whole number")]
)
def test_other_bad_values_are_sentences_too(page: Page, name: str, value: str, sentence: str) -> None:
    page.locator(f"#{name} input[type=number]").fill(value)
    page.keyboard.press("Control+Enter")
    expect(page.locator("taffy-refusal")).to_contain_text(sentence)


def test_words_from_outside_are_text_and_never_markup(page: Page) -> None:
    prompt = "<img src=nowhere onerror=alert(1)> & 'quotes'"
    ask(page, prompt)
    wait_for_result(page, prompt)
    expect(page.locator(".taffy-infotext")).to_contain_text(prompt)
    expect(page.locator("taffy-queue li").first).to_contain_text(prompt)


def test_what_is_painted_over_is_what_changes_and_not_a_pixel_beyond(new_page: NewPage, server: Server) -> None:
    page = new_page()
    picture = gradient((96, 64))
    open_tab(page)
    for name, number in {"steps": 4, "strength": 1, "seed": 7}.items():
        enter(page, name, number)
    bring(page, png(picture))
    brush(page, 16)
    stroke(page, (20, 20), (60, 30))
    stroke(page, (70, 50), (80, 50))
    tool(page, "Eraser (E)")
    stroke(page, (40, 16), (40, 36))
    mask = mask_of(page, server).filter(ImageFilter.GaussianBlur(painting.value(page, "mask_blur")))
    painted = picture_at(server, painting.result(page, "something else"))
    changed = ImageChops.difference(painted, picture).convert("L")
    seen = mask.point(lambda level: 255 if level else 0)
    assert 0 < ImageStat.Stat(seen).mean[0] < 200
    assert (
        ImageChops.darker(changed.point(lambda level: 255 if level else 0), ImageChops.invert(seen)).getbbox() is None
    )
    assert ImageStat.Stat(changed, mask.point(lambda level: 255 if level > 200 else 0)).mean[0] > 20


def test_an_extensions_control_reaches_the_picture(page: Page) -> None:
    page.get_by_role("button", name="Invert").click()
    page.get_by_label("Invert colours").check()
    ask(page, "the other way round", seed=5)
    wait_for_result(page, "the other way round")
    expect(page.locator(".taffy-infotext")).to_contain_text("invert/enabled: true")


def test_the_live_part_survives_being_taken_out_and_put_back(page: Page) -> None:
    ask(page, "back again")
    wait_for_result(page, "back again")
    page.evaluate(
        "const stage = document.querySelector('taffy-stage'); stage.outerHTML = '<taffy-stage></taffy-stage>'"
    )
    wait_for_result(page, "back again")


def test_progress_is_announced_at_every_tenth(page: Page) -> None:
    page.evaluate("""() => {
        const spoken = document.querySelector("taffy-stage [role=status]");
        window.heard = [];
        new MutationObserver(() => heard.push(spoken.textContent)).observe(spoken, {childList: true});
    }""")
    ask(page, "listen", steps=40)
    wait_for_result(page, "listen")
    expect(page.locator(".taffy-line")).to_have_text("Done")
    percent = page.evaluate("heard.filter(words => words.endsWith('percent'))")
    assert 3 <= len(percent) <= 11
    assert all(re.fullmatch(r"\d*0 percent", words) for words in percent)


def test_a_phone_shows_the_picture_first_and_generate_without_scrolling(new_page: NewPage) -> None:
    page = new_page(viewport={"width": 360, "height": 844}, is_mobile=True, has_touch=True)
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.get_by_role("button", name="Generate")).to_be_in_viewport(ratio=1)
        expect(page.locator(".taffy-box")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_be_in_viewport()


@pytest.mark.parametrize(("scheme", "darkest", "brightest"), [("dark", 0, 90), ("light", 150, 255)])
def test_screenshots_are_not_blank(page: Page, scheme: str, darkest: int, brightest: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.reload()
    wait_for_form(page)
    image = Image.open(io.BytesIO(page.screenshot())).convert("L")
    histogram = image.histogram()
    middle = sum(level * count for level, count in enumerate(histogram)) / sum(histogram)
    assert darkest < middle < brightest
    assert sum(count > 0 for count in histogram) > 30


@pytest.mark.long
def test_the_page_comes_back_with_the_server(browser: Browser, tmp_path: Path, tiny_models: Path) -> None:
    port = free_port()
    context = browser.new_context()
    with running_server(port, tmp_path, tiny_models) as server:
        page = open_in(context, server)
        ask(page, "before the crash")
        wait_for_result(page, "before the crash")
    expect(page.locator(".taffy-line")).to_have_text("The server does not answer. Trying again …")
    with running_server(port, tmp_path, tiny_models):
        expect(page.locator("taffy-engine")).to_have_attribute("data-state", "ready")
        ask(page, "after the crash")
        wait_for_result(page, "after the crash")
        context.close()

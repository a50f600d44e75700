"""What can be done with results and waiting jobs, in a real Chromium."""

from __future__ import annotations

import json
import re
from io import BytesIO
from urllib.request import urlopen

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.ui.browsing import NewPage, Server, asked_over_http, result, wait_until_idle

pytestmark = pytest.mark.browser
LONG = 150  # steps: seconds enough to look at a job while it runs
LISTEN = "window.reused = []; document.addEventListener('taffy-reuse', ({ detail }) => reused.push(detail))"


def waiting(page: Page) -> list[str]:
    return page.locator("taffy-queue li.waiting .taffy-prompt").all_inner_texts()


def shown(page: Page) -> str | None:
    return page.locator(".taffy-viewer img").get_attribute("src")


@pytest.fixture
def line(page: Page) -> Page:
    """A page while one job runs and three wait."""
    for number, prompt in enumerate(["runs", "one", "two", "three"]):
        asked_over_http(page, prompt=prompt, steps=4 if number else LONG, count=1 if number else 8)
    expect(page.locator("taffy-queue li.waiting")).to_have_count(3)
    expect(page.locator("taffy-queue li.running")).to_contain_text("runs")
    return page


def end_line(page: Page) -> None:
    page.get_by_role("button", name="Cancel “runs”").click()
    wait_until_idle(page)


def test_waiting_jobs_are_moved_by_buttons(line: Page, server: Server) -> None:
    line.get_by_role("button", name="Make “three” sooner").click()
    expect(line.locator("taffy-queue li.waiting .taffy-prompt")).to_have_text(["one", "three", "two"])
    line.get_by_role("button", name="Make “one” later").click()
    expect(line.locator("taffy-queue li.waiting .taffy-prompt")).to_have_text(["three", "one", "two"])
    assert [job["prompt"] for job in server.state()["waiting"]] == ["three", "one", "two"]
    expect(line.get_by_role("button", name="Make “three” sooner")).to_have_attribute("aria-disabled", "true")
    end_line(line)
    assert [job["prompt"] for job in server.state()["recent"][:3]] == ["two", "one", "three"]


def test_waiting_jobs_are_moved_by_keys_and_keep_the_focus(line: Page) -> None:
    line.get_by_role("button", name="Cancel “three”").focus()
    line.keyboard.press("ArrowUp")
    expect(line.locator("taffy-queue li.waiting .taffy-prompt")).to_have_text(["one", "three", "two"])
    expect(line.get_by_role("button", name="Cancel “three”")).to_be_focused()
    expect(line.locator("taffy-queue [role=status]")).to_have_text("“three” is number 2 of those that wait")
    line.keyboard.press("ArrowUp")
    expect(line.locator("taffy-queue li.waiting .taffy-prompt")).to_have_text(["three", "one", "two"])
    line.keyboard.press("ArrowUp")  # it is the first already
    line.keyboard.press("ArrowDown")
    expect(line.locator("taffy-queue li.waiting .taffy-prompt")).to_have_text(["one", "three", "two"])
    end_line(line)


def test_a_done_job_shows_its_pictures(page: Page) -> None:
    result(page, "the earlier one")
    result(page, "the later one")
    page.locator("taffy-queue").get_by_role("button", name="done the earlier one").first.click()
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", "the earlier one")
    expect(page.get_by_role("button", name="the earlier one (seed").first).to_have_attribute("aria-pressed", "true")


def test_the_header_says_the_checkpoint_and_the_memory(page: Page) -> None:
    result(page, "heavy")
    expect(page.locator(".taffy-loaded")).to_have_text("tiny")
    expect(page.locator("taffy-engine")).to_contain_text(re.compile(r"memory \d+\.\d of \d+\.\d GB"))


def test_f_opens_the_full_size_and_escape_gives_the_focus_back(page: Page) -> None:
    result(page, "large")
    button = page.get_by_role("button", name="Full size")
    button.focus()
    page.keyboard.press("f")
    viewer = page.get_by_role("dialog", name="Full size")
    expect(viewer).to_be_visible()
    for _ in range(12):  # round and round, never out of it
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(button).to_be_focused()


def test_the_viewer_shows_every_pixel_at_100_percent(page: Page) -> None:
    result(page, "to the pixel", width=64, height=64)
    page.locator(".taffy-box").click()
    image = page.locator(".taffy-viewer img")
    box = image.bounding_box()
    assert box is not None
    assert box["width"] == 1280
    page.keyboard.press("z")
    box = image.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (64, 64)
    expect(page.get_by_role("button", name="100 %")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="100 %").click()
    box = image.bounding_box()
    assert box is not None
    assert box["width"] == 1280


def test_arrows_go_through_the_results_in_the_viewer_and_on_the_page(page: Page) -> None:
    result(page, "many", count=3)
    page.locator(".taffy-box").click()
    first = shown(page)
    page.keyboard.press("ArrowLeft")
    assert shown(page) == first  # the newest is the first
    page.keyboard.press("ArrowRight")
    assert shown(page) != first
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".taffy-thumbs [aria-pressed=true]")).to_have_count(1)
    page.locator(".taffy-thumbs [aria-pressed=true]").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".taffy-box img.front")).to_have_attribute("src", first or "")


def test_letters_typed_into_the_form_are_letters(page: Page) -> None:
    result(page, "quiet")
    page.locator("#prompt textarea").fill("")
    page.locator("#prompt textarea").press_sequentially("f?z")
    expect(page.locator("#prompt textarea")).to_have_value("f?z")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_question_mark_opens_the_list_of_keys(page: Page) -> None:
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Ctrl + Enter")
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    page.locator("taffy-engine").get_by_role("button", name="Keys").click()
    expect(keys).to_be_visible()
    keys.get_by_role("button", name="Close").click()
    expect(keys).to_have_count(0)


def test_reuse_tells_the_form_what_made_the_picture(page: Page) -> None:
    page.evaluate(LISTEN)
    result(page, "once more", seed=321, steps=5)
    page.get_by_role("button", name="Reuse parameters").click()
    page.wait_for_function("reused.length === 1")
    page.get_by_role("button", name="Reuse seed").click()
    everything, seed = page.evaluate("reused")
    assert (everything["prompt"], everything["seed"], everything["steps"]) == ("once more", 321, 5)
    assert seed == {"seed": 321}


@pytest.mark.parametrize(("button", "strength"), [("Vary (subtle)", 0.15), ("Vary (strong)", 0.45)])
def test_vary_makes_the_picture_once_more_with_other_noise(
    page: Page, server: Server, button: str, strength: float
) -> None:
    result(page, f"{button} me", seed=55)
    before = page.locator(".taffy-box img.front").get_attribute("src") or ""
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator(".taffy-box img.front")).not_to_have_attribute("src", re.compile(f"^{before}$|^data:"))
    after = page.locator(".taffy-box img.front").get_attribute("src")
    request = json.load(urlopen(f"{server.url}{after}/request"))
    assert (request["prompt"], request["seed"], request["variation_strength"]) == (f"{button} me", 55, strength)
    assert request["variation_seed"] >= 0


def test_what_came_while_another_tab_was_looked_at_says_what_it_was_made_from(page: Page) -> None:
    result(page, "the mother", seed=5)
    mother = (page.locator(".taffy-box img.front").get_attribute("src") or "").rpartition("/")[2]
    page.get_by_role("tab", name="Settings").click()
    asked_over_http(page, prompt="the child", parent=mother, origin="vary")
    expect(page.locator("taffy-queue li.done").first).to_contain_text("the child")
    page.get_by_role("tab", name="txt2img").click()
    expect(page.get_by_role("list", name="What it was made from, oldest first").get_by_role("link")).to_have_count(1)


def test_a_fast_picture_says_so_and_is_made_exact_by_one_click(page: Page, server: Server) -> None:
    result(page, "exact one", seed=7)
    again = page.get_by_role("button", name="Same, exact")
    expect(again).to_be_hidden()
    asked_over_http(page, prompt="fast one", seed=7, fast_every=3)
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", "fast one")
    wait_until_idle(page)
    expect(page.get_by_text("Fast mode: one of 3 steps is whole")).to_be_visible()
    before = page.locator(".taffy-box img.front").get_attribute("src") or ""
    again.click()
    expect(page.locator(".taffy-box img.front")).not_to_have_attribute("src", re.compile(f"^{before}$|^data:"))
    after = page.locator(".taffy-box img.front").get_attribute("src")
    request = json.load(urlopen(f"{server.url}{after}/request"))
    assert (request["seed"], request["fast_every"], request["origin"]) == (7, 1, "exact")
    expect(again).to_be_hidden()
    expect(page.get_by_text(re.compile(r"The fast picture's likeness to the exact one: [01]\.\d{3}"))).to_be_visible()


def test_a_picture_and_its_film_can_be_saved(page: Page) -> None:
    result(page, "to keep", steps=20)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename.endswith(".png")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the film").click()
    film = Image.open(BytesIO(saved.value.path().read_bytes()))
    assert (film.format, getattr(film, "n_frames", 1) > 2) == ("WEBP", True)


def test_a_phone_has_it_all_without_scrolling_sideways(new_page: NewPage) -> None:
    page = new_page(viewport={"width": 360, "height": 844}, is_mobile=True, has_touch=True)
    result(page, "on the road")
    button = page.get_by_role("button", name="Full size")
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 40
    button.tap()
    expect(page.get_by_role("dialog", name="Full size")).to_be_visible()
    for name in ("The picture before", "The next picture", "Close"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Close").tap()
    expect(page.get_by_role("dialog")).to_have_count(0)

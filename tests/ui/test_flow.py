"""A visit to the page, from the first picture to the help, in a real Chromium.

On a desk in the light and on a phone in the dark; test_looks.py and test_axe.py see every tab in all four.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from modules.core.request import GenerationRequest
from tests import headers
from tests.ui.noise import DESK, PHONE, NoisePage, noise_page, opened, to_tab
from tests.workers import NoiseConfig

pytestmark = [pytest.mark.browser, pytest.mark.long]
CARD = {
    "examples": ["a castle, van gogh oil painting", "a cat"],
    "concepts": ["cat", "castle"],
    "treatments": ["van gogh oil painting"],
    "synonyms": ["kitty"],
}
VISITS = [
    pytest.param((DESK, "light"), id="1280-light"),
    pytest.param((PHONE, "dark"), id="390-dark", marks=pytest.mark.long),
]
KEPT = "localStorage.getItem('taffy-txt2img')"  # what the browser remembers, in cipher
ENDLESS = {"steps": 150, "count": 64}  # until it is cancelled


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headers, "RECORD", headers.RECORD | {"card": CARD})
        with noise_page(tmp_path_factory.mktemp("data"), NoiseConfig(0.02)) as server:
            yield server


@pytest.fixture(params=VISITS)
def page(request: pytest.FixtureRequest, browser: Browser, server: NoisePage) -> Iterator[Page]:
    size, scheme = request.param
    with opened(browser, server, size, scheme) as page:
        yield page
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    server.end_jobs()  # of a test that failed


def prompt(page: Page) -> Locator:
    return page.locator("#prompt textarea")


def front(page: Page) -> Locator:
    return page.locator(".taffy-box img.front")


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} input[type=number]")


def generate(page: Page, words: str, **numbers: int) -> None:
    """Write, and press the button."""
    for name, number in numbers.items():
        field(page, name).fill(str(number))
        field(page, name).press("Tab")
    prompt(page).fill(words)
    page.wait_for_function("text => taffyForm?.prompt === text", arg=words)
    page.get_by_role("button", name="Generate").click()


def done(page: Page, words: str) -> None:
    expect(front(page)).to_have_attribute("alt", words)
    expect(page.locator("taffy-queue li.running, taffy-queue li.waiting")).to_have_count(0)
    expect(page.locator(".taffy-line")).to_have_text("Done")


def put(server: NoisePage, prompt: str, **values: Any) -> str:
    return server.app.submit(GenerationRequest(prompt=prompt, width=64, height=64, **values), "local")


def test_the_first_picture_is_there_and_four_more_come_side_by_side(page: Page) -> None:
    expect(prompt(page)).to_have_value("a castle, van gogh oil painting")
    expect(page.locator(".taffy-thumbs img").first).to_be_visible()  # drawn by itself at the first start
    expect(field(page, "count")).to_have_value("4")
    generate(page, "four cats", steps=40)
    expect(front(page)).to_have_attribute("alt", re.compile("^Preview of “four cats”"))
    done(page, "four cats")
    tiles = page.locator(".taffy-grid button")
    expect(tiles).to_have_count(4)
    expect(tiles.first).to_have_attribute("aria-current", "true")
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_have_attribute("aria-current", "true")
    tiles.nth(2).click()
    expect(tiles).to_have_count(4)
    expect(page.locator(".taffy-grid")).to_be_hidden()
    expect(page.locator(".taffy-thumbs button").nth(2)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("g")
    expect(page.locator(".taffy-grid")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_role("dialog", name="Full size")).to_contain_text("3 of")
    page.keyboard.press("Escape")


def test_words_it_never_saw_are_underlined_in_the_prompt_and_replaced_by_click_or_key(page: Page) -> None:
    prompt(page).fill("a kat and a castel in the style of van gogh, a kitty, ")
    marks = page.locator(".taffy-mirror mark")
    expect(marks).to_have_text(["kat", "castel"])
    assert "wavy" in marks.first.evaluate("mark => getComputedStyle(mark).textDecoration")
    expect(page.locator("taffy-words [role=status]")).to_contain_text("kat is not a word tiny knows")
    word, box = marks.first.bounding_box(), prompt(page).bounding_box()
    assert word and box
    prompt(page).click(position={"x": word["x"] - box["x"] + 4, "y": word["y"] - box["y"] + 6})
    page.get_by_role("option", name="cat", exact=True).click()
    expect(prompt(page)).to_have_value("a cat and a castel in the style of van gogh, a kitty, ")
    prompt(page).evaluate("box => box.setSelectionRange(14, 14)")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Tab")
    expect(prompt(page)).to_have_value("a cat and a castle in the style of van gogh, a kitty, ")
    expect(marks).to_have_count(0)
    expect(page.get_by_role("button", name="Undo")).to_have_text("Undo “castel” became “castle”")


def test_the_lines_stay_under_their_words_when_a_long_prompt_scrolls(page: Page) -> None:
    prompt(page).fill("a castle and a cat\n" * 20 + "a kat ")
    expect(page.locator(".taffy-mirror mark")).to_have_text(["kat"])
    ends = "[...document.querySelectorAll('#prompt textarea, .taffy-mirror')].map(one => one.scrollTop)"
    prompt(page).evaluate("box => { box.scrollTop = box.scrollHeight }")
    page.wait_for_function(f"new Set({ends}).size === 1 && {ends}[0] > 0")
    heights = page.evaluate(ends.replace("scrollTop", "scrollHeight"))
    assert abs(heights[0] - heights[1]) <= 2


def test_the_negative_prompt_opens_by_key_or_click_and_stays_open_while_it_says_something(page: Page) -> None:
    negative = page.locator("#negative textarea")
    expect(negative).to_be_hidden()
    page.get_by_role("button", name="Negative prompt").click()
    expect(negative).to_be_focused()
    page.reload()
    page.wait_for_function("window.taffyForm?.checkpoint")
    expect(negative).to_be_hidden()
    page.locator("h1").click()
    page.keyboard.press("n")
    expect(negative).to_be_focused()
    kept = page.evaluate(KEPT)
    page.keyboard.insert_text("blurred")
    page.wait_for_function(f"kept => {KEPT} !== kept", arg=kept)
    page.reload()
    expect(negative).to_be_visible()
    expect(negative).to_have_value("blurred")


def test_a_recipe_comes_back_and_a_variation_is_made(page: Page) -> None:
    generate(page, "first words", count=1, seed=77, steps=5)
    done(page, "first words")
    prompt(page).fill("other words")
    page.wait_for_function("taffyForm.prompt === 'other words'")
    page.get_by_role("button", name="Reuse parameters").click()
    expect(prompt(page)).to_have_value("first words")
    page.get_by_role("button", name="Undo").click()
    expect(prompt(page)).to_have_value("other words")
    before = front(page).get_attribute("src") or ""
    page.get_by_role("button", name="Vary (subtle)").click()
    expect(front(page)).not_to_have_attribute("src", re.compile(f"^{before}$|^data:"))
    expect(page.locator(".taffy-infotext")).to_contain_text("Variation seed strength: 0.15")
    done(page, "first words")
    page.get_by_role("button", name="Vary (strong)").click()
    expect(page.locator(".taffy-infotext")).to_contain_text(
        re.compile(r'strength: 0.45, Earlier variations: "\d+:0.15"')
    )
    done(page, "first words")
    expect(page.locator(".taffy-history li")).to_have_text(["vary →", "vary →"])
    page.get_by_role("button", name="Reuse parameters").click()
    page.wait_for_function("taffyForm.earlier_variations.endsWith(':0.15') && taffyForm.variation_strength === 0.45")


def test_jobs_wait_change_places_and_are_cancelled_and_a_reload_finds_them(page: Page, server: NoisePage) -> None:
    put(server, "runs", **ENDLESS)
    put(server, "one")
    put(server, "two")
    waiting = page.locator("taffy-queue li.waiting .taffy-prompt")
    expect(waiting).to_have_text(["one", "two"])
    page.get_by_role("button", name="Make “two” sooner").click()
    expect(waiting).to_have_text(["two", "one"])
    page.reload()
    expect(waiting).to_have_text(["two", "one"])
    expect(front(page)).to_have_attribute("alt", re.compile("^Preview of “runs”"))
    for name in ("one", "two", "runs"):
        page.get_by_role("button", name=f"Cancel “{name}”").click()
    expect(page.locator("taffy-queue li.running, taffy-queue li.waiting")).to_have_count(0)


def test_live_waits_for_a_running_job_and_leaves_one_picture(page: Page, server: NoisePage) -> None:
    generate(page, "asked for", **ENDLESS)
    expect(page.locator("taffy-queue li.running")).to_contain_text("asked for")
    page.get_by_role("switch", name="Live").check()
    for words in ("live a", "live b", "live c"):
        prompt(page).fill(words)
        expect(page.locator("taffy-queue li.waiting .taffy-prompt")).to_have_text([words])
    expect(page.locator("taffy-live [role=status]")).to_have_text("Live waits for the running job")
    page.get_by_role("button", name="Cancel “asked for”").click()
    expect(front(page)).to_have_attribute("alt", "live c")
    expect(page.locator("taffy-live [role=status]")).to_have_text("")
    prompt(page).fill("live d")
    done(page, "live d")
    assert [job["prompt"] for job in server.state()["recent"]][:2] == ["live d", "asked for"]
    page.get_by_role("switch", name="Live").uncheck()


def test_the_film_and_the_tile_are_made(page: Page) -> None:
    page.get_by_role("button", name="Sampling").click()
    page.get_by_label("Seamless tile").check()
    generate(page, "endless", count=1)
    done(page, "endless")
    expect(page.locator(".taffy-infotext")).to_contain_text(re.compile("[Tt]iling"))
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the film").click()
    assert saved.value.path().read_bytes()[8:12] == b"WEBP"


def test_a_control_opens_its_place_in_the_help(page: Page) -> None:
    expect(page.locator("#steps")).to_have_attribute("title", re.compile("15 to 30 are usual"))
    field(page, "steps").focus()
    page.keyboard.press("F1")
    headline = page.get_by_role("heading", name="Steps", exact=True)
    expect(headline).to_be_focused()
    expect(headline).to_be_in_viewport()
    to_tab(page, "txt2img")
    page.locator("#cfg").hover()
    page.locator("#cfg .taffy-about-control").click()
    expect(page.get_by_role("heading", name="CFG scale", exact=True)).to_be_focused()


def test_a_setting_is_changed_and_reset(page: Page) -> None:
    to_tab(page, "Settings")
    page.locator("[name=queue_limit]").fill("5")
    page.locator("[name=queue_limit]").press("Tab")
    setting = page.locator(".taffy-setting", has=page.locator("[name=queue_limit]"))
    expect(setting).to_contain_text("From: file settings.toml.")
    page.get_by_role("button", name="Reset Queue limit").click()
    expect(page.locator("[name=queue_limit]")).to_have_value("100")


def test_a_count_that_somebody_chose_stays_and_the_usual_one_follows_the_measured_seconds(
    browser: Browser, server: NoisePage
) -> None:
    with opened(browser, server) as page:
        done(page, front(page).get_attribute("alt") or "")
        expect(field(page, "count")).to_have_value("4")
        field(page, "width").fill("640")
        field(page, "width").press("Tab")
        field(page, "height").fill("640")
        field(page, "height").press("Tab")
        expect(field(page, "count")).to_have_value("1")  # a hundred times the pixels of what was measured
        field(page, "count").fill("3")
        field(page, "count").press("Tab")
        page.get_by_role("button", name="Square", exact=True).click()
        expect(field(page, "width")).to_have_value("64")
        page.wait_for_timeout(800)
        expect(field(page, "count")).to_have_value("3")


def test_the_hint_names_the_folder_of_this_server(page: Page, server: NoisePage) -> None:
    expect(page.locator(".taffy-note:visible").first).to_contain_text(str(server.app.models_folder))

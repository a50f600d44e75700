"""The first minute: what a newcomer meets under the prompt, and what helps while writing. In a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import headers
from tests.ui.browsing import NewPage, Server
from tests.ui.noise import NoisePage, noise_page, opened
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser

KEPT = "localStorage.getItem('taffy-txt2img-groups')"  # what the browser remembers, in cipher

SWITCHED_OFF = """(prompt) => {
    document.dispatchEvent(new CustomEvent("taffy-form", {detail: {tab: "txt2img", form: {...taffyForm, prompt}}}));
    document.querySelector("#taffy-frame-txt2img taffy-live input").click();
}"""  # at the moment when something was written


def prompt(page: Page) -> Locator:
    return page.locator("#prompt textarea")


def number(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} input[type=number]")


def undo(page: Page) -> Locator:
    return page.get_by_role("button", name="Undo")


def jobs(server: Server) -> int:
    """How many jobs there are, in any state."""
    state = server.state()
    return len(state["recent"]) + len(state["waiting"]) + bool(state["running"])


def fill(page: Page, text: str) -> None:
    """Write, and wait until the form knows."""
    prompt(page).fill(text)
    page.wait_for_function("text => taffyForm?.prompt === text", arg=text)


def unfold(page: Page, group: str, inside: str) -> None:
    """Open a group of controls, if it is folded; inside: the label of one of them."""
    if not page.get_by_label(inside).first.is_visible():
        page.get_by_role("button", name=group).click()


@pytest.fixture
def first_day(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Page, NoisePage]]:
    """A page on a data folder and a models folder of their own."""
    monkeypatch.setattr(headers, "RECORD", headers.RECORD | {"card": {"examples": ["a cat"]}})
    with noise_page(tmp_path, NoiseConfig()) as server, opened(browser, server) as page:
        yield page, server


def test_on_the_first_start_the_example_is_drawn_by_itself_and_the_list_of_checkpoints_grows_by_itself(
    first_day: tuple[Page, NoisePage],
) -> None:
    page, server = first_day
    expect(prompt(page)).to_have_value("a cat")
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", re.compile("a cat"))
    expect(page.locator(".taffy-line")).to_have_text("Done")

    fill(page, "still mine")
    folder = server.data / "models" / "Stable-diffusion"
    (folder / "newcomer.part").write_bytes((folder / "tiny.safetensors").read_bytes())
    with page.expect_response(re.compile("/gradio_api/run/")):  # the list is filled anew
        (folder / "newcomer.part").rename(folder / "newcomer.safetensors")
    page.locator("#checkpoint input").click()
    expect(page.get_by_role("option", name="newcomer")).to_be_visible()
    page.get_by_role("option", name="newcomer").click()
    expect(page.locator("#checkpoint input")).to_have_value("newcomer")
    expect(prompt(page)).to_have_value("still mine")
    expect(undo(page)).to_have_text("Undo newcomer and its defaults")
    undo(page).click()
    expect(page.locator("#checkpoint input")).to_have_value("tiny")


def test_an_example_fills_the_prompt_and_can_be_undone(page: Page) -> None:
    fill(page, "my own words")
    page.locator("taffy-words summary", has_text="Examples").click()
    examples = page.locator("taffy-words details", has_text="Examples")
    if examples.get_attribute("open") is None:
        page.locator("taffy-words summary", has_text="Examples").click()
    examples.get_by_role("button", name="a cat", exact=True).click()
    expect(prompt(page)).to_have_value("a cat")
    expect(undo(page)).to_have_text("Undo the example")
    undo(page).click()
    expect(prompt(page)).to_have_value("my own words")
    expect(undo(page)).to_be_hidden()


def test_examples_stay_as_they_were_left(page: Page) -> None:
    page.evaluate("localStorage.removeItem('taffy-examples')")
    examples = page.locator("taffy-words details", has_text="Examples")
    was_open = examples.get_attribute("open") is not None
    page.locator("taffy-words summary", has_text="Examples").click()
    page.reload()
    page.wait_for_function("window.taffyForm?.checkpoint")
    expect(examples).to_be_attached()
    page.wait_for_function(
        "open => [...document.querySelectorAll('taffy-words details')][0].open === open", arg=not was_open
    )


def test_the_tokens_are_counted(page: Page) -> None:
    fill(page, "a photo of a (cat:1.2)")
    expect(page.locator(".taffy-tokens")).to_contain_text("5/75")
    fill(page, "cat " * 80)
    expect(page.locator(".taffy-tokens")).to_contain_text("80/150")


def test_a_word_it_never_saw_is_named_with_the_nearest_it_knows(page: Page) -> None:
    fill(page, "a kat, <b>zeppelin</b> style ")
    strange = page.locator(".taffy-unknown li")
    expect(strange).to_have_count(2)
    expect(strange.first).to_contain_text("is not a word tiny knows")
    page.get_by_role("button", name="Replace “kat” by “cat”").click()
    expect(prompt(page)).to_have_value("a cat, <b>zeppelin</b> style ")
    expect(strange).to_have_count(1)
    undo(page).click()
    expect(prompt(page)).to_have_value("a kat, <b>zeppelin</b> style ")


def test_words_it_knows_are_inserted_by_a_click(page: Page) -> None:
    fill(page, "a")
    prompt(page).press("End")
    page.locator("taffy-words summary", has_text="What tiny knows").click()
    page.get_by_role("button", name="rocket", exact=True).click()
    expect(prompt(page)).to_have_value("a rocket")
    expect(page.get_by_role("group", name="Things")).to_be_visible()


@pytest.mark.parametrize(
    ("keys", "after"),
    [
        (["Tab"], "a rocket"),
        (["ArrowDown", "Enter"], "a rocket"),
        (["ArrowUp", "ArrowDown", "Enter"], "a rocket"),
        (["Escape"], "a ro"),
    ],
)
def test_a_begun_word_is_completed_with_the_keyboard(page: Page, keys: list[str], after: str) -> None:
    fill(page, "a ")
    prompt(page).press("End")
    page.keyboard.type("ro")
    expect(page.get_by_role("option", name="rocket")).to_be_visible()
    expect(prompt(page)).to_have_attribute("aria-expanded", "true")
    for key in keys:
        page.keyboard.press(key)
    expect(prompt(page)).to_have_value(after)
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(prompt(page)).to_be_focused()
    expect(prompt(page)).to_have_attribute("aria-expanded", "false")


def test_a_begun_word_is_completed_with_the_pointer(page: Page) -> None:
    fill(page, "")
    prompt(page).press_sequentially("ca")
    page.get_by_role("option", name="cat").click()
    expect(prompt(page)).to_have_value("cat")


def test_the_weight_of_the_selected_words_follows_the_arrows(page: Page) -> None:
    fill(page, "a red cat")
    prompt(page).evaluate("box => { box.focus(); box.setSelectionRange(2, 9); }")
    page.keyboard.press("Control+ArrowUp")
    expect(prompt(page)).to_have_value("a (red cat:1.05)")
    page.keyboard.press("Control+ArrowUp")
    expect(prompt(page)).to_have_value("a (red cat:1.1)")
    for _ in range(3):
        page.keyboard.press("Control+ArrowDown")
    expect(prompt(page)).to_have_value("a (red cat:0.95)")
    page.keyboard.press("Control+ArrowUp")
    expect(prompt(page)).to_have_value("a red cat")


def test_without_a_selection_it_is_the_word_at_the_caret(page: Page) -> None:
    fill(page, "a cat")
    prompt(page).evaluate("box => { box.focus(); box.setSelectionRange(4, 4); }")
    page.keyboard.press("Control+ArrowUp")
    expect(prompt(page)).to_have_value("a (cat:1.05)")
    prompt(page).evaluate("box => box.setSelectionRange(4, 4)")
    page.keyboard.press("Control+ArrowDown")
    expect(prompt(page)).to_have_value("a cat")


def test_slash_goes_to_the_prompt(page: Page) -> None:
    fill(page, "here")
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(prompt(page)).to_be_focused()
    expect(prompt(page)).to_have_value("here")


def test_shapes_and_swap_set_the_size_and_can_be_undone(page: Page) -> None:
    page.get_by_role("button", name="Landscape", exact=True).click()
    expect(number(page, "width")).to_have_value("96")
    expect(number(page, "height")).to_have_value("64")
    expect(page.get_by_role("button", name="Landscape", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Swap width and height", exact=True).click()
    expect(number(page, "height")).to_have_value("96")
    expect(number(page, "width")).to_have_value("64")
    page.locator("h1").click()
    page.keyboard.press("Control+z")
    expect(number(page, "width")).to_have_value("96")
    page.keyboard.press("Control+z")
    expect(number(page, "width")).to_have_value("64")
    expect(number(page, "height")).to_have_value("64")


def test_the_seed_of_the_last_picture_comes_back_and_the_dice_are_thrown_again(page: Page, server: Server) -> None:
    page.wait_for_function("document.querySelectorAll('.taffy-thumbs img').length > 0")
    newest = server.state()["recent"][0]["pictures"][0]["seed"]
    page.get_by_role("button", name="Last seed", exact=True).click()
    expect(number(page, "seed")).to_have_value(str(newest))
    page.get_by_role("button", name="Any seed", exact=True).click()
    expect(number(page, "seed")).to_have_value("-1")


def test_the_parameters_of_a_picture_are_reused_and_undone_after_a_reload(page: Page) -> None:
    fill(page, "before")
    page.evaluate("""document.dispatchEvent(new CustomEvent("taffy-reuse", {detail: {
        prompt: "<i>reused</i>", steps: 9, seed: 42, sampler: "Euler", tiling: true, batch_size: 2,
        extras: {"invert.enabled": true},
    }}))""")
    expect(prompt(page)).to_have_value("<i>reused</i>")
    expect(number(page, "steps")).to_have_value("9")
    expect(number(page, "seed")).to_have_value("42")
    page.wait_for_function("taffyForm.sampler === 'Euler' && taffyForm.tiling && taffyForm['invert.enabled']")
    page.reload()
    page.wait_for_function("window.taffyForm?.prompt === '<i>reused</i>'")
    expect(undo(page)).to_have_text("Undo the parameters of a picture")
    undo(page).click()
    expect(prompt(page)).to_have_value("before")
    expect(number(page, "steps")).to_have_value("4")


def test_of_values_that_are_written_at_the_same_moment_none_is_lost(page: Page) -> None:
    page.evaluate("""async () => {
        const { write } = await import("/taffy/form.js");
        for (const values of [{ steps: 9 }, { seed: 77 }, { prompt: "all of it" }]) write(values);
    }""")
    page.wait_for_function("taffyForm.steps === 9 && taffyForm.seed === 77 && taffyForm.prompt === 'all of it'")


def test_groups_stay_open_over_a_reload(page: Page) -> None:
    kept = page.evaluate(KEPT)
    page.get_by_role("button", name="Sampling").click()
    expect(page.get_by_label("Seamless tile")).to_be_visible()
    page.wait_for_function(f"kept => {KEPT} !== kept", arg=kept)
    page.reload()
    expect(page.get_by_label("Seamless tile")).to_be_visible()
    expect(page.get_by_label("Strength")).to_be_hidden()


def test_tiling_and_variations_reach_the_picture(page: Page) -> None:
    unfold(page, "Sampling", "Seamless tile")
    page.get_by_label("Seamless tile").check()
    unfold(page, "Variation", "Strength")
    expect(page.locator("#variation input[type=number]").first).to_have_value("0")
    page.locator("#variation input[type=number]").first.fill("0.5")
    page.locator("#variation input[type=number]").first.press("Tab")
    number(page, "count").fill("1")
    number(page, "count").press("Tab")
    fill(page, "endless wallpaper")
    prompt(page).press("Control+Enter")
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", "endless wallpaper")
    expect(page.locator(".taffy-infotext")).to_contain_text("Variation seed strength: 0.5")
    expect(page.locator(".taffy-infotext")).to_contain_text(re.compile("[Tt]iling"))


def test_small_checkpoints_make_four_pictures(at_first: dict[str, Any]) -> None:
    assert int(at_first["count"]) == 4


def test_live_draws_after_a_pause_and_takes_the_job_before_back(page: Page, server: Server) -> None:
    fill(page, "not live")
    page.get_by_role("switch", name="Live").check()
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", "not live")
    fill(page, "a live cat")
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", "a live cat")
    before = jobs(server)
    prompt(page).press("End")
    page.keyboard.type(" and dog", delay=20)
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", "a live cat and dog")
    expect(page.locator(".taffy-line")).to_have_text("Done")
    newest = server.state()["recent"][0]
    assert len(newest["pictures"]) == 1
    assert "Steps: 4," in newest["pictures"][0]["infotext"]
    assert jobs(server) <= min(12, before + 3)
    page.evaluate(SWITCHED_OFF, "taken back")
    expect(page.get_by_role("switch", name="Live")).not_to_be_checked()
    page.wait_for_timeout(400)
    prompt(page).fill("quiet again")
    page.wait_for_timeout(600)
    assert server.state()["recent"][0]["prompt"] == "a live cat and dog"


def test_a_phone_has_no_sideways_scrolling_and_all_of_it(new_page: NewPage) -> None:
    page = new_page(viewport={"width": 360, "height": 844}, is_mobile=True, has_touch=True)
    prompt(page).fill("a kat on the moon and a zeppelin above the sea " * 3)
    expect(page.locator(".taffy-unknown li").first).to_be_visible()
    page.get_by_role("button", name="Portrait", exact=True).tap()
    expect(number(page, "height")).to_have_value("96")
    expect(undo(page)).to_be_visible()
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.get_by_role("switch", name="Live")).to_be_in_viewport()

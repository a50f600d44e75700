"""The panels of the tab Inside and the tour, on one page in a real Chromium, by mouse and by keyboard."""

from __future__ import annotations

from pathlib import Path
from time import sleep

import pytest
from playwright.sync_api import Locator, Page, Route, ViewportSize, expect

from tests.ui.browsing import Server, result
from tests.ui.noise import DESK, PHONE
from tests.ui.test_axe import AXE, judged

pytestmark = pytest.mark.browser
STOPS = ("Words", "Noise", "Steps", "Latent", "Picture", "The experiment")


@pytest.fixture(scope="module")
def made(one_page: Page) -> Page:
    """A picture of three steps, opened by the button under it."""
    one_page.locator("#prompt textarea").fill("")
    result(one_page, "a cat AND (hat:1.2)", steps=3)
    one_page.get_by_role("button", name="Inside", exact=True).click()
    expect(one_page.locator(".inside-frame img")).to_have_attribute("data-look", "whole")
    return one_page


def sized(size: dict[str, int]) -> ViewportSize:
    return {"width": size["width"], "height": size["height"]}


def panel(page: Page, name: str) -> Locator:
    """Open a panel by its tab."""
    page.get_by_role("tab", name=name, exact=True).last.click()
    return page.get_by_role("tabpanel", name=name)


def test_a_word_shows_where_it_looked_by_mouse_and_by_keyboard(made: Page) -> None:
    words = panel(made, "Words")
    words.get_by_role("button", name="Look where the words look").click()
    overlay = made.locator(".inside-overlay")
    cat, hat = (words.get_by_role("button", name=name, exact=True) for name in ("cat", "hat"))
    cat.hover()
    expect(overlay).to_be_visible()
    expect(overlay).to_have_attribute("data-word", "cat")
    expect(words.get_by_role("status")).to_contain_text("“cat” was heard most in the ")
    made.mouse.move(0, 0)
    expect(overlay).to_be_hidden()
    hat.focus()
    expect(overlay).to_have_attribute("data-word", "hat")
    hat.press("Enter")
    expect(hat).to_have_attribute("aria-pressed", "true")
    words.get_by_label("Only at the step that is shown").check()
    expect(words.get_by_role("status")).to_contain_text("at step 3")
    assert words.get_by_role("listitem").all_inner_texts() == ["a", "cat", "AND", "hat"]


def test_latents_have_a_mean_and_a_step_has_pieces(made: Page) -> None:
    latents = panel(made, "Latents")
    expect(made.locator(".inside-overlay")).to_be_hidden()
    expect(latents.locator("figure")).to_have_count(4)
    expect(latents.locator("figcaption").first).to_contain_text("mean ")
    latents.get_by_role("button", name="Take step 3 to pieces").click()
    expect(latents.get_by_role("heading", level=4)).to_have_count(5)
    expect(latents.get_by_role("img", name="The noise it all began with")).to_be_visible()


def late(route: Route) -> None:
    """An answer that comes when all that it tells of is over."""
    answer = route.fetch()
    server = Server(route.request.url.partition("/extensions")[0], Path())
    while (state := server.state())["running"] or state["waiting"]:
        sleep(0.05)
    sleep(0.3)  # the page has heard of it
    route.fulfill(response=answer)


def test_words_are_ranked_by_what_leaving_them_out_changes_however_late_answers_come(made: Page) -> None:
    made.route("**/weights?*", late)
    weights = panel(made, "Word weights")
    expect(weights.get_by_label("cat")).to_be_checked()
    expect(weights.get_by_label("a", exact=True)).not_to_be_checked()
    weights.get_by_role("button", name="Make it again without each: 2 pictures").press("Enter")
    expect(weights.locator("meter")).to_have_count(2)
    first, second = (float(one.get_attribute("value") or 0) for one in weights.locator("meter").all())
    assert first >= second > 0
    expect(weights.get_by_role("img", name="where they differ")).to_have_count(2)
    made.unroute("**/weights?*")


def test_the_vae_alone_says_what_it_loses(made: Page) -> None:
    vae = panel(made, "VAE")
    expect(vae.get_by_role("status")).to_contain_text("the colours are off by")
    expect(vae.get_by_role("img")).to_have_count(3)


def test_arrow_keys_walk_through_the_panels(made: Page) -> None:
    panel(made, "VAE")
    tabs = made.get_by_role("tablist", name="What to look at")
    tabs.get_by_role("tab", name="VAE").press("ArrowLeft")
    expect(tabs.get_by_role("tab", name="Word weights")).to_be_focused()
    expect(made.get_by_role("tabpanel", name="Word weights")).to_be_visible()


def test_the_tour_leads_from_words_to_the_experiment_by_keyboard_alone(made: Page) -> None:
    made.evaluate(AXE)
    made.get_by_role("button", name="Take the tour").press("Enter")
    tour = made.get_by_role("region", name="Tour")
    found = {}
    for number, stop in enumerate(STOPS):
        title = tour.get_by_role("heading", level=3)
        expect(title).to_have_text(f"{number + 1} of 6: {stop}")
        expect(title).to_be_focused()
        made.set_viewport_size(sized(PHONE if number % 2 else DESK))
        if stop == "The experiment":
            tour.get_by_text("All figures").press("Enter")
            expect(tour.get_by_role("row")).to_have_count(6)
        made.wait_for_function("document.getAnimations().every(({ playState }) => playState !== 'running')")
        found[stop] = judged(made), made.evaluate("document.documentElement.scrollWidth - innerWidth")
        tour.locator(".taffy-go").press("Enter")
    assert found == {stop: ([], 0) for stop in STOPS}
    expect(tour).to_be_hidden()
    expect(made.get_by_role("button", name="Take the tour")).to_be_focused()
    made.set_viewport_size(sized(DESK))

"""How far a picture is, for those who look at another tab or away: title, curve, note."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browsing import ask, result, wait_until_idle

pytestmark = [pytest.mark.browser, pytest.mark.long]  # on a real engine; test_stage has the line and the bar
LONG = 150  # steps: seconds enough to look at a job while it runs


def test_the_tab_tells_how_far_it_is(page: Page) -> None:
    expect(page).to_have_title("Taffy")
    ask(page, "from afar", steps=LONG)
    expect(page).to_have_title(re.compile(r"^\d+/150 · Taffy$"))
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("^data:image/svg"))
    wait_until_idle(page)
    expect(page).to_have_title("Taffy")
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", "/taffy/icon.svg")


def test_the_noise_that_is_left_is_a_falling_curve(page: Page) -> None:
    ask(page, "down the hill", steps=LONG)
    curve = page.get_by_role("img", name="Noise left")
    expect(curve).to_be_visible()
    points = page.wait_for_function("""() => {
        const points = document.querySelector(".taffy-curve polyline").getAttribute("points")?.split(" ") ?? [];
        return points.length > 5 && points.map((point) => point.split(",").map(Number));
    }""").json_value()
    assert points == sorted(points)
    assert [y for _, y in points] == sorted(y for _, y in points)  # downwards on the screen
    wait_until_idle(page)
    expect(curve).to_be_hidden()


def test_a_note_comes_only_after_it_was_switched_on_and_while_nobody_looks(page: Page) -> None:
    page.context.grant_permissions(["notifications"])
    page.evaluate("""() => {
        window.notes = [];
        window.Notification = class {
            static permission = "granted";
            static requestPermission = async () => "granted";
            constructor(title, { body }) { notes.push([title, body]); }
        };
        Object.defineProperty(document, "hidden", { get: () => window.away ?? false });
    }""")
    switch = page.get_by_role("button", name="Notify me")
    expect(switch).to_have_attribute("aria-pressed", "false")
    page.evaluate("window.away = true")
    result(page, "before")
    page.evaluate("window.away = false")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    result(page, "in sight")
    page.evaluate("window.away = true")
    result(page, "out of sight")
    assert page.evaluate("notes") == [["Your picture is done", "out of sight"]]
    assert page.evaluate("localStorage.getItem('taffy-notify')") == "on"

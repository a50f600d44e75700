"""The tab of the settings, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.ui.noise import NoisePage, noise_page, opened
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "settings.toml").write_text("autolaunch = true\n")
    with noise_page(folder, NoiseConfig(), ("--threads", "1"), {"TAFFY_PRECISION": "fp32"}) as server:
        yield server


@pytest.fixture(scope="module")
def tab(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        page.get_by_role("tab", name="Settings").click()
        yield page


@pytest.fixture
def page(tab: Page, server: NoisePage) -> Page:
    """With the settings there were at first."""
    first = {"autolaunch": True, "port": None, "preview": None, "queue_limit": None}
    assert tab.request.post(f"{server.url}/settings", data=first).ok
    tab.evaluate("document.querySelector('taffy-settings').connectedCallback()")
    expect(tab.get_by_role("heading", name="Settings")).to_be_visible()
    return tab


def setting(page: Page, name: str) -> Locator:
    return page.locator(".taffy-setting", has=page.locator(f"[name={name}]"))


def test_every_setting_says_its_value_its_source_and_what_it_does(page: Page) -> None:
    expect(page.locator("[name=port]")).to_have_value("7860")
    expect(setting(page, "port")).to_contain_text("Port of the page.")
    expect(setting(page, "port")).to_contain_text("From: default.")
    expect(setting(page, "autolaunch")).to_contain_text("From: file settings.toml.")
    expect(page.locator("[name=autolaunch]")).to_be_checked()
    expect(setting(page, "threads")).to_contain_text("From: flag --threads.")
    expect(setting(page, "precision")).to_contain_text("From: variable TAFFY_PRECISION.")


def test_a_flag_or_a_variable_that_wins_is_said_and_locks_the_field(page: Page) -> None:
    for name, source in (("threads", "flag --threads"), ("precision", "variable TAFFY_PRECISION")):
        expect(page.locator(f"[name={name}]")).to_be_disabled()
        expect(setting(page, name)).to_contain_text(f"The {source} wins over the file")


def test_a_change_is_in_the_file_and_says_when_it_counts(page: Page, server: NoisePage) -> None:
    page.locator("[name=port]").fill("7861")
    page.locator("[name=port]").press("Tab")
    expect(setting(page, "port")).to_contain_text("After a restart: 7861.")
    page.locator("[name=preview]").select_option("off")
    expect(setting(page, "preview")).to_contain_text("From: file settings.toml. Changes count at once.")
    assert server.app.settings.preview == "off"
    assert (server.data / "settings.toml").read_text() == 'port = 7861\nautolaunch = true\npreview = "off"\n'


def test_what_is_being_written_stays_when_the_answer_to_another_change_comes(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/settings", hold)
    page.locator("[name=port]").fill("7861")
    page.locator("[name=queue_limit]").click()
    page.locator("[name=queue_limit]").fill("55")
    held[0].continue_()
    expect(setting(page, "port")).to_contain_text("After a restart: 7861.")
    page.unroute("**/settings")
    expect(page.locator("[name=queue_limit]")).to_have_value("55")
    expect(page.locator("[name=queue_limit]")).to_be_focused()


def test_one_is_reset_then_all_are(page: Page, server: NoisePage) -> None:
    page.locator("[name=queue_limit]").fill("5")
    page.locator("[name=queue_limit]").press("Tab")
    expect(setting(page, "queue_limit")).to_contain_text("From: file settings.toml.")
    assert server.app.queue.limit == 5
    page.get_by_role("button", name="Reset Queue limit").click()
    expect(page.locator("[name=queue_limit]")).to_have_value("100")
    assert (server.data / "settings.toml").read_text() == "autolaunch = true\n"
    page.get_by_role("button", name="Reset all").click()
    expect(page.locator("[name=autolaunch]")).not_to_be_checked()
    assert (server.data / "settings.toml").read_text() == ""


def test_a_value_that_cannot_be_is_answered_with_what_is_allowed(browser: Browser, server: NoisePage) -> None:
    context = browser.new_context()  # not a strict one: the refusal is an answer of status 422
    page = context.new_page()
    page.goto(server.url)
    page.get_by_role("tab", name="Settings").click()
    page.locator("[name=port]").fill("99999")
    page.locator("[name=port]").press("Tab")
    expect(page.locator(".taffy-outcome")).to_have_text("port is 99999, allowed is a whole number from 1 to 65535")
    assert "port" not in (server.data / "settings.toml").read_text()
    context.close()

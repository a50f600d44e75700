"""The img2img tab of a page of noise, shared by the tests of a file, and what they do there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from modules.manager.index import FOLDER
from tests import headers
from tests.ui.noise import NoisePage, noise_page, opened
from tests.ui.painting import enter, open_tab, value
from tests.workers import NoiseConfig

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


def stop(page: Page) -> None:
    page.locator(".taffy-stop:visible").click()

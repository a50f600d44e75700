"""The tab of the extensions in a real Chromium: what is on looks on, what is broken is named, installing asks first."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.hooks.writing import extension, manifest
from tests.ui.noise import NoisePage, noise_page, opened, to_tab
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser
FRONT = "@hookimpl\ndef controls(tab): return [Control('on', 'Switch me', 'checkbox', False)]"
MANIFEST = 'name = "zipped"\nversion = "1"\napi = ">=1.0,<2"\ndescription = "From a zip."\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    folder = tmp_path_factory.mktemp("extensions")
    extension(folder, "broken", "raise RuntimeError('no luck')")
    extension(folder, "works", FRONT)
    manifest(folder, "newer", api=">=9")
    data = tmp_path_factory.mktemp("data")
    with noise_page(data, NoiseConfig(), ("--extensions-dir", str(folder))) as server:
        yield server


@pytest.fixture(scope="module")
def page(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        to_tab(page, "Extensions")
        expect(card(page, "works")).to_be_visible()
        yield page


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def test_each_that_cannot_be_used_says_why_and_the_authors_own_line(page: Page) -> None:
    expect(card(page, "newer")).to_contain_text("it needs the extension API >=9, this Taffy has 1.0")
    expect(page.get_by_role("switch", name="newer 1")).to_be_disabled()
    expect(card(page, "broken")).to_contain_text("On, with faults")
    card(page, "broken").locator("summary").click()
    lines = (card(page, "broken").locator("pre").text_content() or "").splitlines()
    assert 'extension.py", line' in lines[1], "the first line is the author's, not ours"
    assert lines[-1] == "RuntimeError: no luck"


def test_what_is_on_looks_on(page: Page) -> None:
    box = page.get_by_role("switch", name="works 1")
    expect(box).to_be_checked()
    assert box.evaluate("box => getComputedStyle(box).appearance") == "auto", "else nobody sees its tick"
    to_tab(page, "Grid")
    field = page.get_by_label("X axis")
    assert field.evaluate("field => getComputedStyle(field).appearance") == "auto", "else nobody sees that it is a list"
    to_tab(page, "Extensions")
    install = page.get_by_role("button", name="Install", exact=True)
    assert install.evaluate("button => getComputedStyle(button).borderTopWidth") == "1px"


def test_a_zip_is_installed_when_somebody_said_yes_and_switched_off_again(page: Page, server: NoisePage) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("zipped-main/extension.toml", MANIFEST)
    said = page.locator("taffy-extensions .taffy-outcome")
    page.get_by_label("I have read this and trust who wrote it.").check()
    page.get_by_label("From a zip file").set_input_files(
        {"name": "zipped-main.zip", "mimeType": "application/zip", "buffer": file.getvalue()}
    )
    page.get_by_role("button", name="Install", exact=True).click()
    expect(said).to_contain_text("Installed.")
    expect(card(page, "zipped")).to_contain_text("From a zip.")
    page.get_by_role("switch", name="zipped 1").uncheck()
    expect(card(page, "zipped").locator("h3 span")).to_have_text("Off")
    assert "zipped" in server.app.extending.book.off

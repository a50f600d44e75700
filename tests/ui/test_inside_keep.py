"""The tab Inside in a real Chromium: a picture leaves with its making and comes back, is verified, filmed, compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from extensions.inside.chunk import chunk_of
from tests.ui.browsing import Server, open_in, result, strict
from tests.ui.noise import DESK, PHONE
from tests.ui.test_axe import AXE, judged

pytestmark = pytest.mark.browser
DROP = """(bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], "castle.png", {type: "image/png"}));
    document.querySelector("taffy-inside").dispatchEvent(new DragEvent("drop", {dataTransfer: transfer}));
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """One page for all, open on a picture's inside."""
    context = browser.new_context(viewport=DESK, accept_downloads=True)  # type: ignore[arg-type]
    with strict(context):
        page = open_in(context, server)
        result(page, "a cat to keep", steps=4)
        page.get_by_role("button", name="Inside", exact=True).click()
        expect(page.get_by_role("slider", name="Step")).to_be_visible()
        yield page


def panel(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def saved(page: Page) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the picture").press("Enter")
    return Path(download.value.path()).read_bytes()


def test_it_carries_its_making_only_where_that_is_wanted_and_comes_back_with_it(page: Page) -> None:
    panel(page, "Keep, verify")
    assert b"taFY" not in saved(page)
    page.get_by_label("with its own making in it").press("Space")
    file = saved(page)
    assert chunk_of(file)
    page.evaluate(DROP, list(file))
    expect(page.locator("taffy-inside > [role=status]")).to_have_text("This picture brought its steps with it.")
    expect(page.get_by_role("slider", name="Step")).to_have_attribute("max", "4")


def test_verify_says_the_same_to_the_bit(page: Page) -> None:
    panel(page, "Keep, verify")
    page.get_by_role("button", name="Verify").press("Enter")
    expect(page.locator(".inside-found[data-equal=true]")).to_be_visible()
    expect(page.locator("#inside-panel-carrying [role=status]")).to_contain_text("The same to the bit")


@pytest.mark.parametrize("kind", ["webp", "mp4"])
def test_the_film_can_be_seen_and_saved(page: Page, kind: str) -> None:
    panel(page, "Keep, verify")
    page.get_by_label("As a film").select_option(kind)
    page.get_by_role("button", name="Make the film").press("Enter")
    link = page.locator(f".inside-found a[download$='.{kind}']")
    expect(link).to_be_visible()
    expect(link).to_contain_text("kB")


def test_a_copy_in_a_folder_is_shown_beside_it(page: Page, server: Server) -> None:
    panel(page, "Copied?")
    expect(page.get_by_role("button", name="training set")).to_be_hidden()
    page.get_by_label("Folder", exact=True).fill(str(server.data / "outputs"))
    page.get_by_label("Folder", exact=True).press("Enter")
    expect(page.locator("#inside-panel-original [role=status]")).to_contain_text("the same or nearly so")
    expect(page.locator(".inside-near li").nth(1)).to_contain_text("0 of 64 bits differ")
    expect(page.locator("#inside-panel-original .inside-found")).to_contain_text("What it cannot show")


def test_the_panels_have_no_serious_barrier_and_fit_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.evaluate(AXE)
    for name in ("Keep, verify", "Copied?"):
        panel(page, name)
        assert judged(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]

"""The tab that makes pictures larger, in a real Chromium, with real upscalers behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.ui.browsing import wait_for_form
from tests.ui.noise import DESK, PHONE, NoisePage, opened, to_tab
from tests.ui.upscale_page import drawn, upscale_page

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    with upscale_page(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server, DESK) as page:
        open_extras(page)
        yield page


def open_extras(page: Page) -> None:
    to_tab(page, "Extras")
    expect(page.get_by_label("Upscaler")).to_be_visible()


def bring(page: Page, *files: Path) -> None:
    page.locator("taffy-extras input[type=file]").set_input_files(files)
    expect(page.locator(".taffy-extras-list li")).to_have_count(len(files))


def results(page: Page, count: int) -> Locator:
    page.locator("#extras-go").click()
    tiles = page.locator("taffy-extras-stage .taffy-thumbs img[src^='/pictures/']")
    expect(tiles).to_have_count(count)
    return tiles


def line(page: Page) -> Locator:
    return page.get_by_role("slider", name="Line between before and after")


def test_a_picture_is_made_larger_by_a_network_and_shown_beside_what_it_was(
    page: Page, server: NoisePage, tmp_path: Path
) -> None:
    bring(page, drawn(tmp_path / "a.png"))
    expect(page.get_by_label("Upscaler")).to_have_value("tiny4x")
    page.get_by_label("Times larger").last.fill("4")
    page.get_by_label("Times larger").last.press("Tab")
    results(page, 1)
    saved = server.app.gallery.newest("local", 1)[0]
    assert (saved.width, saved.height) == (384, 256)
    assert "Postprocess upscaler: tiny4x" in saved.infotext
    compare = page.locator("taffy-compare")
    expect(compare).to_have_attribute("after", f"/pictures/{saved.id}")
    for side in ("Before", "After"):
        expect(compare.get_by_role("img", name=side)).to_be_visible()
    before_id = (compare.get_attribute("before") or "").removeprefix("/inputs/")
    before = Image.open(server.app.inputs.file(before_id, "local"))
    assert before.size == (96, 64)
    page.reload()
    wait_for_form(page)
    open_extras(page)
    expect(compare).to_have_attribute("after", f"/pictures/{saved.id}")


def test_the_line_moves_by_keys_and_by_pointer(page: Page, tmp_path: Path) -> None:
    bring(page, drawn(tmp_path / "a.png"))
    page.get_by_label("Upscaler").select_option("Nearest")
    results(page, 1)
    slider = line(page)
    slider.focus()
    for key, percent in (("Home", 0), ("ArrowRight", 2), ("PageUp", 12), ("ArrowDown", 10), ("End", 100)):
        page.keyboard.press(key)
        expect(slider).to_have_attribute("aria-valuenow", str(percent))
    box = page.locator(".taffy-pair").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 40)
    expect(slider).to_have_attribute("aria-valuenow", "25")
    shown = page.locator(".taffy-pair img[data-side=before]").evaluate("image => image.style.clipPath")
    assert abs(float(shown.split()[1].removesuffix("px")) - 0.75 * box["width"]) < 2


def test_closer_shows_pixels_and_a_drag_moves_the_picture(page: Page, tmp_path: Path) -> None:
    bring(page, drawn(tmp_path / "a.png"))
    results(page, 1)
    pair = page.locator(".taffy-pair")
    whole = pair.bounding_box()
    page.get_by_role("button", name="Closer").click()
    close = pair.bounding_box()
    assert whole is not None
    assert close is not None
    assert close["width"] > 2.9 * whole["width"]
    page.mouse.move(whole["x"] + 60, whole["y"] + 60)
    page.mouse.down()
    page.mouse.move(whole["x"] + 160, whole["y"] + 110, steps=4)
    page.mouse.up()
    moved = pair.bounding_box()
    assert moved is not None
    assert abs(moved["x"] - close["x"] - 100) < 2
    assert abs(moved["y"] - close["y"] - 50) < 2
    expect(line(page)).to_have_attribute("aria-valuenow", "50")


def test_many_pictures_and_a_folder_become_jobs_of_their_own(page: Page, server: NoisePage, tmp_path: Path) -> None:
    files = [drawn(tmp_path / f"{name}.png", (40, 30), alpha=name == "b") for name in "ab"]
    bring(page, *files)
    page.get_by_label("Upscaler").select_option("Lanczos")
    results(page, 2)
    expect(page.locator(".taffy-extras-said")).to_have_text("2 jobs are in the queue.")
    newest = [Image.open(server.app.gallery.file(one.id, "local")) for one in server.app.gallery.newest("local", 2)]
    assert sorted(picture.mode for picture in newest) == ["RGB", "RGBA"]
    (tmp_path / "words.txt").write_text("no picture")
    page.get_by_role("button", name="Remove all").click()
    page.get_by_label("Or all pictures of a folder").fill(str(tmp_path))
    results(page, 4)
    expect(page.locator(".taffy-extras-said")).to_contain_text("words.txt: ")


def test_a_size_is_filled_and_a_second_upscaler_mixed_in(page: Page, server: NoisePage, tmp_path: Path) -> None:
    bring(page, drawn(tmp_path / "a.png"))
    page.get_by_label("How large").select_option("To a size")
    for side in ("Width", "Height"):
        page.locator("taffy-extras").get_by_label(side).fill("120")
    page.get_by_label("Fill it and cut").check()
    page.get_by_label("Mixed with").select_option("Nearest")
    results(page, 1)
    saved = server.app.gallery.newest("local", 1)[0]
    assert (saved.width, saved.height) == (120, 120)
    assert "Postprocess upscaler 2: Nearest" in saved.infotext


def test_what_cannot_be_done_is_said(page: Page) -> None:
    page.get_by_text("1 file cannot be used").click()
    expect(page.locator("taffy-extras details li")).to_contain_text("broken: broken.safetensors is cut off")
    page.locator("#extras-go").click()
    expect(page.locator(".taffy-extras-said")).to_contain_text("There is no picture yet.")


def test_on_a_phone_the_picture_comes_first_and_nothing_scrolls_sideways(browser: Browser, server: NoisePage) -> None:
    with opened(browser, server, PHONE, "dark") as page:
        open_extras(page)
        stage, form = page.locator("taffy-extras-stage").bounding_box(), page.locator("taffy-extras").bounding_box()
        assert stage is not None
        assert form is not None
        assert stage["y"] < form["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_link_to_somewhere_else_is_no_picture_of_ours(page: Page) -> None:
    page.evaluate("""() => {
        const data = new DataTransfer();
        data.setData("text/uri-list", "https://example.org/pictures/abc");
        const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
        document.querySelector("taffy-extras").dispatchEvent(drop);
    }""")
    expect(page.locator(".taffy-extras-said")).to_have_text("That is no picture.")
    expect(page.locator(".taffy-extras-list li")).to_have_count(0)

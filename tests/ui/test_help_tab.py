"""The tab of the help, in a real Chromium, and what its pages may contain."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from modules.core.settings import ROOT
from modules.ui.help import CHAPTERS, chapter
from tests.ui.noise import noise_page, opened, to_tab
from tests.ui.test_axe import open_folded
from tests.workers import NoiseConfig

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Without extensions."""
    folder = tmp_path_factory.mktemp("help")
    with noise_page(folder, NoiseConfig(), ("--safe-mode",)) as server, opened(browser, server) as page:
        yield page


@pytest.mark.browser
def test_the_help_shows_every_chapter_with_its_pictures(page: Page) -> None:
    assert "The first minute" not in page.content()  # it is not part of what every visitor loads
    page.get_by_role("tab", name="Help").click()
    expect(page.get_by_role("heading", name="The first minute")).to_be_visible()
    for title in CHAPTERS:
        page.get_by_label(title, exact=True).check()
        headline = chapter(title).splitlines()[0].removeprefix("# ")
        expect(page.get_by_role("heading", name=headline, exact=True)).to_be_visible()
        pictures = page.locator(".taffy-help .prose img")
        expect(pictures).to_have_count(chapter(title).count("!["))
        for picture in pictures.all():
            picture.scroll_into_view_if_needed()
            page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())


UNMARKED = """(tab) => {
    const frame = document.querySelector(`#taffy-frame-${tab} .taffy-form`);
    delete frame.closest("[data-mode]")?.dataset.mode; // the way of style transfer, which hides the others' controls
    const ours = [...frame.querySelectorAll("*")].filter((one) => one.localName.startsWith("taffy-"));
    const controls = [...frame.querySelectorAll("input, textarea")].filter(
        (one) => one.offsetParent && !ours.some((element) => element.contains(one)));
    const isMarked = (one) => [...frame.querySelectorAll(".taffy-about-control")].some(
        (mark) => mark.parentElement.contains(one));
    return [controls.length, controls.filter((one) => !isMarked(one)).map((one) => one.ariaLabel ?? one.outerHTML)];
}"""


@pytest.mark.browser
def test_every_control_that_makes_pictures_says_what_it_does_and_has_its_mark(page: Page) -> None:
    for tab, label in {"txt2img": "txt2img", "img2img": "img2img", "style": "style transfer"}.items():
        to_tab(page, label)
        expect(page.locator(f"#taffy-frame-{tab}")).to_be_visible()
        open_folded(page)
        page.wait_for_timeout(500)
        many, unmarked = page.evaluate(UNMARKED, tab)
        assert (many > 10, unmarked) == (True, []), tab


CARD = ROOT / "models" / "Stable-diffusion" / "starter.md"


@pytest.mark.parametrize("title", CHAPTERS)
def test_every_picture_of_a_chapter_is_there_and_has_words(title: str) -> None:
    words = (DOCS / f"{CHAPTERS[title]}.md").read_text(encoding="utf-8")
    for alt, target in re.findall(r"!\[(.*?)\]\((.*?)\)", words):
        assert alt
        assert (DOCS / target).is_file()


def test_no_picture_is_left_over_and_all_are_small() -> None:
    files = list((DOCS / "pictures").iterdir())
    words = "".join(file.read_text(encoding="utf-8") for file in [*DOCS.glob("*.md"), ROOT / "README.md", CARD])
    assert [file.name for file in files if f"pictures/{file.name}" not in words] == []
    assert sum(file.stat().st_size for file in files) < 3_000_000


def test_a_chapter_has_no_markup_of_its_own_and_asks_nobody_outside() -> None:
    for title in CHAPTERS:
        assert not re.search(r"<\w|https?://(?!127\.0\.0\.1)", chapter(title))


def test_every_control_has_its_place_in_the_help() -> None:
    about = (ROOT / "modules" / "ui" / "assets" / "about.js").read_text(encoding="utf-8")
    headlines = re.findall(r'^  "?[\w-]+"?: \["([^"]+)",', about, re.MULTILINE)
    docs = (DOCS / "controls.md").read_text(encoding="utf-8")
    assert len(headlines) > 10
    assert [words for words in headlines if f"## {words}\n" not in docs] == []

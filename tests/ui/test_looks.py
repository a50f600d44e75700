"""How the page looks, against small pictures of how it looked when somebody last looked at it.

`TAFFY_NEW_LOOKS=1 python -m tests tests/ui/test_looks.py` renews the references after a change that was meant. Fonts
differ between machines: what is compared is a quarter of the size and blurred, so letters hardly count and places do.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat
from playwright.sync_api import Browser, Page, expect

from modules.core.request import GenerationRequest
from tests.ui.noise import EVERY_LOOK, NoisePage, noise_page, opened, to_tab
from tests.workers import NoiseConfig

pytestmark = [pytest.mark.browser, pytest.mark.long]
LOOKS = Path(__file__).parent / "looks"
RENEW = bool(os.environ.get("TAFFY_NEW_LOOKS"))
WHOLE, PART = (
    1.2,
    8.0,
)  # grey levels, in the mean and in the worst part; other letters give 0.2 and 2, a move 2.3 and 19
CELLS = 12  # parts a side
STILL = "taffy-engine, taffy-settings code, #setting-data_dir { visibility: hidden } * { caret-color: transparent }"
TABS = ("txt2img", "img2img", "style transfer", "Extras", "Models", "Settings", "Help")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    """With one seeded picture that is done."""
    with noise_page(tmp_path_factory.mktemp("data"), NoiseConfig()) as server:
        server.app.submit(GenerationRequest(prompt="a castle", seed=7, width=64, height=64), "local")
        yield server


def look(page: Page, tab: str) -> Image.Image:
    """What a tab looks like, small and blurred, in the colours of the page; without what is never the same twice."""
    expect(page.locator("#taffy-frame-txt2img .taffy-box img.front")).to_have_attribute("alt", "a castle")
    page.add_style_tag(content=STILL)
    to_tab(page, tab)
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    image = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    return image.filter(ImageFilter.GaussianBlur(6)).resize((image.width // 4, image.height // 4))


def difference(one: Image.Image, other: Image.Image) -> tuple[float, float]:
    """Grey levels by which two pictures differ: in the mean, and where they differ most."""
    assert one.size == other.size
    changed = ImageChops.difference(one, other).convert("L")
    parts = changed.resize((CELLS, CELLS), Image.Resampling.BOX)
    return ImageStat.Stat(changed).mean[0], float(parts.getextrema()[1])  # type: ignore[arg-type]


def same(one: Image.Image, other: Image.Image) -> bool:
    whole, part = difference(one, other)
    return whole <= WHOLE and part <= PART


@EVERY_LOOK
def test_the_page_looks_as_it_did(browser: Browser, server: NoisePage, size: dict[str, int], scheme: str) -> None:
    changed = {}
    with opened(browser, server, size, scheme) as page:
        for tab in TABS:
            now = look(page, tab)
            reference = LOOKS / f"{tab.lower().replace(' ', '-')}-{size['width']}-{scheme}.png"
            if RENEW:
                now.save(reference, optimize=True)
            before = Image.open(reference).convert("RGB")
            if not same(now, before):
                changed[reference.name] = difference(now, before)
    assert changed == {}


def test_a_page_that_moved_does_not_pass(browser: Browser, server: NoisePage) -> None:
    with opened(browser, server) as page:
        before = look(page, "txt2img")
        page.add_style_tag(content=".taffy-form.taffy-form { margin-top: 60px !important }")
        assert not same(look(page, "txt2img"), before)


def test_the_references_are_small() -> None:
    assert sum(file.stat().st_size for file in LOOKS.iterdir()) < 1_000_000

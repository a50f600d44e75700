"""What axe-core finds on every tab, light and dark, on a desk and on a phone: nothing serious or critical."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.noise import EVERY_LOOK, PHONE, NoisePage, noise_page, opened, to_tab
from tests.workers import NoiseConfig

TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
pytestmark = pytest.mark.browser
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
NARROW = 360  # pixels: a small phone
TABS = ("txt2img", "img2img", "style transfer", "Extras", "Inside", "Grid", "Settings", "Extensions", "Help")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    with noise_page(tmp_path_factory.mktemp("data"), NoiseConfig(0.005)) as server:
        yield server


def judged(page: Page) -> list[str]:
    """Serious and critical findings: rule, element, why."""
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(result => result.violations)")
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def open_folded(page: Page) -> None:
    """Everything that is folded on the tab, so that it is judged too; at once, while nothing comes or goes."""
    page.evaluate(
        "for (const one of document.querySelectorAll('button.label-wrap, summary')) if (one.offsetParent) one.click()"
    )


def settled(page: Page) -> None:
    """Nothing fades in or out: half a fade is half a contrast. What has just begun is waited for."""
    page.wait_for_timeout(300)
    page.wait_for_function("document.getAnimations().every(({ playState }) => playState !== 'running')")


@EVERY_LOOK
def test_no_tab_has_a_serious_barrier_or_scrolls_sideways(
    browser: Browser, server: NoisePage, size: dict[str, int], scheme: str
) -> None:
    with opened(browser, server, size, scheme) as page:
        page.locator("#prompt textarea").fill("a zeppelin above the sea and a kat on the moon, (a hat " * 4)
        page.get_by_role("button", name="Generate").click()
        expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", re.compile("^a zeppelin"))
        page.evaluate(AXE)
        findings, wide = {}, {}
        widths = (NARROW, size["width"]) if size == PHONE else (size["width"],)
        for tab in TABS:
            to_tab(page, tab)
            settled(page)
            open_folded(page)
            settled(page)
            findings[tab] = judged(page)
            wide[tab] = {width for width in widths if scrolls_sideways(page, width)}
        assert findings == {tab: [] for tab in TABS}
        assert wide == {tab: set() for tab in TABS}


def scrolls_sideways(page: Page, width: int) -> bool:
    """Whether the page is wider than such a window."""
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({**size, "width": width})
    page.evaluate(TWO_FRAMES)  # else tabs still move into or out of their menu
    found: bool = page.evaluate("width => document.documentElement.scrollWidth > width", width)
    return found


def test_axe_would_find_a_barrier(browser: Browser) -> None:
    page = browser.new_page()
    page.evaluate("document.body.append(document.createElement('button'))")
    page.evaluate(AXE)
    assert any(finding.startswith("button-name") for finding in judged(page))
    page.close()

"""What axe-core finds on every tab, light and dark, on a desk and on a phone: nothing serious or critical."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.noise import EVERY_LOOK, NoisePage, noise_page, opened, to_tab
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
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


@EVERY_LOOK
def test_no_tab_has_a_serious_barrier(browser: Browser, server: NoisePage, size: dict[str, int], scheme: str) -> None:
    with opened(browser, server, size, scheme) as page:
        page.locator("#prompt textarea").fill("a cat, (a hat")
        page.get_by_role("button", name="Generate").click()
        expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", "a cat, (a hat")
        page.evaluate(AXE)
        findings = {}
        for tab in TABS:
            to_tab(page, tab)
            page.wait_for_timeout(500)  # Gradio fades tabs in, and half a fade is half a contrast
            open_folded(page)
            page.wait_for_timeout(300)
            findings[tab] = judged(page)
        assert findings == {tab: [] for tab in TABS}


@pytest.mark.parametrize("width", [360, 390])
def test_no_tab_scrolls_sideways_on_a_phone(browser: Browser, server: NoisePage, width: int) -> None:
    widths = {}
    with opened(browser, server, {"width": width, "height": 780}) as page:
        page.locator("#prompt textarea").fill("a zeppelin above the sea and a kat on the moon " * 4)
        for tab in TABS:
            to_tab(page, tab)
            page.wait_for_timeout(300)
            open_folded(page)
            widths[tab] = page.evaluate("document.documentElement.scrollWidth")
    assert widths == dict.fromkeys(TABS, width)


def test_axe_would_find_a_barrier(browser: Browser, server: NoisePage) -> None:
    with opened(browser, server) as page:
        page.evaluate("document.body.append(document.createElement('button'))")
        page.evaluate(AXE)
        assert any(finding.startswith("button-name") for finding in judged(page))

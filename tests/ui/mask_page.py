"""A picture to paint on, on a page of noise that the tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.ui.noise import NoisePage, noise_page, opened
from tests.ui.painting import Point, bring, gradient, open_tab, png, settled, tool, value
from tests.workers import NoiseConfig

STROKE: list[Point] = [(40, 30), (120, 30), (120, 90)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    with noise_page(tmp_path_factory.mktemp("data"), NoiseConfig(0.005)) as server:
        yield server


@pytest.fixture(scope="module")
def studio(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        open_tab(page)
        yield page


@pytest.fixture
def page(studio: Page) -> Page:
    """With a picture of 200 x 120 pixels on it, that nobody has painted on yet."""
    bring(studio, png(gradient()))
    settled(studio)
    if value(studio, "soft_mask") or value(studio, "mask_invert"):
        studio.get_by_label("Soft").uncheck()
        studio.get_by_label("Invert").uncheck()
    tool(studio, "Brush (B): paint what may change")
    return studio

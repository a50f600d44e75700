"""The line under the checkpoint: what it says, and that it follows the form however the checkpoint came there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from modules.manager.index import FOLDER
from tests import headers
from tests.ui.noise import NoisePage, noise_page, opened, to_tab
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser
TABS = {"txt2img": "", "img2img": "img2img-", "style": "style-"}  # and what the ids of its controls begin with
REUSE = "fields => document.dispatchEvent(new CustomEvent('taffy-reuse', {detail: fields}))"
OWN = {"native_size": 128, "default_steps": 9, "default_cfg": 2.5, "card": {"description": "Foxes <b>only</b>."}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    data = tmp_path_factory.mktemp("data")
    own_checkpoints(data / "models" / FOLDER)
    with noise_page(data, NoiseConfig(), ("--ckpt", "tiny")) as server:
        yield server


def own_checkpoints(folder: Path) -> None:
    headers.header_only(folder / "quick_lightning_4step.safetensors")
    for name, channels in {"inpaint": 9, "instruct": 8}.items():
        shapes = headers.SHAPES | {f"{headers.UNET}input_blocks.0.0.weight": (32, channels, 3, 3)}
        headers.plain_file(folder / f"{name}.safetensors", shapes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headers, "RECORD", headers.RECORD | OWN)
        headers.header_only(folder / "other.safetensors")
        patch.setattr(headers, "RECORD", headers.RECORD | {"card": {"concepts": ["fox"]}})
        headers.header_only(folder / "wordy.safetensors")


@pytest.fixture(scope="module")
def page(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        yield page


@pytest.fixture
def note(page: Page) -> Locator:
    return page.locator("taffy-note:visible")


def put(page: Page, checkpoint: str) -> None:
    """As a picture's parameters do."""
    page.evaluate(REUSE, {"checkpoint": checkpoint})


@pytest.mark.parametrize("tab", TABS)
def test_the_line_follows_what_is_reused_and_undone(page: Page, note: Locator, tab: str) -> None:
    to_tab(page, {"style": "style transfer"}.get(tab, tab))
    page.wait_for_function("tab => document.querySelector(`#taffy-frame-${tab}`)?.offsetParent", arg=tab)
    page.wait_for_function("window.taffyForm?.checkpoint === 'tiny'")
    if tab == "style":
        page.get_by_role("radio", name="Words").check()  # colours need no checkpoint
    expect(note).to_contain_text("Best at 64 × 64 pixels, 4 steps, CFG 3.")
    put(page, "other")
    expect(note).to_contain_text("Best at 128 × 128 pixels, 9 steps, CFG 2.5. Foxes <b>only</b>.")
    page.get_by_role("button", name="Undo the parameters of a picture").click()
    expect(note).to_contain_text("Best at 64 × 64 pixels")


def test_the_line_follows_the_list(page: Page, note: Locator) -> None:
    to_tab(page, "txt2img")
    page.locator("#checkpoint input").click()
    page.get_by_role("option", name="other", exact=True).click()
    expect(note).to_contain_text("Best at 128 × 128")


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [
        ("quick_lightning_4step", "4 steps, CFG 3, Euler, sgm_uniform (its metadata say so)."),
        ("inpaint", "Made to paint under a mask"),
        ("instruct", "it needs a picture"),
        ("wordy", "Want a bigger one?"),
        ("gone", "There is no checkpoint of this name."),
    ],
)
def test_the_line_says_what_is_special(page: Page, note: Locator, checkpoint: str, words: str) -> None:
    to_tab(page, "txt2img")
    put(page, checkpoint)
    expect(note).to_contain_text(words)


def test_usual_checkpoints_have_one_paragraph(page: Page, note: Locator) -> None:
    to_tab(page, "txt2img")
    put(page, "tiny")
    expect(note.locator("p")).to_have_text(["Best at 64 × 64 pixels, 4 steps, CFG 3. "])


def test_the_line_says_where_a_first_checkpoint_is_put(page: Page, note: Locator, server: NoisePage) -> None:
    to_tab(page, "txt2img")
    page.route("**/checkpoints", lambda route: route.fulfill(json=[]))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(note).to_contain_text(f"no checkpoint yet. Put a .safetensors file into {server.app.models_folder}")

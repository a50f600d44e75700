"""The style tab in a real Chromium: colours are really transferred, the other ways by a worker that makes noise."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from modules.api.server import make_server
from modules.app import build
from modules.core.errors import BadRequest
from modules.core.events import Event, Finished
from modules.core.settings import load_settings
from modules.core.task import Generate, Task
from modules.engine.style.job import StyleJob, coloured
from modules.hooks.engine_host import EngineHost
from modules.manager.index import FOLDER
from modules.style.colour import Matching, matched
from modules.style.pictures import PICTURES
from modules.ui.page import mount
from modules.ui.style import style_request
from modules.worker.local import LocalWorker
from tests.api.conftest import serving
from tests.headers import header_only
from tests.ui.noise import DESK, PHONE, SCHEMES, NoisePage, opened
from tests.ui.painting import as_file, front, gradient, input_of, png, request_of, value
from tests.ui.test_axe import AXE, judged, open_folded
from tests.workers import Installed, NoiseConfig, NoiseService

pytestmark = [pytest.mark.browser, pytest.mark.long]
QUIET = NoiseConfig(0.005)
FILLED = {"style_mode": "colour", "image": "a", "style_images": ["b"], "style_match": False, "prompt": "x"}


class StyleService(NoiseService):
    """Transfers colours as the engine does; everything else is noise."""

    def run(self, task: Task) -> Generator[Event, None, None]:
        if isinstance(task, Generate) and task.request.style_mode == "colour":
            torch.set_num_threads(1)
            yield from coloured(StyleJob(task.id, task.request, task.inputs, EngineHost([])))
            yield Finished(task.id, 0.0)
        else:
            yield from super().run(task)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    data = tmp_path_factory.mktemp("data")
    header_only(data / "models" / FOLDER / "tiny.safetensors")
    settings = replace(load_settings(["--data-dir", str(data)], {}), models_dirs=(data / "models",))
    app = replace(build(settings), worker=LocalWorker(lambda: StyleService(QUIET)), packages=Installed())
    app.start()
    with ExitStack() as ending:
        ending.callback(app.close)
        port = ending.enter_context(serving(make_server(app, mount)))
        ending.callback(app.watchers.close)
        yield NoisePage(f"http://127.0.0.1:{port}", data, app)


@pytest.fixture(scope="module")
def tab(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        open_style(page)
        yield page


@pytest.fixture
def page(tab: Page) -> Page:
    """On the tab, with a content picture, "Colours only" and no style picture."""
    open_style(tab)
    if not value(tab, "image"):
        bring(tab)
    choose(tab, "Colours only", "colour")
    for _ in value(tab, "style_images"):
        tab.get_by_role("button", name="Remove style picture 1").click()
    tab.wait_for_function("taffyForm.style_images.length === 0")
    return tab


def open_style(page: Page) -> None:
    page.wait_for_function("window.taffyForm?.checkpoint")
    page.get_by_role("tab", name="style transfer").click()
    expect(page.get_by_role("radio", name="Words")).to_be_visible()
    page.wait_for_function("window.taffyForm?.style_mode")


def bring(page: Page, size: tuple[int, int] = (90, 60)) -> None:
    page.locator("taffy-style-content > input[type=file]").set_input_files(as_file(png(gradient(size))))
    expect(page.locator("taffy-style-content .taffy-source-facts")).to_have_text(f"{size[0]} × {size[1]}")


def choose(page: Page, label: str, mode: str) -> None:
    page.get_by_role("radio", name=label).check()
    page.wait_for_function("mode => taffyForm.style_mode === mode", arg=mode)


def press(page: Page, name: str, count: int = 1) -> None:
    """A style picture that comes with Taffy."""
    page.get_by_role("button", name=name).click()
    page.wait_for_function("count => taffyForm.style_images.length === count", arg=count)


def made(page: Page, before: str | None = None) -> str:
    """Generate; the address of the result."""
    before = front(page).get_attribute("src") if front(page).count() else ""
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(front(page)).not_to_have_attribute("src", re.compile(f"^({re.escape(before or 'none')}|data:.*)$"))
    expect(page.locator(".taffy-line:visible")).to_have_text("Done")
    return front(page).get_attribute("src") or ""


def test_a_picture_gets_the_colours_of_another_at_its_own_size_and_is_compared(page: Page, server: NoisePage) -> None:
    press(page, "stained glass")
    url = made(page)
    saved = Image.open(server.app.gallery.file(url.split("/")[-1], "local"))
    content, style = (input_of(server, id) for id in (value(page, "image"), value(page, "style_images")[0]))
    expected = matched(content, [style], Matching("transport", 1.0))
    assert saved.size == (90, 60)
    assert np.abs(np.asarray(saved.convert("RGB"), int) - np.asarray(expected.convert("RGB"), int)).max() <= 1
    compare = page.locator(".taffy-style-over taffy-compare:visible")
    expect(compare).to_have_attribute("after", url)
    expect(compare).to_have_attribute("before", f"/inputs/{value(page, 'image')}")
    page.get_by_role("button", name="Before and after").click()
    expect(compare).to_be_hidden()
    page.get_by_role("button", name="Before and after").click()
    expect(compare).to_be_visible()


def test_a_way_that_cannot_be_gone_is_grey_and_says_why(page: Page) -> None:
    adapter = page.get_by_role("radio", name="Adapter")
    expect(adapter).to_be_disabled()
    expect(page.locator("taffy-style-modes label.is-off")).to_contain_text("ip_adapter/image_encoder/config.json")


def test_a_way_has_the_controls_that_mean_something_in_it(page: Page) -> None:
    prompt, keep, strength = (page.locator(f"#style-{name}") for name in ("prompt", "keep", "strength"))
    for seen in (prompt, keep, strength):
        expect(seen).to_be_hidden()
    expect(page.locator("#style-checkpoint")).to_be_visible()
    choose(page, "Words", "words")
    expect(strength).to_be_visible()
    expect(prompt).to_be_visible()
    choose(page, "Look of a picture", "inject")
    expect(keep).to_be_visible()
    expect(strength).to_be_hidden()


def test_up_to_four_pictures_are_mixed_by_their_shares(page: Page, server: NoisePage) -> None:
    for count, name in enumerate(list(PICTURES)[:4], 1):
        press(page, name, count)
    first = page.get_by_role("slider", name="Share of style picture 1")
    first.fill("100")
    page.wait_for_function("taffyForm.style_weights[0] === 100")
    expect(page.locator(".taffy-style-chosen output").first).to_have_text("40 %")
    request = request_of(server, made(page))
    assert request["style_weights"] == [100, 50, 50, 50]
    page.get_by_role("button", name="Remove style picture 2").click()
    page.wait_for_function("taffyForm.style_weights.length === 3")
    page.get_by_role("button", name="Undo removing a style picture").click()
    page.wait_for_function("taffyForm.style_images.length === 4 && taffyForm.style_weights[0] === 100")


def test_a_strip_tries_four_values_and_pressing_one_takes_it(page: Page, server: NoisePage) -> None:
    press(page, "linocut")
    choose(page, "Look of a picture", "inject")
    page.get_by_role("button", name="Try 4 values of “Keep the content”").click()
    tiles = page.get_by_role("list", name="Values of Keep the content").get_by_role("button")
    expect(tiles.locator("img")).to_have_count(4)
    asked = [request_of(server, tiles.locator("img").nth(at).get_attribute("src") or "") for at in range(4)]
    assert [request["style_keep"] for request in asked] == [0.25, 0.5, 0.75, 0.9]
    assert len({request["seed"] for request in asked}) == 1
    tiles.nth(2).click()
    page.wait_for_function("taffyForm.style_keep === 0.75")
    expect(tiles.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(front(page)).to_have_attribute("src", tiles.nth(2).locator("img").get_attribute("src") or "")
    page.get_by_role("button", name="Undo “Keep the content” 0.75").click()
    page.wait_for_function("taffyForm.style_keep === 0.5")


def test_a_preset_is_searched_and_its_strength_taken(page: Page, server: NoisePage) -> None:
    choose(page, "Words", "words")
    page.locator("#style-preset input").fill("pointil")
    page.get_by_role("option", name="Pointillism").click()
    page.get_by_role("button", name="Strength 0.6 suits it").click()
    page.wait_for_function("taffyForm.strength === 0.6")
    request = request_of(server, made(page))
    assert (request["style_preset"], request["style_mode"], request["strength"]) == ("Pointillism", "words", 0.6)
    assert request["image"] == value(page, "image")
    page.get_by_role("button", name="Reuse parameters").and_(page.locator(":visible")).click()
    expect(page.get_by_role("tab", name="style transfer")).to_have_attribute("aria-selected", "true")


def test_what_is_missing_is_said_in_a_sentence(page: Page) -> None:
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator("taffy-refusal:visible")).to_contain_text("here is no style picture")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"image": ""}, "no content picture"),
        ({"style_images": []}, "no style picture"),
        ({"style_mode": "words", "style_images": [], "style_match": True}, "no style picture"),
        ({"style_mode": "words", "prompt": "", "style_preset": ""}, "no words"),
    ],
)
def test_a_request_without_what_its_way_needs_is_refused(more: dict[str, object], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        style_request(FILLED | more)


def test_what_a_way_does_not_use_is_not_asked_for() -> None:
    colour = style_request(FILLED | {"count": 4, "width": 64, "height": 64})
    assert (colour.count, colour.width, colour.height) == (1, 0, 0)
    assert style_request(FILLED | {"style_mode": "words"}).style_images == ()
    assert style_request(FILLED | {"style_mode": "words", "style_match": True}).style_images == ("b",)


def test_a_result_is_sent_here_and_everything_outlives_a_reload(page: Page, server: NoisePage) -> None:
    press(page, "paper cut")
    url = made(page)
    page.get_by_role("button", name="To style").and_(page.locator(":visible")).click()
    page.wait_for_function("id => taffyForm.parent === id", arg=url.split("/")[-1])
    before = {name: value(page, name) for name in ("image", "style_images", "style_mode", "parent")}
    page.wait_for_timeout(300)  # Gradio writes its memory a moment later
    page.reload()
    open_style(page)
    page.wait_for_function("image => taffyForm.image === image", arg=before["image"])
    assert {name: value(page, name) for name in before} == before
    expect(page.get_by_role("button", name="paper cut")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("img.taffy-style-content")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme"), [(DESK, SCHEMES[0]), (PHONE, SCHEMES[1])], ids=["desk", "phone"])
def test_the_style_tab_has_no_serious_barrier(
    browser: Browser, server: NoisePage, size: dict[str, int], scheme: str
) -> None:
    with opened(browser, server, size, scheme) as page:
        open_style(page)
        bring(page)
        for count, name in enumerate(("linocut", "pixels"), 1):
            press(page, name, count)
        page.evaluate(AXE)
        choose(page, "Look of a picture", "inject")
        open_folded(page)
        page.wait_for_timeout(500)
        assert judged(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        expect(page.get_by_role("button", name="Generate", exact=True)).to_be_in_viewport()

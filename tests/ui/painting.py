"""The img2img tab on a page of noise: a picture on it, strokes of a mouse over it, the mask that the form has."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import Page, expect

from tests.ui.browsing import Server

Point = tuple[float, float]
SIZE = (200, 120)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def gradient(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    return Image.radial_gradient("L").resize(size).convert(mode)


def as_file(data: bytes, name: str = "picture.png", kind: str = "image/png") -> dict[str, Any]:
    """A file as Playwright chooses it."""
    return {"name": name, "mimeType": kind, "buffer": data}


def value(page: Page, name: str) -> Any:
    """A value of the form in sight."""
    return page.evaluate("name => taffyForm[name]", name)


def open_tab(page: Page) -> None:
    page.get_by_role("tab", name="img2img").click()
    expect(page.locator("taffy-source")).to_be_visible()
    page.wait_for_function("window.taffyForm?.image !== undefined")


def bring(page: Page, data: bytes) -> None:
    """Choose a file as the picture to start from; anew, if it is there already."""
    if value(page, "image"):
        page.get_by_role("button", name="Remove").click()
        expect(page.locator("taffy-mask")).to_be_hidden()
    page.locator("taffy-source > input[type=file]").set_input_files(as_file(data))
    shown(page)


def shown(page: Page) -> None:
    """The picture of the form is in the editor."""
    expect(page.locator("taffy-mask")).to_be_visible()
    page.wait_for_function("taffyForm.image && document.querySelector('taffy-mask').imageId === taffyForm.image")
    page.wait_for_function("document.querySelector('.taffy-source-facts').textContent !== ''")


def on_screen(page: Page, point: Point) -> Point:
    """A point of the picture as a point of the window."""
    box = page.locator(".taffy-paper").bounding_box()
    assert box is not None
    width, height = page.evaluate("(({width, height}) => [width, height])(document.querySelector('taffy-mask canvas'))")
    return box["x"] + point[0] * box["width"] / width, box["y"] + point[1] * box["height"] / height


def open_group(page: Page, name: str) -> None:
    """Unfold a group of controls, if it is folded."""
    group = page.locator(f"#{name}")
    if not group.locator(f"taffy-{name}, taffy-{name}-tools").is_visible():
        group.get_by_role("button").first.click()


def stroke(page: Page, *points: Point) -> None:
    """Press at the first of these points of the picture, go to the others, let go."""
    page.locator(".taffy-mask-field").scroll_into_view_if_needed()
    page.mouse.move(*on_screen(page, points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*on_screen(page, point), steps=5)
    page.mouse.up()


def tool(page: Page, name: str) -> None:
    page.locator(".taffy-mask-bar button").and_(page.get_by_title(name)).click()


def brush(page: Page, size: float) -> None:
    page.evaluate("size => document.querySelector('taffy-mask').resizeTo(size)", size)


def settled(page: Page) -> None:
    """The form has the mask that is seen."""
    page.wait_for_function("""() => {
        const editor = document.querySelector("taffy-mask");
        return !editor.dirty && !editor.saving && editor.maskId === taffyForm.mask;
    }""")


def mask_of(page: Page, server: Server) -> Image.Image:
    """The mask of the form, as the server has it; black if there is none."""
    settled(page)
    if not (id := value(page, "mask")):
        return Image.new("L", SIZE)
    return input_of(server, id).convert("L")


def input_of(server: Server, id: str) -> Image.Image:
    with urlopen(f"{server.url}/inputs/{id}") as answer:
        return Image.open(io.BytesIO(answer.read()))


def request_of(server: Server, url: str) -> Mapping[str, Any]:
    """The request of a result."""
    with urlopen(f"{server.url}{url}/request") as answer:
        request: Mapping[str, Any] = json.load(answer)
    return request

"""The img2img tab on a page of noise: a picture on it, strokes of a mouse over it, the mask that the form has."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.request import urlopen

from PIL import Image, ImageChops, ImageDraw, ImageFilter
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.ui.browsing import PATIENCE, Server

Point = tuple[float, float]
SIZE = (200, 120)
EDGE = 2  # pixels on both sides of a painted edge that may be anything
GIVE = """([kind, base64, name, type, place]) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type }));
    const at = document.querySelector(place);
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    at.dispatchEvent(event);
}"""


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def gradient(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    return Image.radial_gradient("L").resize(size).convert(mode)


def as_file(data: bytes, name: str = "picture.png") -> FilePayload:
    """A PNG as Playwright chooses it."""
    return {"name": name, "mimeType": "image/png", "buffer": data}


def value(page: Page, name: str) -> Any:
    """A value of the form in sight."""
    return page.evaluate("name => taffyForm[name]", name)


def open_tab(page: Page) -> None:
    page.wait_for_function("window.taffyForm?.checkpoint", timeout=PATIENCE * 1000)
    page.get_by_role("tab", name="img2img").click()
    expect(page.locator("taffy-source:defined")).to_be_visible()
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
    return picture_at(server, f"/inputs/{id}")


def picture_at(server: Server, url: str) -> Image.Image:
    with urlopen(f"{server.url}{url}") as answer:
        return Image.open(io.BytesIO(answer.read()))


def request_of(server: Server, url: str) -> Mapping[str, Any]:
    """The request of a result."""
    with urlopen(f"{server.url}{url}/request") as answer:
        request: Mapping[str, Any] = json.load(answer)
    return request


def drawn(points: Sequence[Point], size: float, onto: Image.Image | None = None, grey: int = 255) -> Image.Image:
    """A stroke with a round brush, as it should be."""
    mask = onto.copy() if onto else Image.new("L", SIZE)
    pen = ImageDraw.Draw(mask)
    pen.line([*points], grey, round(size))
    for x, y in points:
        pen.ellipse((x - size / 2, y - size / 2, x + size / 2, y + size / 2), grey)
    return mask


def same(mask: Image.Image, expected: Image.Image) -> bool:
    """Whether both are alike but for their edges."""
    wide, narrow = (expected.filter(kind(2 * EDGE + 1)) for kind in (ImageFilter.MaxFilter, ImageFilter.MinFilter))
    beyond = ImageChops.add(ImageChops.subtract(mask, wide), ImageChops.subtract(narrow, mask))
    high: tuple[int, int] = beyond.getextrema()  # type: ignore[assignment]
    return mask.size == expected.size and high[1] <= 2


def give(page: Page, kind: str, data: bytes, type: str = "image/png", place: str = "taffy-source") -> None:
    """Paste or drop a file. place: a selector of the element it is dropped on."""
    page.evaluate(GIVE, [kind, base64.b64encode(data).decode(), "given", type, place])


def box(page: Page, name: str) -> Locator:
    """The number field of a control in sight."""
    return page.locator(f"#img2img-{name} input[type=number]")


def enter(page: Page, name: str, number: float) -> None:
    box(page, name).fill(str(number))
    box(page, name).press("Tab")


def front(page: Page) -> Locator:
    return page.locator(".taffy-box img.front:visible")


def result(page: Page, prompt: str) -> str:
    """Generate from the picture; the address of the result."""
    page.locator("#img2img-prompt textarea").fill(prompt)
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(front(page)).to_have_attribute("alt", prompt)
    expect(front(page)).to_have_attribute("src", re.compile("^/pictures/"))
    expect(page.locator(".taffy-line:visible")).to_have_text("Done")
    return front(page).get_attribute("src") or ""


def another(page: Page, before: str) -> str:
    """The address of the result after this one."""
    expect(front(page)).not_to_have_attribute("src", re.compile(f"^{before}$|^data:"))
    return front(page).get_attribute("src") or ""

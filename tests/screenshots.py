"""`python -m tests.screenshots`: makes the help's pictures of the errors, as the page shows them to a person."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect

from modules.core.errors import CannotSave
from modules.manager.index import FOLDER
from modules.training.webp import save_small
from tests.pictures import PICTURES
from tests.ui.noise import NoisePage, chromium, noise_page, opened
from tests.workers import NoiseConfig

Act = Callable[[Page, NoisePage], None]


def main() -> None:
    with TemporaryDirectory() as folder, chromium() as browser, noise_page(Path(folder), NoiseConfig(0.01)) as server:
        spoil(Path(folder) / "models" / FOLDER)
        server.app.index.scan()
        for name, act in ERRORS.items():
            with opened(browser, server, {"width": 1000, "height": 900}) as page:
                act(page, server)
                keep(page, name)
                print(name, "|", problem(page).inner_text().replace("\n", " | "), flush=True)


def spoil(folder: Path) -> None:
    """Files that are no checkpoints, each in its own way."""
    whole = (folder / "tiny.safetensors").read_bytes()
    (folder / "truncated.safetensors").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "oversized.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with zipfile.ZipFile(folder / "renamed.safetensors", "w") as archive:
        archive.writestr("data.pkl", b"x")
    (folder / "old.ckpt").write_bytes(b"x")


def enter(field: str, value: str) -> Act:
    """Write something into a field and press Generate."""

    def act(page: Page, server: NoisePage) -> None:
        box = page.locator(f"#{field} input[type=number], #{field} textarea, #{field} input").first
        box.fill(value)
        box.press("Tab")
        page.wait_for_timeout(500)
        page.get_by_role("button", name="Generate").click()

    return act


def insist(field: str, value: str) -> Act:
    """Write a number and press Ctrl+Enter in its field: on leaving it the page would bring it back into range."""

    def act(page: Page, server: NoisePage) -> None:
        page.locator(f"#{field} input[type=number]").fill(value)
        page.keyboard.press("Control+Enter")

    return act


def reuse(page: Page, server: NoisePage) -> None:
    """The recipe of a picture that was made with a sampler that is not here."""
    page.evaluate("document.dispatchEvent(new CustomEvent('taffy-reuse', {detail: {sampler: 'Eular'}}))")
    page.wait_for_function("taffyForm.sampler === 'Eular'")
    page.get_by_role("button", name="Generate").click()


def lose_folder(page: Page, server: NoisePage) -> None:
    """A models folder that was named at the start is not there."""
    server.app.index._folders = [*server.app.index.folders, Path("/mnt/models")]
    page.reload()
    page.get_by_text("files cannot be used").click()


def huge(page: Page, server: NoisePage) -> None:
    page.locator("#height input").fill("40000")
    enter("width", "40000")(page, server)


def fill_disk(page: Page, server: NoisePage) -> None:
    """The gallery refuses as it does when the system says there is no room."""

    def refuse(*_: object) -> None:
        raise CannotSave("the picture could not be saved: No space left on device", "free some disk space?")

    gallery = server.app.gallery
    keep_as_it_is = gallery.save
    gallery.save = refuse  # type: ignore[assignment]
    enter("prompt", "a castle")(page, server)
    expect(page.locator(".taffy-problem")).to_contain_text("No space left")
    gallery.save = keep_as_it_is  # type: ignore[method-assign]


ERRORS: dict[str, Act] = {
    "error-size": enter("width", "65"),
    "error-megapixels": huge,
    "error-empty-field": enter("width", ""),
    "error-steps": insist("steps", "151"),
    "error-cfg": insist("cfg", "1000"),
    "error-sampler": reuse,
    "error-checkpoint": enter("checkpoint", "dreamboat"),
    "error-truncated": enter("checkpoint", "truncated"),
    "error-empty": enter("checkpoint", "empty"),
    "error-oversized": enter("checkpoint", "oversized"),
    "error-zip": enter("checkpoint", "renamed"),
    "error-pickle": enter("checkpoint", "old"),
    "error-disk": fill_disk,
    "error-folder": lose_folder,
}


def problem(page: Page) -> Locator:
    return page.locator("taffy-refusal:visible, .taffy-problem:not(:empty), taffy-unusable details[open]").first


def keep(page: Page, name: str) -> None:
    """The sentence, and the buttons when they are under it."""
    expect(problem(page)).to_be_visible(timeout=10_000)
    page.wait_for_timeout(300)
    sentence, button = (place.bounding_box() for place in (problem(page), page.locator(".taffy-generate").first))
    assert sentence and button
    refused = page.locator("taffy-refusal:visible").count()
    failed = page.locator(".taffy-problem:not(:empty)").count()  # the line above says so
    top, bottom = sentence["y"] - (44 if failed else 10), sentence["y"] + sentence["height"] + 12
    if refused:
        bottom = max(bottom, button["y"] + button["height"] + 12)
    clip = FloatRect(x=sentence["x"] - 8, y=top, width=sentence["width"] + 16, height=bottom - top)
    image = Image.open(io.BytesIO(page.screenshot(clip=clip)))
    save_small(image.convert("RGB"), PICTURES / f"{name}.webp")


if __name__ == "__main__":
    main()

"""The sample extension, both halves."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from modules.hooks import GenerationRequest
from modules.hooks.engine_host import EngineHost
from modules.hooks.front_host import FrontHost

EXTENSIONS = Path(__file__).parents[2] / "extensions"


def middle(request: GenerationRequest) -> object:
    """The colour of a red picture after the extension saw it."""
    image = Image.new("RGB", (2, 2), (255, 0, 0))
    return EngineHost([EXTENSIONS]).change_image(image, request).getpixel((0, 0))


def test_the_box_is_under_txt2img_and_off() -> None:
    (box,) = [c for c in FrontHost([EXTENSIONS]).controls("txt2img") if c.extension == "invert"]
    assert (box.kind, box.name, box.default) == ("checkbox", "enabled", False)


def test_the_box_inverts_the_picture() -> None:
    assert middle(GenerationRequest(extras={"invert.enabled": True})) == (0, 255, 255)


def test_without_the_box_the_picture_stays() -> None:
    assert middle(GenerationRequest()) == middle(GenerationRequest(extras={"invert.enabled": False})) == (255, 0, 0)

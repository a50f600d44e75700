"""`python webui.py new-extension NAME`: writes a small extension that works, with its test."""

from __future__ import annotations

from pathlib import Path

from modules.core.errors import BadExtension
from modules.hooks.manifest import NAME
from modules.hooks.specs import API_VERSION

MANIFEST = """name = "{name}"
version = "0.1.0"
api = ">={api},<2"
description = "Mixes a colour into every picture, as much as a slider says."
"""
FRONT = '''"""The page's half: a slider under txt2img. It must not import torch."""

from modules.hooks import Control, hookimpl


@hookimpl
def controls(tab: str) -> list[Control]:
    return [Control("amount", "Amount", "slider", 0.0, "How much warm light there is.")] if tab == "txt2img" else []
'''
ENGINE = '''"""The worker's half: what the slider does."""

from PIL import Image

from modules.hooks import GenerationRequest, hookimpl

WARM = (255, 170, 80)


@hookimpl
def after_decode(image: Image.Image, request: GenerationRequest) -> Image.Image | None:
    amount = request.extras.get("{name}.amount", 0.0)
    if not isinstance(amount, float | int) or amount == 0:
        return None
    return Image.blend(image, Image.new("RGB", image.size, WARM), float(amount))
'''
TEST = '''"""Run it with: python -m tests extensions/{name}"""

from pathlib import Path

from PIL import Image

from modules.hooks import GenerationRequest
from modules.hooks.engine_host import EngineHost
from modules.hooks.front_host import FrontHost

FOLDER = Path(__file__).parents[1]


def colour(amount: float) -> object:
    host = EngineHost([FOLDER])
    request = GenerationRequest(extras={{"{name}.amount": amount}})
    made = host.change_image(Image.new("RGB", (2, 2), (0, 0, 0)), request)
    assert not [fault for fault in host.faults if fault.extension == "{name}"]
    return made.getpixel((0, 0))


def test_the_slider_mixes_a_colour_in() -> None:
    assert colour(0.0) == (0, 0, 0)
    assert colour(1.0) == (255, 170, 80)


def test_the_slider_is_under_txt2img() -> None:
    (slider,) = [one for one in FrontHost([FOLDER]).controls("txt2img") if one.extension == "{name}"]
    assert slider.default == 0.0
'''


def write(folder: Path, name: str) -> Path:
    """A new extension below `folder`; returns its own folder. Raises BadExtension."""
    if not NAME.fullmatch(name):
        advice = "small letters, digits, - and _, beginning with a letter, at most 40"
        raise BadExtension(f"an extension cannot be called {name!r:.60}", advice)
    place = folder / name
    try:
        place.mkdir(parents=True)
    except FileExistsError as error:
        raise BadExtension(f"there is {place} already", "choose another name") from error
    test = f"test_{name.replace('-', '_')}.py"
    files = {"extension.toml": MANIFEST, "extension.py": FRONT, "engine.py": ENGINE, test: TEST}
    for file, text in files.items():
        filled = text if file == "extension.py" else text.replace("{name}", name).replace("{api}", API_VERSION)
        (place / file).write_text(filled.replace("{{", "{").replace("}}", "}"), encoding="utf-8")
    return place

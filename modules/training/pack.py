"""The data pack, one zip: every sprite as lossless WebP, the photographs, and the token ids of caption words."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from modules.training.captions import caption_words
from modules.training.catalog import CONCEPTS, EXTRAS, HANDS, Hand, drawings
from modules.training.mascot import MANNERS, NAME, POSES, mascot_svg
from modules.training.photos import HELD_OUT, sample_photos
from modules.training.scenes import read_holdouts
from modules.training.tokens import tokenize

SPRITE_SIZE = 128


@dataclass(frozen=True)
class Pack:
    """Sprites by (slug, hand), each premultiplied RGBA (4, 128, 128) in 0..1; words by token ids; photographs."""

    sprites: dict[tuple[str, str], Tensor]
    words: dict[str, list[int]]
    photos: dict[str, Tensor] = field(default_factory=dict)  # RGB (3, h, w) in 0..1


def build_pack(path: Path, npm_folder: Path) -> None:
    """Install the pinned icon sets with npm, render them with resvg and write the zip atomically."""
    _npm_install(npm_folder)
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name, image in _rendered(npm_folder):
            buffer = io.BytesIO()
            image.save(buffer, "WEBP", lossless=True, exact=True)
            archive.writestr(f"{name}.webp", buffer.getvalue())
        for name, photo in sample_photos().items():
            buffer = io.BytesIO()
            photo.save(buffer, "WEBP", quality=92)
            archive.writestr(f"photos/{name}", buffer.getvalue())
        words = {word: tokenize(word) for word in sorted(caption_words())}
        archive.writestr("words.json", json.dumps(words))
    part.replace(path)


def load_pack(path: Path) -> Pack:
    """Read the whole pack into memory (about 130 MB as float32)."""
    sprites: dict[tuple[str, str], Tensor] = {}
    photos: dict[str, Tensor] = {}
    with zipfile.ZipFile(path) as archive:
        words: dict[str, list[int]] = json.loads(archive.read("words.json"))
        for name in archive.namelist():
            if name.endswith(".webp"):
                slug, hand = name.removesuffix(".webp").split(".")
                sprites[slug, hand] = premultiplied(Image.open(io.BytesIO(archive.read(name))))
            elif name.startswith("photos/"):
                photos[name.removeprefix("photos/")] = _rgb(Image.open(io.BytesIO(archive.read(name))))
    return Pack(sprites, words, photos)


def _rgb(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float() / 255


def thin_pack(whole: Path, thin: Path, count: int = 300) -> None:
    """A small pack to evaluate with where npm is not: every held-out pair's sprites, then others evenly, and the words.

    The photographs in it are those that training never sees.
    """
    holdouts = read_holdouts()
    needed = [f"{slug}.{hand}.webp" for concept, hand in sorted(holdouts.concept_hand) for slug in drawings(concept)]
    treated = [slug for concept, _ in sorted(holdouts.concept_treatment) for slug in drawings(concept)]
    needed += [f"{slug}.{hand.word}.webp" for slug in treated for hand in HANDS if not hand.monochrome]
    part = thin.with_suffix(".part")
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as target:
        names = [f"{slug}.{hand.word}.webp" for concept in CONCEPTS for slug in drawings(concept) for hand in HANDS]
        chosen = list(dict.fromkeys(needed))[:count]
        others = [name for name in names if name not in set(chosen)]
        step = max(1.0, len(others) / max(1, count - len(chosen)))
        chosen += [others[int(i * step)] for i in range(count - len(chosen)) if int(i * step) < len(others)]
        for name in (*chosen, *(f"photos/{photo}" for photo in HELD_OUT), "words.json"):
            target.writestr(name, source.read(name))
    part.replace(thin)


def premultiplied(image: Image.Image) -> Tensor:
    """Turn an RGBA picture into colour times alpha, and alpha: (4, height, width)."""
    pixels = torch.from_numpy(np.array(image.convert("RGBA"))).permute(2, 0, 1).float() / 255
    return torch.cat([pixels[:3] * pixels[3:], pixels[3:]])


def _npm_install(folder: Path) -> None:
    """Fetch the pinned packages unless they are there. No install scripts are run."""
    if all((folder / "node_modules/@iconify-json" / hand.package).exists() for hand in HANDS):
        return
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [f"@iconify-json/{hand.package}@{hand.version}" for hand in HANDS]
    subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", *wanted], cwd=folder, check=True)


def _rendered(npm_folder: Path) -> Iterator[tuple[str, Image.Image]]:
    """Every icon the catalog names and the set has, and the mascot, as (slug.hand, RGBA 128 x 128)."""
    for hand in HANDS:
        icons = _read_icons(npm_folder, hand)
        for slug in (*CONCEPTS.values(), *EXTRAS):
            svg = icon_svg(icons, slug)
            if svg is None and slug in CONCEPTS.values() and slug != NAME:
                raise ValueError(f"the icon set {hand.package} has no {slug}")
            if svg is not None:
                yield f"{slug}.{hand.word}", _rasterised(svg)
        for pose in POSES:
            yield f"{NAME}-{pose.name}.{hand.word}", _rasterised(mascot_svg(pose, MANNERS[hand.word]))


def _rasterised(svg: str) -> Image.Image:
    from resvg_py import svg_to_bytes

    png = svg_to_bytes(svg_string=svg, width=SPRITE_SIZE, height=SPRITE_SIZE, skip_system_fonts=True)
    return _squared(Image.open(io.BytesIO(bytes(png))))


def _read_icons(npm_folder: Path, hand: Hand) -> dict[str, Any]:
    path = npm_folder / "node_modules/@iconify-json" / hand.package / "icons.json"
    icons: dict[str, Any] = json.loads(path.read_text())
    return icons


def icon_svg(icons: dict[str, Any], slug: str) -> str | None:
    """One icon of an Iconify set as a complete SVG, following aliases; None if the set lacks it."""
    aliases = icons.get("aliases", {})
    while slug in aliases:
        slug = aliases[slug]["parent"]
    icon = icons["icons"].get(slug)
    if icon is None:
        return None
    left, top, width, height = (
        icon.get(key, icons.get(key, default))
        for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
    )


def _squared(image: Image.Image) -> Image.Image:
    """Centre the picture on a transparent square: a few icons are not square."""
    square = Image.new("RGBA", (SPRITE_SIZE, SPRITE_SIZE))
    square.paste(image, ((SPRITE_SIZE - image.width) // 2, (SPRITE_SIZE - image.height) // 2))
    return square

"""Bench `copies`: how often the originality check of Inside is wrong, by the bits that two hashes may differ in.

Pictures: as many of the starter's own training pictures as can be drawn from what is in this repository (a training
picture is drawn from a seed; the thin pack holds some of the drawings), and pictures that the starter makes of as many
of their prompts. A false alarm: the nearest training picture to a made one, or to another training picture, mirrored
or not, differs in no more than so many bits. A miss: a copy that was edited differs in more. Near neighbours among
training pictures are the same drawing in other shades, so they are harder to tell apart than pictures of a folder.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from extensions.inside.hashing import apart, perceptual_hash
from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, say

BOUNDS = (0, 2, 4, 6, 8, 10, 12, 14, 16)
SEED = 1  # of the run that made the starter
PACK = ROOT / "modules" / "training" / "evaluation-pack.zip"
STARTER = ROOT / "models" / "Stable-diffusion" / "starter.safetensors"
Picture = Image.Image
Edit = Callable[[Picture], Picture]


def jpeg(quality: int) -> Edit:
    def save(picture: Picture) -> Picture:
        file = BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return save


def cropped(share: float) -> Edit:
    """Cut off at all four sides together so much of each side, and brought back to its size."""

    def cut(picture: Picture) -> Picture:
        width, height = (round(side * share / 2) for side in picture.size)
        return picture.crop((width, height, picture.width - width, picture.height - height)).resize(picture.size)

    return cut


EDITS: Mapping[str, Edit] = {
    "JPEG, quality 75": jpeg(75),
    "JPEG, quality 30": jpeg(30),
    "half as large": lambda picture: picture.resize(
        (picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS
    ),
    "twice as large": lambda picture: picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.LANCZOS),
    "15 % brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.15),
    "30 % darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.7),
    "less contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(0.7),
    "in grey": lambda picture: ImageOps.grayscale(picture).convert("RGB"),
    "mirrored": ImageOps.mirror,
    "2 % cut off": cropped(0.02),
    "5 % cut off": cropped(0.05),
    "10 % cut off": cropped(0.10),
    "turned by 2 degrees": lambda picture: picture.rotate(2, Image.Resampling.BICUBIC, fillcolor=corner(picture)),
}


def corner(picture: Picture) -> tuple[int, ...]:
    found = picture.getpixel((0, 0))
    assert isinstance(found, tuple)
    return found


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--trained", type=int, default=2000, help="training pictures (default: %(default)s)")
    parser.add_argument("--made", type=int, default=200, help="made pictures (default: %(default)s)")


def run(options: Namespace) -> Iterator[Report]:
    """One report at the end."""
    prompts, trained = training(options.trained)
    known = np.stack([perceptual_hash(picture) for picture in trained])
    say(f"{len(trained)} training pictures drawn")
    found = made(prompts[: options.made])
    say(f"{len(found)} pictures made")
    alarms = {
        "made by the starter": [nearest(picture, known) for picture in found],
        "another training picture": [nearest(one, np.delete(known, at, 0)) for at, one in enumerate(trained[:500])],
    }
    rows = [row("False alarms: nearest training picture within so many bits", name, at) for name, at in alarms.items()]
    for name, edit in EDITS.items():
        bits = [nearest(edit(one), perceptual_hash(one)[None]) for one in (*trained[:300], *found)]
        rows.append(row("Edited copies: bits that differ from the original", name, bits))
    facts = machine(ROOT) | {one.label: shares(one) for one in rows}
    yield Report("copies", "The originality check: false alarms and misses of the hash", tuple(rows), facts, True)


def row(panel: str, label: str, bits: Sequence[int]) -> Row:
    return Row(panel, label, tuple(map(float, bits)), "bits")


def shares(one: Row) -> str:
    """At which bound how many of them are found."""
    values = np.array(one.values)
    return ", ".join(f"<= {bound}: {float((values <= bound).mean()):.1%}" for bound in BOUNDS)


def nearest(picture: Picture, known: NDArray[np.bool_]) -> int:
    """Bits to the nearest of them, as the check counts: mirrored too."""
    return min(int(apart(perceptual_hash(one), known).min()) for one in (picture, ImageOps.mirror(picture)))


def training(count: int) -> tuple[list[str], list[Picture]]:
    """The first training pictures whose drawings are at hand, and what a person would call them."""
    from modules.training.compose import render
    from modules.training.exam import prompt_of
    from modules.training.pack import load_pack
    from modules.training.renders import Plan
    from modules.training.run import RENDERS
    from modules.training.scenes import read_holdouts

    sprites, plan = load_pack(PACK).sprites, Plan(SEED, RENDERS, read_holdouts())
    prompts, pictures = [], []
    for index in range(RENDERS):
        scene = plan.scene(index)
        try:
            pixels = render(scene, sprites)
        except KeyError:  # a drawing that the thin pack leaves out
            continue
        prompts.append(prompt_of(scene))
        pictures.append(image(pixels.numpy()))
        if len(pictures) == count:
            break
    return prompts, pictures


def made(prompts: Sequence[str]) -> list[Picture]:
    """Prompt i with seed i, by the starter."""
    from modules.training.maker import load_maker

    maker = load_maker(Path(STARTER))
    latents = maker.latents(list(prompts), list(range(len(prompts))))
    return [image(pixels.numpy()) for pixels in maker.decode(latents)]


def image(pixels: NDArray[np.float32]) -> Picture:
    """(3, height, width) in 0..1."""
    return Image.fromarray(np.rint(pixels.transpose(1, 2, 0) * 255).clip(0, 255).astype(np.uint8))

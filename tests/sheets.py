"""`python -m tests.sheets img2img`: what changing pictures does with the starter, fixed seeds in order, nothing chosen.

Writes docs/pictures/img2img-*.webp and prints what was counted. `--models DIR` takes the starter from another folder.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

from modules.core.events import Event, Failed, PictureMade, Shown
from modules.core.request import GenerationRequest
from modules.core.task import Encode, Generate, Task
from modules.training.pack import load_pack
from modules.training.photos import HELD_OUT
from modules.training.webp import save_small
from modules.worker.config import WorkerConfig
from modules.worker.service import Service

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
EVALUATION_PACK = ROOT / "modules" / "training" / "evaluation-pack.zip"
REQUEST = GenerationRequest(
    checkpoint="starter", sampler="Euler", steps=20, cfg_scale=4, width=64, height=64, preview="off", mask_blur=2
)
SEEDS = (1, 2, 3, 4, 5, 6)
STRENGTHS = (0.3, 0.45, 0.6, 0.75, 0.9)
TILE, GAP, LABEL, MARGIN = 128, 6, 20, 96  # pixels
ZOOMED = [  # thing and hand, what is left for the edges
    ("a house", "on a green background"), ("a flat cat", "on a white background"),
    ("a castle", "van gogh oil painting, orange background"), ("a bold fox", "on a blue background"),
    ("a glossy rocket", "on a purple background"), ("a mushroom", "watercolor, on a yellow background"),
    ("an owl", "stained glass, blue background"), ("an ink penguin", "on a pink background"),
]  # fmt: skip
Row = tuple[str, Sequence[Image.Image]]


class Painter:
    """The real worker, asked for one picture at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def made(
        self, prompt: str, image: Image.Image | None = None, mask: Image.Image | None = None, **values: Any
    ) -> Image.Image:
        request, inputs = asked(prompt, image, mask, **values)
        made = [event for event in self._events(Generate("sheet", request, inputs)) if isinstance(event, PictureMade)]
        return Image.frombytes("RGB", (made[0].width, made[0].height), made[0].rgb)

    def start(self, image: Image.Image, strength: float, seed: int) -> Image.Image:
        """The noised start as it is shown beside the picture."""
        request, inputs = asked("", image, None, strength=strength, seed=seed)
        shown = [event for event in self._events(Encode("sheet", request, inputs)) if isinstance(event, Shown)]
        return Image.open(BytesIO(shown[-1].frame.jpeg))

    def _events(self, task: Task) -> list[Event]:
        events = list(self._service.run(task))
        for event in events:
            assert not isinstance(event, Failed), event
        return events


def asked(
    prompt: str, image: Image.Image | None, mask: Image.Image | None, **values: Any
) -> tuple[GenerationRequest, dict[str, bytes]]:
    inputs = {name: png(picture) for name, picture in (("image", image), ("mask", mask)) if picture}
    named: dict[str, Any] = {name: name for name in inputs}
    return replace(REQUEST, prompt=prompt, **named, **values), inputs


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def sketch(painter: Painter) -> None:
    """A flat cat becomes a pencil sketch: at which strength, and does it keep its place?

    The sketch has another seed than the cat: the same noise alone would put it into the same place.
    """
    rows: list[Row] = []
    kept = []
    for seed in SEEDS:
        cat = painter.made("a flat cat on a white background", seed=seed)
        drawn = [painter.made("pencil sketch of a cat", cat, strength=s, seed=seed + 50) for s in STRENGTHS]
        other = painter.made("pencil sketch of a cat", seed=seed + 100)
        kept.append([overlap(cat, picture) for picture in (*drawn, other)])
        rows.append((f"seed {seed}", [cat, painter.start(cat, 0.6, seed + 50), *drawn]))
    save("strength", rows, ["flat cat", "start at .6", *(f"strength {strength:g}" for strength in STRENGTHS)])
    for name, shares in zip([*map(str, STRENGTHS), "another cat"], zip(*kept, strict=True), strict=True):
        print(f"overlap of the subject with the flat cat's, strength {name}: {np.mean(shares):.2f}")


def overlap(one: Image.Image, other: Image.Image) -> float:
    """Intersection over union of the boxes around all that differs from the background (the corner's colour)."""
    boxes = [np.zeros((64, 64), bool), np.zeros((64, 64), bool)]
    for box, picture in zip(boxes, (one, other), strict=True):
        rows, columns = np.nonzero(np.abs(np.asarray(picture).astype(int) - picture.getpixel((2, 2))).sum(-1) > 90)
        box[rows.min(initial=63) : rows.max(initial=0) + 1, columns.min(initial=63) : columns.max(initial=0) + 1] = True
    return float((boxes[0] & boxes[1]).sum() / max((boxes[0] | boxes[1]).sum(), 1))


def inpaint(painter: Painter) -> None:
    """Two things side by side; the right one is asked to become another."""
    rows: list[Row] = []
    mask = Image.new("L", (128, 64))
    mask.paste(255, (68, 4, 124, 60))
    for seed in SEEDS:
        both = Image.new("RGB", (128, 64))
        both.paste(painter.made("a flat cat on a white background", seed=seed), (0, 0))
        both.paste(painter.made("a flat apple on a white background", seed=seed), (64, 0))
        changed = painter.made(
            "a flat rocket on a white background", both, mask, seed=seed, strength=1.0,
            mask_content="latent noise", only_masked=True, mask_padding=4, mask_blur=1,
        )  # fmt: skip
        difference = ImageChops.difference(both, changed).convert("L").point([0] + [255] * 255)
        print(f"seed {seed}: changed pixels left of the middle: {np.count_nonzero(np.asarray(difference)[:, :64])}")
        rows.append((f"seed {seed}", [both, changed, difference]))
    save("inpaint", rows, ["before", "right: a rocket", "changed pixels"])


def contents(painter: Painter) -> None:
    """What stands under the mask at the start, and what becomes of it at a strength."""
    mask = Image.new("L", (64, 64))
    ImageDraw.Draw(mask).ellipse((10, 10, 54, 54), fill=255)
    rows: list[Row] = []
    for content in ("original", "fill", "latent noise", "latent nothing"):
        made = [
            painter.made(
                "a flat owl on a white background", cat, mask, seed=seed, strength=strength, mask_content=content
            )
            for seed in SEEDS[:3]
            for cat in [painter.made("a flat cat on a white background", seed=seed)]
            for strength in (0.0, 0.5, 1.0)
        ]
        rows.append((content, made))
    save("content", rows, [f"{s:g}, seed {seed}" for seed in SEEDS[:3] for s in (0.0, 0.5, 1.0)])


def soft(painter: Painter) -> None:
    """A mask from black (left) to white (right), hard and as degrees."""
    ramp = Image.linear_gradient("L").rotate(90).resize((64, 64))
    rows: list[Row] = []
    for seed in SEEDS[:4]:
        castle = painter.made("a castle on a blue background", seed=seed)
        values: dict[str, Any] = {"seed": seed, "strength": 1.0, "mask_blur": 0}
        prompt = "a castle, van gogh oil painting, orange background"
        made = [painter.made(prompt, castle, ramp, soft_mask=one, **values) for one in (False, True)]
        rows.append((f"seed {seed}", [castle, ramp.convert("RGB"), *made]))
    save("soft", rows, ["before", "mask", "hard: white or black", "soft: a degree"])


def outpaint(painter: Painter) -> None:
    """Beyond the edges: to both sides, asked for the background alone, and for the house again."""
    rows: list[Row] = []
    wide: dict[str, Any] = {"width": 96, "extend_left": 16, "extend_right": 16, "strength": 1.0, "extend_overlap": 8}
    prompts = ("a green background", "a house on a green background")
    for seed in SEEDS[:4]:
        house = painter.made("a house on a green background", seed=seed)
        made = [painter.made(prompt, house, seed=seed, mask_content="fill", **wide) for prompt in prompts]
        rows.append((f"seed {seed}", [house, *made]))
    save("outpaint", rows, ["before", *prompts])


def zoom(painter: Painter) -> None:
    """Zoom out as the button does it (`chain-edges.js`), and as it would be for a large checkpoint."""
    rows: list[Row] = []
    sides: dict[str, Any] = dict.fromkeys(("extend_left", "extend_top", "extend_right", "extend_bottom"), 16)
    for seed, (thing, ground) in enumerate(ZOOMED, 1):
        prompt = f"{thing}, {ground}"
        before = painter.made(prompt, seed=seed)
        values: dict[str, Any] = {"seed": seed, "extend_overlap": 8, **sides}
        small = painter.made(ground, before, strength=0.45, only_masked=True, **values)
        large = painter.made(prompt, before, strength=0.9, width=96, height=96, **values)
        rows.append((f"seed {seed}", [before, small, large]))
    save("zoom", rows, ["before", "zoomed out", "strength .9, whole prompt"])


def photo(painter: Painter) -> None:
    """A person and a cat that no training saw, at the starter's size, and by ways that need no words."""
    photos = load_pack(EVALUATION_PACK).photos
    rows: list[Row] = []
    for name in HELD_OUT:
        levels = (photos[name] * 255).byte().permute(1, 2, 0).numpy()
        own = ImageOps.fit(Image.fromarray(levels), (64, 64), Image.Resampling.LANCZOS)
        painted = [painter.made("a cat", own, seed=1, strength=strength) for strength in (0.0, 0.3, 0.6)]
        larger = own.resize((128, 128), Image.Resampling.LANCZOS)
        rows.append((name.partition(".")[0], [own, *painted, larger]))
    save("photo", rows, ["a photo", "through the VAE", "strength .3", "strength .6", "Upscale: Lanczos"])


def hires(painter: Painter) -> None:
    """A second pass at twice the size, which the starter was never trained at."""
    columns = [("Latent", 0.7), ("Latent (bicubic antialiased)", 0.5), ("Lanczos", 0.5), ("Lanczos", 0.3)]
    rows: list[Row] = []
    for seed in SEEDS[:4]:
        values: dict[str, Any] = {"seed": seed, "hires_scale": 2.0}
        prompt = "a flat penguin on a pink background"
        made = [painter.made(prompt, hires_upscaler=name, hires_strength=s, **values) for name, s in columns]
        rows.append((f"seed {seed}", [painter.made(prompt, seed=seed), *made]))
    save("hires", rows, ["one pass", *(f"{name} {s:g}" for name, s in columns)])


def save(name: str, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Rows of pictures, each in a tile of its shape, under the names of their columns."""
    widths = [
        max(round(TILE * row[1][column].width / row[1][column].height) for row in rows)
        for column in range(len(columns))
    ]
    height = LABEL + len(rows) * (TILE + GAP)
    page = Image.new("RGB", (MARGIN + sum(widths) + GAP * len(widths), height), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    left = MARGIN
    for column, width in enumerate(widths):
        draw.text((left + width / 2, LABEL / 2), columns[column], "#333333", font, anchor="mm")
        for place, (_, pictures) in enumerate(rows):
            tile = ImageOps.contain(pictures[column].convert("RGB"), (width, TILE), Image.Resampling.BICUBIC)
            page.paste(tile, (left, LABEL + place * (TILE + GAP)))
        left += width + GAP
    for place, (label, _) in enumerate(rows):
        draw.text((MARGIN / 2, LABEL + place * (TILE + GAP) + TILE / 2), label, "#333333", font, anchor="mm")
    save_small(page, PICTURES / f"img2img-{name}.webp")
    print(f"docs/pictures/img2img-{name}.webp", flush=True)


SHEETS = {"img2img": {one.__name__: one for one in (sketch, inpaint, contents, soft, outpaint, zoom, photo, hires)}}


def main() -> None:
    parser = ArgumentParser(prog="python -m tests.sheets", description=__doc__)
    parser.add_argument("sheets", choices=SHEETS)
    parser.add_argument("--only", default="", help="one of the pictures, by its function (default: all)")
    parser.add_argument("--models", default=str(ROOT / "models"), help="folder with Stable-diffusion/")
    options = parser.parse_args()
    with TemporaryDirectory() as cache:
        painter = Painter(Service(WorkerConfig((options.models,), cache, use_cpu=True, precision="fp32", threads=1)))
        for name, draw in SHEETS[options.sheets].items():
            if options.only in {"", name}:
                draw(painter)


if __name__ == "__main__":
    main()

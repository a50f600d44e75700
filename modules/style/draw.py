"""Draws the twelve style pictures that ship with Taffy: `python -m modules.style.draw`. Numbers only, licence CC0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from modules.style.pictures import FOLDER
from modules.style.scenes import SIDE, Pixels, Plane, colour, flowers, landscape, painted, places, ridge, town

LUMA = np.array([0.299, 0.587, 0.114])
DUSK = landscape(["1b2a6b", "f2a65a"], ["4a5a9a", "33518a", "1f4a5f", "16323a"], "ffe9a8", seed=4)
MEADOW = landscape(["8fc7e8", "f7f0d8"], ["a9c4cf", "8bb58a", "5f9a5a", "d8c15a"], "fff2c0", seed=11)
GARDEN = flowers("2f6b4a", ["e8433f", "f5b82e", "f3f0e6", "8f4fc0"], "3a1f12")
TOWN = town("20305c", ["b5563c", "d8a13c", "6f7f9c", "8a4a6a"], "ffe28a")


def image(picture: Pixels) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))


def blurred(picture: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """A picture or a plane, softened."""
    levels = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    soft: NDArray[np.float64] = np.asarray(levels.filter(ImageFilter.GaussianBlur(radius))) / 255.0
    return soft


def edges(picture: Pixels, softness: float = 1.0) -> Plane:
    """How much the picture changes, 0..1."""
    grey = blurred(picture, softness) @ LUMA
    down, across = np.gradient(grey)
    result: Plane = np.clip(np.hypot(down, across) * 9, 0, 1)
    return result


def smooth_noise(seed: int, cells: int) -> Plane:
    """Soft random clouds in 0..1."""
    few = np.random.default_rng(seed).random((cells, cells))
    clouds = Image.fromarray(few.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(clouds).astype(float)


def streaks(angle: Plane, seed: int, length: int = 14) -> Plane:
    """White noise drawn out along a field of angles (Cabral and Leedom 1993), standardised."""
    noise = np.random.default_rng(seed).random((SIDE, SIDE))
    total = np.zeros((SIDE, SIDE))
    for sign in (-1, 1):
        y, x = np.mgrid[:SIDE, :SIDE].astype(float)
        for _ in range(length):
            row, column = y.round().astype(int) % SIDE, x.round().astype(int) % SIDE
            total += noise[row, column]
            y, x = y + sign * np.sin(angle[row, column]), x + sign * np.cos(angle[row, column])
    result: Plane = (total - total.mean()) / total.std()
    return result


def swirling_oil() -> Pixels:
    y, x = places()
    angle = np.sin(9 * y + 3 * np.sin(7 * x)) * 2 + np.cos(8 * x - 4 * y)
    thick = streaks(angle, 1)
    relief = np.gradient(blurred(thick / 6 + 0.5, 0.8))[0] * 2.2
    oil: Pixels = blurred(DUSK, 2) * (1 + 0.22 * thick[..., None]) + relief[..., None] + 0.03
    return oil


def watercolour() -> Pixels:
    wet = blurred(MEADOW, 3)
    pooled = wet * (0.86 + 0.3 * smooth_noise(2, 9)[..., None]) - 0.3 * edges(MEADOW, 2)[..., None] * (1 - wet)
    grain = 0.03 * np.random.default_rng(3).standard_normal((SIDE, SIDE, 1))
    return 1 - (1 - pooled) * 0.85 + grain


def pencil() -> Pixels:
    grey = blurred(TOWN, 1) @ LUMA
    y, x = places()
    lines = np.zeros((SIDE, SIDE))
    for dark, (down, across) in zip((0.62, 0.45, 0.3, 0.18), ((1, 1), (1, -1), (1, 0.3), (0.2, 1)), strict=True):
        wobble = 0.004 * smooth_noise(4, 24)
        lines = np.maximum(lines, (np.sin((y * down + x * across + wobble) * 520) > 0.45) * (grey < dark) * 0.62)
    paper = 0.95 - 0.04 * np.random.default_rng(5).random((SIDE, SIDE))
    drawn: Pixels = (paper - np.maximum(blurred(lines, 0.6), edges(TOWN) * 0.85))[..., None] * np.array([1, 1, 0.97])
    return drawn


def comic() -> Pixels:
    flat = np.round(blurred(GARDEN, 1) * 3) / 3
    y, x = places()
    dots = (np.sin((x + y) * 300) * np.sin((x - y) * 300) + 1) / 2
    shaded = painted(flat, dots > flat @ LUMA + 0.25, flat.mean() * colour("f04a3a"))
    return painted(shaded, np.clip(edges(GARDEN) * 3, 0, 1), colour("101018"))


def pixels() -> Pixels:
    few = image(DUSK).resize((48, 48), Image.Resampling.BOX).quantize(14).convert("RGB")
    return np.asarray(few.resize((SIDE, SIDE), Image.Resampling.NEAREST)) / 255.0


def stained_glass() -> Pixels:
    rng = np.random.default_rng(6)
    seeds = rng.random((170, 2))
    y, x = places()
    far = np.hypot(y[..., None] - seeds[:, 0], x[..., None] - seeds[:, 1])
    order = np.sort(far, -1)
    cell = far.argmin(-1)
    where = (seeds * SIDE).astype(int).clip(0, SIDE - 1)
    panes = np.clip(blurred(GARDEN, 4)[where[:, 0], where[:, 1]] * 1.35, 0, 1)[cell]
    lit = panes * (0.85 + 0.35 * smooth_noise(7, 40)[..., None])
    return painted(lit, order[..., 1] - order[..., 0] < 0.011, colour("0c0c10"))


def woodblock_waves() -> Pixels:
    y, x = places()
    picture = painted(np.ones((SIDE, SIDE, 3)) * colour("efe3c4"), np.hypot(y - 0.22, x - 0.3) < 0.11, colour("c8452e"))
    for layer, code in enumerate(("9fb8b8", "5f8a9c", "2f5f8a", "1f3f6b", "16284a")):
        crest = ridge(x * 1.5, 0.4 + 0.13 * layer, 0.1, 20 + layer)
        depth = y - crest
        picture = painted(picture, depth > 0, colour(code))
        bands = np.abs((depth * 16 + 0.3 * np.sin(30 * x + layer)) % 1 - 0.5) < 0.09
        picture = painted(picture, (depth > 0) & (depth < 0.14) & bands, colour("e8eee6"))
        picture = painted(picture, np.abs(depth) < 0.005, colour("14203a"))
    return picture * (0.97 + 0.06 * smooth_noise(8, 60)[..., None])


def neon() -> Pixels:
    line = np.clip(edges(TOWN, 1.4) * 2.5, 0, 1)
    y, x = places()
    hue = np.stack([0.5 + 0.5 * np.sin(9 * x), 0.35 + 0.3 * np.sin(7 * y + 2), 0.6 + 0.4 * np.cos(6 * x + 5 * y)], -1)
    glow = blurred(line, 7)[..., None] * 2 + blurred(line, 2)[..., None]
    return np.array([0.03, 0.02, 0.07]) + hue * glow + 0.8 * (line**2)[..., None]


def blueprint() -> Pixels:
    y, x = places()
    paper = np.ones((SIDE, SIDE, 3)) * colour("1f4f9c") * (0.94 + 0.1 * smooth_noise(9, 6)[..., None])
    grid = (np.arange(SIDE) % 24 == 0)[:, None] | (np.arange(SIDE) % 24 == 0)[None, :]
    paper = painted(paper, grid.astype(float) * 0.22, colour("dce8ff"))
    rings = np.abs((np.hypot(y - 0.75, x - 0.75) * 12) % 1 - 0.5) < 0.025
    inside = np.hypot(y - 0.75, x - 0.75) < 0.22
    paper = painted(paper, (rings & inside).astype(float) * 0.8, colour("f4f8ff"))
    return painted(paper, np.clip(edges(TOWN, 0.6) * 3 - 0.2, 0, 1) * 0.9, colour("f4f8ff"))


def linocut() -> Pixels:
    y, x = places()
    grey = blurred(MEADOW, 2) @ LUMA
    carved = np.sin(170 * (y + 0.06 * np.sin(8 * x) + 0.25 * smooth_noise(10, 7))) * 0.32
    ink = blurred((grey + carved < 0.62).astype(float), 0.7)
    return painted(np.ones((SIDE, SIDE, 3)) * colour("f0e6d0"), ink, colour("1c1a1c"))


def dots() -> Pixels:
    rng = np.random.default_rng(12)
    canvas = np.ones((SIDE, SIDE, 3)) * colour("efe9d8")
    soft = blurred(MEADOW, 2)
    y, x = np.mgrid[:SIDE, :SIDE]
    for row, column in rng.integers(0, SIDE, (9000, 2)):
        radius = rng.uniform(1.8, 3.6)
        top, left = max(0, row - 4), max(0, column - 4)
        part = np.s_[top : row + 5, left : column + 5]
        disc = np.hypot(y[part] - row, x[part] - column) < radius
        canvas[part] = painted(canvas[part], disc, np.clip(soft[row, column] + rng.normal(0, 0.13, 3), 0, 1))
    return canvas


def paper_cut() -> Pixels:
    y, x = places()
    picture = np.ones((SIDE, SIDE, 3)) * colour("f7d9b8")
    sheets: list[tuple[Plane, str]] = [((np.hypot(y - 0.3, x - 0.6) < 0.16).astype(float), "f2765a")]
    codes = ("eab08a", "d98a7a", "a96a7f", "6a5280", "3c3a66")
    sheets += [((y > ridge(x, 0.42 + 0.12 * i, 0.11, 40 + i)).astype(float), code) for i, code in enumerate(codes)]
    for sheet, code in sheets:
        shadow = blurred(np.roll(sheet, (-5, 4), (0, 1)), 6)
        picture = painted(picture * (1 - 0.45 * shadow[..., None]), sheet, colour(code))
    return picture + 0.02 * np.random.default_rng(13).standard_normal((SIDE, SIDE, 1))


DRAWINGS: dict[str, Callable[[], Pixels]] = {
    "swirling oil": swirling_oil,
    "watercolour": watercolour,
    "pencil hatching": pencil,
    "comic dots": comic,
    "pixels": pixels,
    "stained glass": stained_glass,
    "woodblock waves": woodblock_waves,
    "neon lines": neon,
    "blueprint": blueprint,
    "linocut": linocut,
    "painted dots": dots,
    "paper cut": paper_cut,
}


def main() -> None:
    """Write every picture as WebP."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in DRAWINGS.items():
        image(draw()).save(FOLDER / f"{name.replace(' ', '-')}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()

"""From a picture to what a ControlNet was trained on: edges, sketches, blur. No network, nothing to download."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from .units import Unit

Levels = np.ndarray[tuple[int, ...], np.dtype[np.floating[Any]]]


def prepared(picture: Image.Image, unit: Unit, size: tuple[int, int]) -> Image.Image:
    """The picture at this size, through the unit's preprocessor; RGB."""
    fitted = resized(picture.convert("RGB"), size, unit.resize)
    match unit.preprocessor.lower():
        case "canny":
            return canny(fitted, unit.low, unit.high)
        case "soft edges":
            return soft_edges(fitted)
        case "scribble":
            return scribble(fitted)
        case "blur":
            return fitted.filter(ImageFilter.GaussianBlur(9))
        case "tile":
            small = (max(1, size[0] // 8), max(1, size[1] // 8))
            return fitted.resize(small, Image.Resampling.BOX).resize(size, Image.Resampling.BICUBIC)
        case "invert":
            return ImageOps.invert(fitted)
    return fitted


def resized(picture: Image.Image, size: tuple[int, int], mode: str) -> Image.Image:
    """Stretched, or in its own shape: cut to fill the size, or inside it with its edge colour around."""
    if mode == "stretch" or picture.size == size:
        return picture.resize(size, Image.Resampling.LANCZOS) if picture.size != size else picture
    if mode == "crop":
        return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    inside = ImageOps.contain(picture, size, Image.Resampling.LANCZOS)
    left, top = (size[0] - inside.width) // 2, (size[1] - inside.height) // 2
    edges = ((top, size[1] - inside.height - top), (left, size[0] - inside.width - left), (0, 0))
    return Image.fromarray(np.pad(np.asarray(inside), edges, mode="edge"))


def canny(picture: Image.Image, low: float, high: float) -> Image.Image:
    """Canny 1986: gradient, thinned to ridges, weak ones kept where they touch strong ones. low, high: of 255 levels.

    The gradient is Sobel's with |dx| + |dy|, as OpenCV has it by default.
    """
    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    dx, dy = sobel(grey)
    strength = np.abs(dx) + np.abs(dy)
    ridge = _ridges(strength, dx, dy)
    strong = ridge & (strength > high)
    weak = ridge & (strength > low)
    while True:
        grown = _grown(strong) & weak
        if (grown == strong).all():
            return _picture(strong * 255.0)
        strong = grown


def soft_edges(picture: Image.Image) -> Image.Image:
    """How steep the slightly blurred picture is, the steepest hundredth white."""
    grey = np.asarray(picture.convert("L").filter(ImageFilter.GaussianBlur(1.5)), dtype=np.float32)
    dx, dy = sobel(grey)
    strength = np.hypot(dx, dy)
    white = max(float(np.quantile(strength, 0.99)), 1.0)
    return _picture(strength / white * 255)


def scribble(picture: Image.Image) -> Image.Image:
    """Where a picture is darker than its surroundings (difference of Gaussians), as thick white lines."""
    near, far = (np.asarray(picture.filter(ImageFilter.GaussianBlur(s)), dtype=np.float32) for s in (0.5, 5.0))
    darker = (far - near).min(axis=2)
    return _picture((darker > 16) * 255.0)


def sobel(grey: Levels) -> tuple[Levels, Levels]:
    """Sobel's gradient (rows, columns) along x and y, edges repeated."""
    around = np.pad(grey, 1, mode="edge")
    across = around[:, 2:] - around[:, :-2]
    down = around[2:] - around[:-2]
    dx = across[:-2] + 2 * across[1:-1] + across[2:]
    dy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return dx, dy


def _ridges(strength: Levels, dx: Levels, dy: Levels) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the gradient is at least as large as on both sides along its direction, of four."""
    around = np.pad(strength, 1)
    angle = (np.rad2deg(np.arctan2(dy, dx)) + 22.5) % 180 // 45  # 0: across, 1: diagonal, 2: down, 3: other diagonal
    best = np.zeros(strength.shape, dtype=bool)
    rows, columns = strength.shape
    for direction, (down, right) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        one = around[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        other = around[1 - down : 1 - down + rows, 1 - right : 1 - right + columns]
        best |= (angle == direction) & (strength > other) & (strength >= one)
    return best


def _grown(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The mask and its eight neighbours."""
    around = np.pad(mask, 1)
    rows, columns = mask.shape
    grown = mask.copy()
    for down in range(3):
        for right in range(3):
            grown |= around[down : down + rows, right : right + columns]
    return grown


def _picture(levels: Levels) -> Image.Image:
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8)).convert("RGB")

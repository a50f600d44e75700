"""From a scene to pixels: the sprite placed on its background, then treated, then halved to 64 pixels."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from modules.training.catalog import BACKGROUND_BY_WORD, CONCEPTS, HAND_BY_WORD, Background
from modules.training.scenes import Scene
from modules.training.treatments import TREAT


def render(scene: Scene, sprites: dict[tuple[str, str], Tensor]) -> Tensor:
    """The picture of a scene: (3, 64, 64) in 0..1. The same scene gives the same bytes."""
    sprite = sprites[CONCEPTS[scene.concept], scene.hand]
    background = BACKGROUND_BY_WORD[scene.background]
    if HAND_BY_WORD[scene.hand].monochrome and background.is_dark:
        sprite = white_ink(sprite)
    picture = place(sprite, background, scene.scale, scene.shift)
    if scene.treatment:
        pixels = picture.permute(1, 2, 0).numpy()
        treated = TREAT[scene.treatment](pixels, np.random.default_rng(scene.seed))
        picture = torch.from_numpy(treated.astype(np.float32)).permute(2, 0, 1).clamp(0, 1)
    return F.avg_pool2d(picture, 2)


def white_ink(sprite: Tensor) -> Tensor:
    """Black line art as white line art: premultiplied white is alpha itself. (4, h, w) -> (4, h, w)"""
    return sprite[3:].expand(4, -1, -1)


def place(sprite: Tensor, background: Background, scale: float, shift: tuple[float, float]) -> Tensor:
    """Scale and shift a premultiplied sprite (4, 128, 128) over a plain colour: (3, 128, 128)."""
    # affine_grid maps output to input coordinates in -1..1, hence the inverse scale
    theta = torch.tensor([[[1 / scale, 0, -2 * shift[0] / scale], [0, 1 / scale, -2 * shift[1] / scale]]])
    grid = F.affine_grid(theta, [1, 4, *sprite.shape[1:]], align_corners=False)
    placed = F.grid_sample(sprite[None], grid, align_corners=False)[0]
    colour = torch.tensor(background.colour)[:, None, None]
    return placed[:3] + (1 - placed[3:]) * colour

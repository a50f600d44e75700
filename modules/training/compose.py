"""From a scene to pixels: the sprite varied, placed on its background, drawn in its hand or treated, halved to 64."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from modules.training.catalog import BACKGROUND_BY_WORD, HAND_BY_WORD, SAME_DRAWING, Background, drawings
from modules.training.manners import MANNER
from modules.training.scenes import Scene
from modules.training.treatments import TREAT
from modules.training.variation import USUAL, Strength, recolour, warp_grid

Sprites = dict[tuple[str, str], Tensor]


def render(scene: Scene, sprites: Sprites, strength: Strength = USUAL) -> Tensor:
    """The picture of a scene: (3, 64, 64) in 0..1. The same scene gives the same bytes."""
    rng = np.random.default_rng(scene.seed)
    background = BACKGROUND_BY_WORD[scene.background]
    slugs = drawings(scene.concept)
    sprite = varied(scene, slugs[int(rng.integers(len(slugs)))], sprites, rng, strength)
    if HAND_BY_WORD[scene.hand].monochrome:
        sprite = white_ink(sprite) if background.is_dark else sprite
    if scene.treatment:
        pixels = over(sprite, background).permute(1, 2, 0).numpy()
        treated = TREAT[scene.treatment](pixels, rng)
        picture = torch.from_numpy(treated.astype(np.float32)).permute(2, 0, 1).clamp(0, 1)
    else:
        picture = over(MANNER[scene.hand](sprite), background)
    return F.avg_pool2d(picture, 2)


def varied(scene: Scene, slug: str, sprites: Sprites, rng: np.random.Generator, strength: Strength) -> Tensor:
    """The scene's drawing in new shades and proportions, placed: premultiplied RGBA (4, 128, 128)."""
    sprite = sprites[slug, scene.hand]
    if scene.blend:
        share = scene.blend * strength.blend
        sprite = torch.lerp(sprite, sprites[slug, SAME_DRAWING[scene.hand]], share)
    if not HAND_BY_WORD[scene.hand].monochrome:
        sprite = recolour(sprite, rng, strength)
    grid = warp_grid(scene.scale, scene.shift, sprite.shape[-1], rng, strength)
    return F.grid_sample(sprite[None], grid, align_corners=False)[0]


def white_ink(sprite: Tensor) -> Tensor:
    """Black line art as white line art: premultiplied white is alpha itself. (4, h, w) -> (4, h, w)"""
    return sprite[3:].expand(4, -1, -1)


def over(sprite: Tensor, background: Background) -> Tensor:
    """A premultiplied sprite (4, h, w) over a plain colour: (3, h, w)."""
    colour = torch.tensor(background.colour)[:, None, None]
    return sprite[:3] + (1 - sprite[3:]) * colour

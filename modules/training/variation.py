"""How one drawing becomes many: shades, proportions, bends, part-wise swellings, so that copying is no optimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# RGB to YIQ (NTSC 1953): hue is the angle of the last two
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@dataclass(frozen=True)
class Strength:
    """Standard deviations of a variation; zeros draw every sprite as it is."""

    hue: float = 7.0  # degrees
    tone: float = 0.08  # natural logarithm of lightness; twice that of saturation
    proportion: float = 0.06  # natural logarithm of width over height, by halves
    turn: float = 4.0  # degrees
    shear: float = 0.04
    bend: float = 0.015  # elastic displacement, in picture sides
    swell: float = 0.11  # growth or shrinking of a random part
    blend: float = 0.4  # largest share of the other set's drawing, where the two share outlines


NONE = Strength(hue=0, tone=0, proportion=0, turn=0, shear=0, bend=0, swell=0, blend=0)
USUAL = Strength()


def recolour(sprite: Tensor, rng: np.random.Generator, strength: Strength) -> Tensor:
    """Turn the hue and scale lightness and saturation of premultiplied RGBA (4, h, w)."""
    turn = np.deg2rad(rng.normal(0, 1) * strength.hue)
    light, colour = np.exp(rng.normal(0, 1, 2) * strength.tone * np.array([1, 2]))
    rotation = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    matrix = np.linalg.inv(TO_YIQ) @ np.diag([1, colour, colour]) @ rotation @ TO_YIQ * light
    mixed = torch.einsum("ij,jhw->ihw", torch.from_numpy(matrix).float(), sprite[:3])
    return torch.cat([mixed.clamp(min=0).minimum(sprite[3:]), sprite[3:]])


def warp_grid(
    scale: float, shift: tuple[float, float], size: int, rng: np.random.Generator, strength: Strength
) -> Tensor:
    """Where each output pixel looks in the sprite, for `grid_sample`: (1, size, size, 2) in -1..1."""
    ratio = np.exp(rng.normal(0, 1) * strength.proportion)
    angle, shear = np.deg2rad(rng.normal(0, 1) * strength.turn), rng.normal(0, 1) * strength.shear
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    forward = turn @ np.array([[1, shear], [0, 1]]) @ np.diag([scale * ratio**0.5, scale / ratio**0.5])
    inverse = np.linalg.inv(forward)  # affine_grid maps output to input coordinates
    theta = np.concatenate([inverse, -2 * inverse @ np.array(shift)[:, None]], 1)
    grid = F.affine_grid(torch.from_numpy(theta).float()[None], [1, 1, size, size], align_corners=False)
    field = torch.from_numpy(rng.normal(0, 1, (1, 2, 5, 5))).float() * 2 * strength.bend
    bend = F.interpolate(field, size=(size, size), mode="bicubic", align_corners=True)
    centre = torch.from_numpy(rng.uniform(-0.6, 0.6, 2)).float()
    away = grid - centre
    swell = float(np.clip(rng.normal(0, 1), -2, 2)) * strength.swell
    part = torch.exp(-away.square().sum(-1, keepdim=True) / (2 * 0.35**2))
    return grid + bend.permute(0, 2, 3, 1) - away * part * swell

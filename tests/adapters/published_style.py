"""StyleID (Chung et al. 2024, arXiv 2312.09008) written down from the paper, the slow way: an oracle."""

from __future__ import annotations

from itertools import pairwise
from math import atan, cos, hypot, sin
from typing import Any

import torch
from torch import Tensor

from modules.adapters.style_injection import (
    decoder_layers,
    moments,
)
from modules.families.unet.family import UnetFamily
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import Sigmas, sigmas_for

STEPS = 4


def levels(family: UnetFamily) -> Sigmas:
    return sigmas_for(SAMPLERS["DDIM"], "ddim", STEPS, family.noise_levels)


def plain_attention(attention: Any, queries: Tensor, answering: Tensor, contrast: float) -> Tensor:
    """softmax(tau Q K^T / sqrt(d)) V with the whole matrix in memory."""
    heads = attention.heads

    def split(x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], heads, -1).transpose(1, 2)  # (rows, heads, tokens, d)

    q, k, v = split(queries), split(attention.to_k(answering)), split(attention.to_v(answering))
    weights = (contrast * q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1)
    result: Tensor = attention.to_out[0]((weights @ v).transpose(1, 2).flatten(2))
    return result


class Published:
    """A processor as in the paper's code: it stores queries, keys and values and mixes them, unfused."""

    def __init__(self) -> None:
        self.store: dict[str, Tensor] = {}
        self.mixing: tuple[dict[str, Tensor], dict[str, Tensor], float, float] | None = None

    def __call__(self, attention: Any, hidden_states: Tensor, **_: Any) -> Tensor:
        queries, answering, contrast = attention.to_q(hidden_states), hidden_states, 1.0
        self.store = {"q": queries, "h": hidden_states}
        if self.mixing:
            content, style, gamma, contrast = self.mixing
            queries, answering = gamma * content["q"] + (1 - gamma) * queries, style["h"]
        return plain_attention(attention, queries, answering, contrast)


def published(family: UnetFamily, content: Tensor, style: Tensor, gamma: float, tau: float) -> Tensor:
    """StyleID in the notation of DDIM: z = sqrt(a) x0 + sqrt(1 - a) noise, timesteps up and down."""
    processors = {layer.name: Published() for layer in decoder_layers(family)}
    before = dict(family.unet.attn_processors)
    mine = {f"{name}.processor": each for name, each in processors.items()}
    family.unet.set_attn_processor({**before, **mine})
    times = [(0.0, 0.0), *((sigma, family.time_of(sigma)) for sigma in reversed(levels(family).values[:-1]))]
    empty = family.encode_prompt("", 1).embeddings

    def output(z: Tensor, time: float) -> Tensor:
        answer: Tensor = family.unet(z, torch.tensor(time), empty).sample
        return answer

    def up(z: Tensor) -> tuple[Tensor, dict[float, dict[str, dict[str, Tensor]]]]:
        stored = {}
        for (low, _), (high, time) in pairwise(times):
            z = moved(family.card.prediction, z, output(z, time), low, high, climbing=True)
            stored[time] = {name: dict(each.store) for name, each in processors.items()}
        return z, stored

    z, of_content = up(content)
    z_style, of_style = up(style)
    mean, spread = moments(z)
    z = (z - mean) / spread * moments(z_style)[1] + moments(z_style)[0]
    for (high, time), (low, _) in zip(times[:0:-1], times[-2::-1], strict=True):
        for name, each in processors.items():
            each.mixing = (of_content[time][name], of_style[time][name], gamma, tau)
        z = moved(family.card.prediction, z, output(z, time), high, low, climbing=False)
    family.unet.set_attn_processor(before)
    return z


def moved(prediction: str, z: Tensor, output: Tensor, here: float, there: float, climbing: bool) -> Tensor:
    """z at level `there`, from z at level `here` and the output of the network, asked at the noisier of the two."""
    if prediction == "epsilon":
        picture = z * hypot(1, here) - here * output
        return (picture + there * output) / hypot(1, there)
    turn = atan(here) - atan(there)
    return (z - sin(turn) * output) / cos(turn) if climbing else cos(turn) * z - sin(turn) * output

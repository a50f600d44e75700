"""During a job: what the control networks say goes into the U-Net's blocks, at the steps each unit is used in.

ControlNet: Zhang et al. 2023; T2I-Adapter: Mou et al. 2023. The U-Net itself is not touched: a hook of torch adds
arguments to its calls, and is taken out again when the job has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import torch
from diffusers import ControlNetModel, T2IAdapter
from PIL import Image
from torch import Tensor

from modules.hooks import BadRequest, EngineJob, Family, StepState, Technique, hookimpl

from .files import find
from .networks import load_network
from .preprocess import prepared
from .units import Unit, units

DOWN, MID, INTRA = (
    "down_block_additional_residuals",
    "mid_block_additional_residual",
    "down_intrablock_additional_residuals",
)
Arguments = dict[str, Any]


@hookimpl
def technique(job: EngineJob, family: Family) -> Technique | None:
    wanted = units(job.request.extras, job.extension)
    return Controlled(job, family, wanted) if wanted else None


@dataclass
class Working:
    """A unit with its picture and network. conditions: what the network sees, by size in pixels."""

    unit: Unit
    picture: Image.Image
    network: ControlNetModel | T2IAdapter
    conditions: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    def condition(self, size: tuple[int, int], like: Tensor) -> Tensor:
        """(1, channels, height, width) in 0..1."""
        if size not in self.conditions:
            levels = np.asarray(prepared(self.picture, self.unit, size), dtype=np.float32) / 255
            seen = torch.from_numpy(levels).permute(2, 0, 1)[None].to(like.device, like.dtype)
            grey = isinstance(self.network, T2IAdapter) and self.network.config["in_channels"] == 1
            self.conditions[size] = seen.mean(1, keepdim=True) if grey else seen
        return self.conditions[size]

    def is_used(self, step: int, steps: int) -> bool:
        """As diffusers' pipelines have it."""
        return step / steps >= self.unit.start and (step + 1) / steps <= self.unit.end


class Controlled(Technique):
    def __init__(self, job: EngineJob, family: Family, wanted: tuple[Unit, ...]) -> None:
        self.cell = family.card.downscale
        self.unet: Any = family.networks.get("unet")
        pictures = [job.inputs.get(unit.image) for unit in wanted]
        if None in pictures:
            raise BadRequest("the picture of a ControlNet unit is not there any more", "give it again")
        opened = [Image.open(BytesIO(png)) for png in pictures if png is not None]
        networks = [load_network(find(unit.model, job.models), family) for unit in wanted]
        self.working = [Working(*one) for one in zip(wanted, opened, networks, strict=True)]
        self.active: list[Working] = []

    def __enter__(self) -> Controlled:
        self.handle = self.unet.register_forward_pre_hook(self.add, with_kwargs=True)
        return self

    def __exit__(self, *error: object) -> None:
        self.handle.remove()

    def before_predict(self, state: StepState) -> None:
        self.active = [one for one in self.working if one.is_used(state.step, state.steps)]

    def add(self, unet: Any, positional: tuple[Any, ...], named: Arguments) -> tuple[tuple[Any, ...], Arguments]:
        """The U-Net is about to be called: add what the active units say."""
        sample, time, words = positional[0], positional[1], positional[2]
        size = sample.shape[-1] * self.cell, sample.shape[-2] * self.cell
        for one in self.active:
            seen = one.condition(size, sample).expand(len(sample), -1, -1, -1)
            if isinstance(one.network, ControlNetModel):
                down, mid = one.network(
                    sample[:, : one.network.config["in_channels"]],
                    time,
                    words,
                    seen,
                    one.unit.weight,
                    added_cond_kwargs=named.get("added_cond_kwargs"),
                    return_dict=False,
                )
                named = {**named, DOWN: _sum(named.get(DOWN), down), MID: _sum(named.get(MID), [mid])[0]}
            else:
                said = [feature * one.unit.weight for feature in one.network(seen)]
                named = {**named, INTRA: _sum(named.get(INTRA), said)}
        if INTRA in named:
            named = {**named, INTRA: list(named[INTRA])}  # the U-Net empties it
        return positional, named

    def facts(self) -> dict[str, str]:
        return {f"ControlNet {number}": _words(one.unit) for number, one in enumerate(self.working)}


def _sum(before: Any, more: Any) -> list[Tensor]:
    if before is None:
        return list(more)
    known = [before] if isinstance(before, Tensor) else before
    return [one + other for one, other in zip(known, more, strict=True)]


def _words(unit: Unit) -> str:
    """As sd-webui-controlnet writes it into pictures."""
    values = {
        "Module": unit.preprocessor,
        "Model": unit.model,
        "Weight": f"{unit.weight:g}",
        "Resize Mode": {"stretch": "Just Resize", "crop": "Crop and Resize", "fill": "Resize and Fill"}[unit.resize],
        "Guidance Start": f"{unit.start:g}",
        "Guidance End": f"{unit.end:g}",
        "Control Mode": "Balanced",
    }
    return ", ".join(f"{key}: {value}" for key, value in values.items())

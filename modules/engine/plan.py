"""A job, ready to run: what all of its pictures have in common, prepared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from modules.core.family import Family
from modules.core.request import GenerationRequest
from modules.engine.hires import second_request
from modules.engine.place import Place, place
from modules.engine.prompts import encode_prompts
from modules.engine.start import Pass, beside, origin_of, path


@dataclass(frozen=True)
class Plan:
    """request: as it was asked. place: where it paints, None from noise alone. passes: one, or two with hires.

    The origin of the second pass is what the first one made, which is not known yet.
    """

    request: GenerationRequest
    place: Place | None
    passes: tuple[Pass, ...]

    @property
    def steps(self) -> int:
        """Of all passes."""
        return sum(run.steps for run in self.passes)

    @property
    def facts(self) -> Mapping[str, str]:
        return {} if self.place is None else self.place.facts


@torch.inference_mode()
def plan(family: Family, request: GenerationRequest, inputs: Mapping[str, bytes]) -> Plan:
    """Read and encode the input pictures and the prompts. Raises BadRequest."""
    where = place(request, inputs, family.card.size_multiple)
    levels, sigmas = path(family, request, noised=where is not None)
    origin = None if where is None else origin_of(family, request, where)
    prompts = encode_prompts(family, request, len(sigmas) - 1, concat=beside(family, request, where))
    first = Pass(request, prompts, levels, sigmas, origin)
    if request.hires_scale == 1:
        return Plan(request, where, (first,))
    finer = second_request(request, family.card)
    levels, sigmas = path(family, finer, noised=True)
    prompts = encode_prompts(family, finer, len(sigmas) - 1, first.steps, beside(family, finer, None))
    return Plan(request, where, (first, Pass(finer, prompts, levels, sigmas, turn=1)))

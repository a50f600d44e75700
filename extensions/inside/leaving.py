"""From what somebody wants to change after a step to the request of the branch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from modules.hooks import BadRequest, GenerationRequest, Picture, Turn

from .branch import EXTRA, Branch, branch_of
from .kept import own_seed
from .record import Record

OWN_LOOPS = {"inject": "This style mode", "series": "A series in one style"}


@dataclass(frozen=True)
class Changes:
    """What may differ after a step; None leaves it as it was. noise_seed: of the noise that is added from there on."""

    prompt: str | None = None
    negative_prompt: str | None = None
    cfg_scale: float | None = None
    sampler: str | None = None
    noise_seed: int | None = None


def why_not(request: GenerationRequest) -> str:
    """Why a picture cannot be left, in plain words; empty if it can."""
    if request.style_mode == "series":
        return "Pictures of a series look at each other at every step, so one of them cannot go another way alone."
    return ""


def sampler_after(request: GenerationRequest, step: int) -> str:
    """The sampler that makes the step after so many steps."""
    branch = branch_of(request)
    turned = [turn.sampler for turn in (branch.turns if branch else ()) if turn.step <= step and turn.sampler]
    return turned[-1] if turned else request.sampler


def branched(picture: Picture, record: Record, step: int, changes: Changes) -> GenerationRequest:
    """The request of a branch that leaves a picture's way after `step` steps.

    With a change the picture goes on alone. Without, all pictures of its batch are made again: kernels round
    differently for another number of rows, so only then they are the same to the bit. Raises BadRequest.
    """
    request, seed = picture.request, own_seed(picture)
    assert request is not None  # it has a seed
    if reason := why_not(request):
        raise BadRequest(reason)
    if not 0 <= step < record.steps:
        raise BadRequest(f"a branch leaves after 0 to {record.steps - 1} steps, got {step}")
    words = worded(request, record, step, changes)
    turns = turned(request, step, changes)
    before = branch_of(request)
    same = not words and turns == (before.turns if before else ())
    alone = None if same or record.pictures == 1 else seed
    own = "variation_seed" if request.variation_strength else "seed"
    count = record.pictures if alone is None else 1
    branch = Branch(picture.job, record.key, step, alone, turns)
    seeds: dict[str, Any] = {own: record.seed if alone is None else seed}
    return replace(
        request,
        **words,
        **seeds,
        count=count,
        batch_size=count,
        parent=picture.id,
        origin="branch",
        extras={**request.extras, EXTRA: branch.extra()},
    )


def worded(request: GenerationRequest, record: Record, step: int, changes: Changes) -> dict[str, Any]:
    """The fields that change. In the second pass those of its own count, where it has some."""
    words = {
        name: value
        for name in ("prompt", "negative_prompt", "cfg_scale")
        if (value := getattr(changes, name)) is not None and value != getattr(request, name)
    }
    finer = len(record.passes) > 1 and step >= record.passes[0]
    return words | {
        f"hires_{name}": value for name, value in words.items() if finer and getattr(request, f"hires_{name}")
    }


def turned(request: GenerationRequest, step: int, changes: Changes) -> tuple[Turn, ...]:
    """The turns of the way that is left, up to this step if something new begins here. Raises BadRequest."""
    branch = branch_of(request)
    before = branch.turns if branch else ()
    if changes.sampler is None and changes.noise_seed is None:
        return before
    if request.style_mode in OWN_LOOPS:
        raise BadRequest(
            f"{OWN_LOOPS[request.style_mode]} has its own sampler and adds no noise",
            "change the prompt or the CFG scale",
        )
    kept = tuple(turn for turn in before if turn.step < step)
    current = sampler_after(request, step)
    sampler = changes.sampler or current
    if sampler == current and changes.noise_seed is None:
        return kept
    return (*kept, Turn(step, sampler, changes.noise_seed))

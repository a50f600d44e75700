"""From what somebody asked to what a worker can make: empty fields filled, names and sizes checked against the card."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from modules.core.errors import BadRequest
from modules.core.family import CheckpointCard
from modules.core.request import MAX_SEED, GenerationRequest, sentence
from modules.core.upscaling import UpscaleRequest
from modules.hooks import Control
from modules.hooks.control import allowed_values, fits
from modules.preview.base import PREVIEWS
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES
from modules.style.presets import PRESETS

Kind = TypeVar("Kind", GenerationRequest, UpscaleRequest)


def complete(request: GenerationRequest, card: CheckpointCard, controls: Sequence[Control]) -> GenerationRequest:
    """The request with nothing left open. Raises BadRequest with what was given and what is allowed.

    controls: those of the loaded extensions; any other key in the extras is refused.
    """
    request = complete_without_card(request, controls)
    if card.pipeline:
        check_whole(request, card)
    return changed(
        request,
        checkpoint=card.name,
        sampler="" if card.pipeline else SAMPLERS.canonical(request.sampler),
        schedule="" if card.pipeline else SCHEDULES.canonical(request.schedule),
        width=allowed_side("width", request.width or card.native_size, card),
        height=allowed_side("height", request.height or card.native_size, card),
    )


def complete_without_card(request: GenerationRequest, controls: Sequence[Control]) -> GenerationRequest:
    """What needs no checkpoint to be settled: seeds, the preview, extras, the preset. Raises BadRequest."""
    seed = request.seed if request.seed >= 0 else random.getrandbits(32)
    if max(seed, request.variation_seed) + request.count - 1 > MAX_SEED:
        raise BadRequest(f"{request.count} pictures from seed {seed} on pass the largest seed, {MAX_SEED}")
    variation_seed = request.variation_seed
    if request.variation_strength and variation_seed < 0:
        variation_seed = random.getrandbits(32)
    preview = request.preview if request.preview in {"automatic", "off"} else PREVIEWS.canonical(request.preview)
    check_extras(request.extras, controls)
    return changed(
        request,
        seed=seed,
        variation_seed=variation_seed,
        preview=preview,
        style_preset=PRESETS.canonical(request.style_preset) if request.style_preset else "",
    )


def check_whole(request: GenerationRequest, card: CheckpointCard) -> None:
    """Raises BadRequest for what a checkpoint that runs in diffusers' own pipeline cannot do, by name."""
    wanted = {
        "start from a picture": request.image,
        "make a second pass": request.hires_scale > 1,
        "take a style": request.style_mode != "none" or request.style_match,
        "tile": request.tiling,
        "vary a picture": request.variation_strength,
        "be fast": request.fast_every > 1,
        "use LoRAs": re.search(r"<(lora|lyco):", request.prompt),
    }
    if missing := [what for what, is_wanted in wanted.items() if is_wanted]:
        raise BadRequest(
            f"{card.name} cannot {' or '.join(missing)}: it runs as a whole in diffusers' {card.pipeline}",
            "leave that out, or choose another checkpoint",
        )


def allowed_side(which: str, pixels: int, card: CheckpointCard) -> int:
    """A side of a picture this checkpoint can make. Raises BadRequest."""
    unit = card.size_multiple
    if pixels % unit == 0:
        return pixels
    below = pixels // unit * unit
    raise BadRequest(
        f"{which}: {card.name} makes pictures in multiples of {unit} pixels, at least {unit}; got {pixels}",
        f"try {below} or {below + unit}" if below else f"try {unit}",
    )


def check_extras(extras: Mapping[str, Any], controls: Sequence[Control]) -> None:
    """Every key is a control that is there, every value one it could have. Raises BadRequest."""
    known = {f"{control.extension}.{control.name}": control for control in controls}
    for key, value in extras.items():
        if key not in known:
            advice = f"known: {', '.join(known) or 'none'}; is the extension installed and switched on?"
            raise BadRequest(f"no extension has a control called {key!r:.100}", advice)
        if not fits(value, known[key]):
            raise BadRequest(f"{key}: {known[key].label} cannot be {value!r:.100}", allowed_values(known[key]))


def changed(request: Kind, **values: Any) -> Kind:
    """`replace`, with pydantic's findings as a sentence. Raises BadRequest."""
    try:
        return replace(request, **values)
    except ValidationError as error:
        raise BadRequest(sentence(error)) from error

"""Named styles in words, kept as data in `presets.json`: what to add to a prompt, and how strongly to repaint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from modules.core.registry import Registry
from modules.core.request import GenerationRequest

FILE = Path(__file__).with_name("presets.json")
Words = Annotated[str, Field(min_length=1, max_length=400)]


@dataclass(frozen=True)
class Preset:
    """A style in words. prompt: has "{prompt}" where the subject goes. strength: what usually suits it, 0 to 1."""

    group: Words
    name: Annotated[str, Field(min_length=1, max_length=60)]
    prompt: Annotated[Words, Field(pattern=r"\{prompt\}")]
    negative: str
    strength: Annotated[float, Field(ge=0, le=1)]


PRESETS: Registry[Preset] = Registry("style preset")
for found in TypeAdapter(list[Preset]).validate_json(FILE.read_bytes()):
    PRESETS.add(found.name, found)


def with_preset(request: GenerationRequest) -> GenerationRequest:
    """The request with its preset's words in both prompts; the preset's name stays in it. Raises UnknownName.

    A prompt that has the words already (a reused one) gets them only once.
    """
    if not request.style_preset:
        return request
    preset = PRESETS[request.style_preset]
    before, after = preset.prompt.split("{prompt}")
    return replace(
        request,
        prompt=_joined(before, request.prompt, after),
        negative_prompt=_joined("", request.negative_prompt, f", {preset.negative}" if preset.negative else ""),
    )


def _joined(before: str, words: str, after: str) -> str:
    """Without a comma at an end where there are no words, and not twice."""
    if words.startswith(before) and words.endswith(after.lstrip(" ,")):
        return words
    return f"{before}{words}{after}".strip(" ,")

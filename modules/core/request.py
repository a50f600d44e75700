"""GenerationRequest: the one list of parameters. The form, the API, the journal and the infotext derive from it.

It checks form only (types and ranges). Names and the checkpoint's own size rules are checked by `App.submit`,
which knows the registries and the card.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from modules.core.errors import BadRequest

MAX_PIXELS = 64_000_000
MAX_SEED = 2**53 - 1  # the largest whole number a browser keeps exactly
MAX_PROMPT = 20_000

Side = Annotated[int, Field(ge=0, le=65_536)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class GenerationRequest:
    """What somebody wants to see.

    prompt, negative_prompt: up to 20,000 characters each; may be empty.
    checkpoint: name of a checkpoint; empty means the one the server was started with.
    sampler, schedule: names in `SAMPLERS` and `SCHEDULES`; schedule "automatic" is the sampler's own.
    steps: 1 to 150 pushes toward the prompt.
    cfg_scale: 0 to 100; 1 ignores the negative prompt, 7 is usual.
    width, height: pixels; 0 means the checkpoint's native size; together at most 64 megapixels.
    seed: 0 to 2**53-1; -1 asks for a random one. Picture i of a job uses seed + i.
    variation_seed, variation_strength: how far (0 to 1) the starting noise is turned toward that of another seed;
    with a strength above 0 every picture has the same seed, and picture i the variation seed + i.
    tiling: the picture continues over its edges, so that copies fit side by side.
    count: 1 to 64 pictures. batch_size: how many are denoised together, 1 to 16.
    clip_skip: 1 to 12; 2 leaves out the last layer of the text encoder.
    noise_source: "nv" (Philox, the same picture on every device, as A1111's GPU noise) or "cpu" (torch's generator).
    preview: name in `PREVIEWS`, "automatic" or "off".
    extras: values of extensions' controls, `"<extension>.<control>": value`.
    """

    prompt: Annotated[str, Field(max_length=MAX_PROMPT)] = ""
    negative_prompt: Annotated[str, Field(max_length=MAX_PROMPT)] = ""
    checkpoint: str = ""
    sampler: str = "DPM++ 2M"
    schedule: str = "automatic"
    steps: Annotated[int, Field(ge=1, le=150)] = 20
    cfg_scale: Annotated[float, Field(ge=0, le=100)] = 7.0
    width: Side = 0
    height: Side = 0
    seed: Annotated[int, Field(ge=-1, le=MAX_SEED)] = -1
    variation_seed: Annotated[int, Field(ge=-1, le=MAX_SEED)] = -1
    variation_strength: Annotated[float, Field(ge=0, le=1)] = 0.0
    tiling: bool = False
    count: Annotated[int, Field(ge=1, le=64)] = 1
    batch_size: Annotated[int, Field(ge=1, le=16)] = 1
    clip_skip: Annotated[int, Field(ge=1, le=12)] = 1
    noise_source: Literal["nv", "cpu"] = "nv"
    preview: str = "automatic"
    extras: Mapping[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _few_enough_pixels(self) -> GenerationRequest:
        if self.width * self.height > MAX_PIXELS:
            raise ValueError(f"a picture may have at most 64 megapixels, got {self.width}x{self.height}")
        return self


def sentence(error: ValidationError) -> str:
    """Pydantic's findings as one line for a person: field, what was given, what is allowed."""
    found = []
    for item in error.errors(include_url=False):
        field = ".".join(str(part) for part in item["loc"]).replace("_", " ")
        given = "" if item["type"] in {"missing", "value_error"} else f", got {item['input']!r:.80}"
        found.append(f"{field}: {item['msg'].removeprefix('Value error, ')}{given}".removeprefix(": "))
    return "; ".join(found)


def parse_request(values: Mapping[str, object]) -> GenerationRequest:
    """A request from outside (a form, a JSON body). Raises BadRequest with a sentence."""
    try:
        return GenerationRequest(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadRequest(sentence(error)) from error
    except TypeError as error:
        raise BadRequest(f"the request cannot be read: {error}") from error

"""Either kind of request: read from outside, written to disk, and the input pictures it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from modules.core.errors import BadRequest
from modules.core.request import GenerationRequest, parse_request, sentence
from modules.core.upscaling import UpscaleRequest

AnyRequest = GenerationRequest | UpscaleRequest
REQUEST: TypeAdapter[AnyRequest] = TypeAdapter(AnyRequest)


@dataclass(frozen=True)
class Input:
    """A picture that somebody brought, as it is kept: upright, 8 bits a channel.

    id: unguessable. width, height: pixels. has_alpha: some of it is transparent. notes: what was done to it, in plain
    words. parent: id of the gallery picture it is a copy of, or empty. infotext: the text it came with, or empty.
    """

    id: str
    width: int
    height: int
    has_alpha: bool = False
    notes: tuple[str, ...] = ()
    parent: str = ""
    infotext: str = ""


def parse_any(values: Mapping[str, object]) -> AnyRequest:
    """A request from outside, of the kind it says. Raises BadRequest with a sentence."""
    if "kind" not in values:
        return parse_request(values)
    try:
        return UpscaleRequest(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadRequest(sentence(error)) from error
    except TypeError as error:
        raise BadRequest(f"the request cannot be read: {error}") from error


def input_ids(request: AnyRequest) -> tuple[str, ...]:
    """The input pictures that must be there to make it, each once."""
    if isinstance(request, UpscaleRequest):
        return (request.image,) if request.image else ()
    named = (request.image, request.mask, *request.style_images, *_in_extras(request.extras))
    return tuple(dict.fromkeys(filter(None, named)))


def _in_extras(value: object) -> Iterator[str]:
    """The ids of pictures in values of extensions' controls: {"input": id}, at any depth."""
    if isinstance(value, Mapping):
        if value.keys() == {"input"} and isinstance(value["input"], str):
            yield value["input"]
        else:
            for inner in value.values():
                yield from _in_extras(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _in_extras(inner)

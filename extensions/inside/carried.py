"""What travels in a picture that carries its own making: the request, its facts, the steps, the pictures it needs.

Nothing is compressed: 32-bit floats hardly shrink, and what is not packed cannot unpack to more than it is. What comes
in was written by strangers, so everything is checked before it is believed. No torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from modules.hooks import BadRequest, GenerationRequest

from .record import Record, unpacked

MAGIC, FORMAT = "taffy-making", 1
MOST_HEAD = 1_000_000  # bytes
MOST_PIECES, MOST_FACTS, MOST_CALLS = 12, 100, 1000
STEPS, LOOKS, INPUT = "steps", "looks", "input."
FACT = re.compile(r"[^\x00-\x1f\x7f]{1,300}")
LOOK = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]{20,400000}={0,2}")
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
DAMAGED = "what this picture says of its making cannot be used"


@dataclass(frozen=True)
class Making:
    """record: the steps of the one picture. looks: quick looks at them, lines of JSON, or empty.

    inputs: the pictures it was made from, PNG, by their ids in the request.
    """

    request: GenerationRequest
    facts: Mapping[str, str]
    record: Record
    looks: bytes = b""
    inputs: Mapping[str, bytes] = field(default_factory=dict)

    def packed(self) -> bytes:
        pieces = {STEPS: self.record.packed(), LOOKS: self.looks}
        pieces |= {f"{INPUT}{id}": png for id, png in self.inputs.items()}
        head = {
            "kind": MAGIC,
            "format": FORMAT,
            "request": asdict(self.request),
            "facts": dict(self.facts),
            "pieces": [[name, len(data)] for name, data in pieces.items()],
        }
        return b"".join([json.dumps(head).encode(), b"\n", *pieces.values()])


def making_of(data: bytes) -> Making:
    """Raises BadRequest for anything that is not what `packed` makes."""
    end = data.find(b"\n", 0, MOST_HEAD)
    try:
        head = json.loads(data[: max(end, 0)])
        if head["kind"] != MAGIC or head["format"] != FORMAT:
            raise ValueError(f"it has the format {head['format']!r:.20}, known here is {FORMAT}")
        pieces = _pieces(head["pieces"], data[end + 1 :])
        request = GenerationRequest(**head["request"])
        record = checked(unpacked(pieces.pop(STEPS)))
        looks = pieces.pop(LOOKS, b"")
        inputs = {_id(name): png for name, png in pieces.items()}
        return Making(request, _facts(head["facts"]), record, _looks(looks, record.steps), inputs)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequest(f"{DAMAGED}: {str(error) or type(error).__name__:.200}", "it may be damaged") from error


def _pieces(sizes: list[list[Any]], data: bytes) -> dict[str, bytes]:
    """Raises ValueError, TypeError."""
    if len(sizes) > MOST_PIECES or any(not isinstance(size, int) or size < 0 for _, size in sizes):
        raise ValueError("its parts have no proper sizes")
    if sum(size for _, size in sizes) != len(data):
        raise ValueError("it is longer or shorter than it says")
    found, at = {}, 0
    for name, size in sizes:
        found[str(name)] = data[at : at + size]
        at += size
    return found


def checked(record: Record) -> Record:
    """The steps of one picture, in order, all numbers finite. Raises ValueError."""
    calls, steps = record.calls, record.steps
    if record.problem or record.pictures != 1 or not 0 < len(calls) <= MOST_CALLS:
        raise ValueError("it has no steps of one picture")
    if not 1 <= len(record.passes) <= 2 or not all(1 <= count <= 150 for count in record.passes):
        raise ValueError("its passes have 1 to 150 steps each")
    if {call.step for call in calls} != set(range(steps)) or any(a.step > b.step for a, b in pairwise(calls)):
        raise ValueError("its steps are not in order")
    if not all(call.x0.ndim == 4 and call.x0.shape[0] == 1 for call in calls):
        raise ValueError("its latents have no proper shape")
    if not all(0 <= call.sigma < 1e6 and bool(np.isfinite(call.x0).all()) for call in calls):
        raise ValueError("some of its numbers are none")
    if record.seed < 0 or not (0 <= record.batch[0] <= record.seed and 0 <= record.batch[1] <= 16):
        raise ValueError("its seeds cannot be")
    return record


def _facts(values: Mapping[str, Any]) -> dict[str, str]:
    """Raises ValueError."""
    if len(values) > MOST_FACTS:
        raise ValueError(f"it says more than {MOST_FACTS} things of the machine")
    pairs = [(str(name), str(value)) for name, value in values.items()]
    if not all(FACT.fullmatch(text) for pair in pairs for text in pair):
        raise ValueError("what it says of the machine is no plain text")
    return dict(pairs)


def _looks(data: bytes, steps: int) -> bytes:
    """The lines, written anew: nothing else than pictures gets to the page. Raises ValueError."""
    told = [json.loads(line) for line in data.splitlines()]
    if told and [one["step"] for one in told] != list(range(steps)):
        raise ValueError("its quick looks are not those of its steps")
    if not all(isinstance(one["src"], str) and LOOK.fullmatch(one["src"]) for one in told):
        raise ValueError("its quick looks are no pictures")
    return b"".join(json.dumps({"step": one["step"], "src": one["src"]}).encode() + b"\n" for one in told)


def _id(name: str) -> str:
    id = name.removeprefix(INPUT)
    if id == name or not ID.fullmatch(id):
        raise ValueError(f"it has the unknown part {name!r:.40}")
    return id


def renamed(request: GenerationRequest, names: Mapping[str, str]) -> GenerationRequest:
    """With the ids that its input pictures have here."""

    def of(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: of(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [of(inner) for inner in value]
        return names.get(value, value) if isinstance(value, str) else value

    return GenerationRequest(**of(asdict(request)))

"""A step record: what the network said the finished latents are, at each of its calls, exactly as the loop had it.

One record is one batch: pictures that were denoised together. Its bytes are a line of JSON and the bare numbers, 32-bit
floats as in the loop: 65,536 bytes a call for a picture of 512 x 512 pixels by SD 1.5. Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modules.hooks import BadRequest

MAGIC = "taffy-steps"
FORMAT = 1
MOST_HEAD = 1_000_000  # bytes of the line of JSON
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Call:
    """One call of the network. step: 0-based, over all passes. sigma: the noise it was told.

    x0: (rows, channels, height, width). last: channels lie innermost in memory ("channels last").
    """

    step: int
    sigma: float
    x0: Floats
    last: bool = False


@dataclass(frozen=True)
class Record:
    """seed: of the first picture (the variation seed where there is one); those after it have the next ones.

    pictures: how many; they are the last rows of each x0. passes: steps of each pass. calls: in order.
    problem: why there are no calls, in plain words; empty if there are. batch: the first seed and the number of
    pictures of the batch that it is one of, where the others are left out; else zeros. made: on what, in plain words.
    """

    seed: int
    pictures: int
    passes: tuple[int, ...] = ()
    calls: tuple[Call, ...] = field(default=(), repr=False)
    problem: str = ""
    batch: tuple[int, int] = (0, 0)
    made: Mapping[str, str] = field(default_factory=dict)

    @property
    def together(self) -> tuple[int, int]:
        """The first seed and the number of pictures that were denoised together."""
        return self.batch if self.batch[1] else (self.seed, self.pictures)

    @property
    def steps(self) -> int:
        """Of all passes."""
        return sum(self.passes)

    @property
    def key(self) -> str:
        """Under which it is kept with its job."""
        return f"steps-{self.seed}-{self.pictures}"

    def row(self, seed: int) -> int:
        """The row of the picture with this seed."""
        return seed - self.seed - self.pictures

    def alone(self, seed: int) -> Record:
        """The record of one of its pictures."""
        row = self.row(seed)
        rows = slice(row, row + 1 or None)
        batch = self.together if self.together[1] > 1 else (0, 0)
        return replace(
            self,
            seed=seed,
            pictures=1,
            batch=batch,
            calls=tuple(replace(call, x0=call.x0[rows]) for call in self.calls),
        )

    def at(self, step: int) -> Call:
        """The last call of a 0-based step: in samplers of two calls a step the one that ended it."""
        return [call for call in self.calls if call.step == step][-1]

    def only(self, steps: Iterable[int]) -> Record:
        """With the last call of these steps alone."""
        return replace(self, calls=tuple(self.at(step) for step in steps))

    def packed(self) -> bytes:
        about: dict[str, Any] = {
            "kind": MAGIC,
            "format": FORMAT,
            "seed": self.seed,
            "pictures": self.pictures,
            "passes": self.passes,
            "calls": [[call.step, call.sigma, call.last, *call.x0.shape] for call in self.calls],
            "problem": self.problem,
            "batch": self.batch,
            "made": dict(self.made),
        }
        numbers = (call.x0.astype("<f4", copy=False).tobytes() for call in self.calls)
        return b"".join([json.dumps(about).encode(), b"\n", *numbers])


def seeds_of(key: str) -> range:
    """The seeds of the pictures whose record has this key; none for other pieces."""
    kind, _, rest = key.partition("-")
    first, _, count = rest.partition("-")
    if kind != "steps" or not (first.isdecimal() and count.isdecimal()):
        return range(0)
    return range(int(first), int(first) + int(count))


def unpacked(data: bytes) -> Record:
    """Raises BadRequest for anything that is no record."""
    try:
        end = data.find(b"\n", 0, MOST_HEAD)
        about, numbers = json.loads(data[: max(end, 0)]), memoryview(data)[end + 1 :]
        if about["kind"] != MAGIC or about["format"] != FORMAT:
            raise ValueError(f"format {about['format']!r:.20}")
        calls, at = [], 0
        for step, sigma, last, *shape in about["calls"]:
            count = prod(shape)
            if not all(isinstance(side, int) and side > 0 for side in shape):
                raise ValueError(f"the shape {shape!r:.40}")
            x0 = np.frombuffer(numbers, "<f4", count, at).reshape(shape).astype(np.float32, copy=False)
            calls.append(Call(int(step), float(sigma), x0, bool(last)))
            at += 4 * count
        passes = tuple(int(steps) for steps in about["passes"])
        made = {str(name): str(value) for name, value in about.get("made", {}).items()}
        first, together = about.get("batch", (0, 0))
        batch = int(first), int(together)
        seed, pictures = int(about["seed"]), int(about["pictures"])
        return Record(seed, pictures, passes, tuple(calls), str(about["problem"]), batch, made)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BadRequest(f"this record of steps cannot be read: {error}", "it may be damaged") from error

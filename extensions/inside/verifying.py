"""The worker half of Verify: makes the picture again and compares it with what it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import numpy as np

from modules.hooks import Answered, Attached, Bench, GenerationRequest, PictureMade, Question, Stepped

from .record import Record, seeds_of, unpacked

KEEP = b'{"keep": true}'


def verified(question: Question, bench: Bench) -> Iterator[Answered]:
    """{"step", "of"} after each step, then {"equal", "pixels", "of", "largest", "step", "facts"}.

    pixels: how many differ, None for another size. step: 1-based, the first whose answer differs, None if none does.
    """
    payload: Any = question.payload
    request = GenerationRequest(**payload["request"])
    inputs = {key.removeprefix("input."): data for key, data in question.data.items() if key.startswith("input.")}
    packed = {"inside.options": KEEP, "inside.steps": question.data["steps"]}
    seed, found = payload["seed"], b""
    with closing(bench.generate(request, inputs, packed)) as events:
        for event in events:
            match event:
                case Stepped():
                    yield Answered({"step": event.step, "of": event.steps})
                case Attached() if event.extension == "inside" and seed in seeds_of(event.key):
                    found = event.data
                case PictureMade() if event.index == payload["index"]:
                    now = unpacked(found)
                    step = parted(unpacked(question.data["steps"]).alone(seed), now.alone(seed))
                    told = compared(event, payload["width"], payload["height"], question.data["pixels"])
                    same = step is None and told["pixels"] == 0
                    yield Answered({**told, "step": step, "equal": same, "facts": {**event.facts, **now.made}})
                    return


def parted(then: Record, now: Record) -> int | None:
    """The 1-based step at which two ways part, by the bits of the network's answers."""
    pairs = zip(then.calls, now.calls, strict=False)
    for one, other in pairs:
        if one.x0.shape != other.x0.shape or one.x0.tobytes() != other.x0.tobytes():
            return one.step + 1
    return None if len(then.calls) == len(now.calls) else min(then.steps, now.steps) + 1


def compared(made: PictureMade, width: int, height: int, pixels: bytes) -> Mapping[str, Any]:
    if (made.width, made.height) != (width, height):
        return {"pixels": None, "of": width * height, "largest": 255}
    now, then = (np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int16) for data in (made.rgb, pixels))
    off = np.abs(now - then).max(axis=1)
    return {"pixels": int((off > 0).sum()), "of": len(off), "largest": int(off.max())}

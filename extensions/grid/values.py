"""What stands on an axis: `1-10 (+2)`, `0.2-0.8 [4]`, `a, "b, c"`, parts of a prompt, lines of a list."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from modules.hooks import BadRequest, GenerationRequest, parse_request

REPLACE, MATRIX, LIST = "prompt S/R", "prompt matrix", "prompts"
OWN = (REPLACE, MATRIX, LIST)  # axes that are no field
HIDDEN = frozenset({"extras", "variants", "parent", "origin", "count", "batch_size", "image", "mask", "style_images"})
DEFAULTS = {one.name: one.default for one in fields(GenerationRequest) if one.default is not MISSING}
FIELDS = tuple(name for name in DEFAULTS if name not in HIDDEN)
MOST = 1000  # values
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_RANGE = re.compile(rf"\s*{_NUMBER}\s*-\s*{_NUMBER}\s*(?:\(([+-]\d+(?:\.\d+)?)\)|\[(\d+)\])?\s*")
Change = dict[str, Any]


def axis(kind: str, text: str, base: GenerationRequest) -> list[tuple[str, Change]]:
    """(label, what to change in the request) for each value. Raises BadRequest."""
    if kind in OWN:
        found = {REPLACE: _replaced, MATRIX: _matrix, LIST: _listed}[kind](text, base)
    elif "." in kind:
        found = [(value, {"extras": {**base.extras, kind: _json(value)}}) for value in _texts(text)]
    elif kind in FIELDS:
        found = [(str(value), {kind: value}) for value in _values(kind, text)]
    else:
        raise BadRequest(f"a grid cannot vary {kind!r:.60}", f"it can vary {', '.join([*OWN, *FIELDS])}")
    if not 0 < len(found) <= MOST:
        raise BadRequest(f"{kind}: an axis has 1 to {MOST} values, this one has {len(found)}")
    return found


def _values(name: str, text: str) -> list[Any]:
    """The values of a field, in the type of its default."""
    kind = type(DEFAULTS[name])
    if kind in {int, float}:
        return [kind(value) for part in text.split(",") if part.strip() for value in _numbers(part, kind)]
    words = _texts(text)
    if kind is bool:
        if wrong := [word for word in words if word.lower() not in {"true", "false"}]:
            raise BadRequest(f"{name}: {wrong[0]!r:.40} is neither true nor false")
        return [word.lower() == "true" for word in words]
    return words


def _numbers(part: str, kind: type) -> list[float]:
    """One number, or a range: `1-5`, `1-10 (+2)`, `10-1 (-3)`, `0-1 [5]` (five of them, the ends included)."""
    found = _RANGE.fullmatch(part)
    if not found:
        try:
            return [kind(part.strip())]
        except ValueError:
            advice = "write numbers with commas, or ranges: 1-10, 1-10 (+2), 0-1 [5]"
            raise BadRequest(f"{part.strip()!r:.60} is no number and no range", advice) from None
    low, high = float(found[1]), float(found[2])
    if found[4]:
        count = int(found[4])
        values = [low + (high - low) * i / max(count - 1, 1) for i in range(min(count, MOST + 1))]
        return [round(value) if kind is int else round(value, 6) for value in values]
    step = float(found[3] or (1 if high >= low else -1))
    if step == 0 or (high - low) * step < 0:
        raise BadRequest(f"{part.strip()!r:.60}: steps of {step:g} do not lead from {low:g} to {high:g}")
    count = int((high - low) / step + 1e-9) + 1
    return [round(low + step * i, 6) for i in range(min(count, MOST + 1))]


def _texts(text: str) -> list[str]:
    """Commas part them, quotes keep them together, lines count as commas."""
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    return [word.strip() for row in rows for word in row if word.strip()]


def _json(word: str) -> Any:
    try:
        return json.loads(word)
    except ValueError:
        return word


def _replaced(text: str, base: GenerationRequest) -> list[tuple[str, Change]]:
    """The first word stands in the prompt; each of them takes its place, A1111's "Prompt S/R"."""
    words = _texts(text)
    if not words or not (words[0] in base.prompt or words[0] in base.negative_prompt):
        raise BadRequest(f"{words[0] if words else ''!r:.60} is in neither prompt, so nothing can take its place")
    return [
        (
            word,
            {
                "prompt": base.prompt.replace(words[0], word),
                "negative_prompt": base.negative_prompt.replace(words[0], word),
            },
        )
        for word in words
    ]


def _matrix(text: str, base: GenerationRequest) -> list[tuple[str, Change]]:
    """`a castle | at night | in snow`: the first part with each choice of the others. Empty text takes the prompt."""
    first, *parts = [part.strip() for part in (text or base.prompt).split("|")]
    if not parts or len(parts) > 9:
        raise BadRequest(f"a prompt matrix has 1 to 9 parts after the first |, this one has {len(parts)}")
    found = []
    for chosen in range(2 ** len(parts)):
        words = [part for at, part in enumerate(parts) if chosen >> at & 1]
        found.append((" + ".join(words) or "nothing added", {"prompt": ", ".join([first, *words])}))
    return found


def _listed(text: str, base: GenerationRequest) -> list[tuple[str, Change]]:
    """A prompt a line; a line that begins with # is passed over."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return [(line, {"prompt": line}) for line in lines]


def changed(base: GenerationRequest, changes: Sequence[Change]) -> GenerationRequest:
    """One cell: the changes of its axes after each other, extras added up. Raises BadRequest."""
    values: Change = {one.name: getattr(base, one.name) for one in fields(base)}
    for change in changes:
        extras = {**values["extras"], **change.get("extras", {})}
        values = {**values, **change, "extras": extras}
    return parse_request(values)

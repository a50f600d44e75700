"""What a control may be, and which values it can have."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, get_args

from modules.core.request import MAX_PROMPT
from modules.hooks.front_values import Control, ControlKind

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
MAX_HIDDEN = 200_000  # characters of JSON
_INPUT = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_control(control: object) -> Control:
    """The control, if it can be drawn and its default is one of its values. Raises TypeError, ValueError."""
    if not isinstance(control, Control):
        raise TypeError(f"a Control was expected, got {control!r:.80}")
    if not NAME.fullmatch(control.name):
        raise ValueError(f"a control's name has letters, digits, - and _, got {control.name!r:.80}")
    if control.kind not in get_args(ControlKind):
        raise ValueError(f"{control.name}: kind is {control.kind!r:.40}, allowed is {', '.join(get_args(ControlKind))}")
    if control.kind == "slider" and not (control.minimum < control.maximum and control.step > 0):
        raise ValueError(f"{control.name}: a slider needs minimum < maximum and a step above 0")
    if control.kind == "choice" and not (control.choices and all(isinstance(one, str) for one in control.choices)):
        raise ValueError(f"{control.name}: a choice needs texts to choose from")
    if not fits(control.default, control):
        raise ValueError(
            f"{control.name}: the default {control.default!r:.80} is no value of it, {allowed_values(control)}"
        )
    return control


def fits(value: Any, control: Control) -> bool:
    """Whether the control can have this value."""
    match control.kind:
        case "checkbox":
            return isinstance(value, bool)
        case "slider":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and control.minimum <= value <= control.maximum
        case "choice":
            return value in control.choices
        case "text":
            return isinstance(value, str) and len(value) <= MAX_PROMPT and value.replace("\n", "").isprintable()
        case "picture":
            return value is None or input_of(value) is not None
        case "hidden":
            return _is_json(value)


def allowed_values(control: Control) -> str:
    match control.kind:
        case "checkbox":
            return "allowed: true, false"
        case "slider":
            return f"allowed: {control.minimum} to {control.maximum}"
        case "choice":
            return f"allowed: {', '.join(control.choices)}"
        case "text":
            return f"allowed: text of at most {MAX_PROMPT} characters"
        case "picture":
            return 'allowed: {"input": id of a picture that was brought}, or null'
        case "hidden":
            return f"allowed: JSON of at most {MAX_HIDDEN} characters"


def input_of(value: object) -> str | None:
    """The id in {"input": id}."""
    if isinstance(value, Mapping) and value.keys() == {"input"}:
        given = value["input"]
        return given if isinstance(given, str) and _INPUT.fullmatch(given) else None
    return None


def _is_json(value: object) -> bool:
    try:
        return len(json.dumps(value, allow_nan=False)) <= MAX_HIDDEN
    except (TypeError, ValueError, RecursionError):
        return False

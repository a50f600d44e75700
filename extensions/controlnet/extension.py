"""The controls of ControlNet: three units of them, and the list that scripts fill in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modules.hooks import Control, hookimpl

from .files import files
from .units import MOST, PREPROCESSORS, RESIZE

TABS = ("txt2img", "img2img")


@hookimpl
def controls(tab: str, models: Sequence[Path]) -> list[Control]:
    if tab not in TABS:
        return []
    names = ("", *files(models))
    found = [one for number in range(1, MOST + 1) for one in unit(number, names)]
    return [*found, Control("units", "Units", "hidden")]


def unit(number: int, names: tuple[str, ...]) -> list[Control]:
    group = f"Unit {number}"

    def slider(name: str, label: str, default: float, minimum: float, maximum: float, info: str) -> Control:
        return Control(f"unit{number}-{name}", label, "slider", default, info, minimum, maximum, 0.05, group=group)

    where = "Files in models/ControlNet." if len(names) > 1 else "There is none yet: put a file into models/ControlNet."
    return [
        Control(f"unit{number}-image", "Control picture", "picture", None, "What says where things go.", group=group),
        Control(f"unit{number}-model", "Model", "choice", "", where, choices=names, group=group),
        Control(
            f"unit{number}-preprocessor",
            "Preprocessor",
            "choice",
            "none",
            "What is done to the picture first; “none” for one that is a sketch or a map already.",
            choices=PREPROCESSORS,
            group=group,
        ),
        slider("weight", "Weight", 1.0, 0, 2, "How strongly it counts; 1 is as trained."),
        slider("start", "Start", 0.0, 0, 1, "Share of the steps after which it begins."),
        slider("end", "End", 1.0, 0, 1, "Share of the steps after which it is left out."),
        Control(
            f"unit{number}-resize",
            "Shape",
            "choice",
            "crop",
            "Where it has another shape.",
            choices=RESIZE,
            group=group,
        ),
    ]

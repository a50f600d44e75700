"""What a request asks of ControlNet: up to three units of controls, or a list in the words of A1111's API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modules.hooks import BadRequest

MOST = 3  # units with controls; a list may have more
PREPROCESSORS = ("none", "canny", "soft edges", "scribble", "blur", "tile", "invert")
RESIZE = ("stretch", "crop", "fill")
A1111_MODULES = {  # the names of those that need no download, as sd-webui-controlnet has them
    "canny": "canny",
    "softedge_edges": "soft edges",
    "scribble_xdog": "scribble",
    "blur_gaussian": "blur",
    "tile_resample": "tile",
    "invert": "invert",
    "invert (from white bg & black line)": "invert",
}
A1111_RESIZE = {
    0: "stretch",
    1: "crop",
    2: "fill",
    "Just Resize": "stretch",
    "Crop and Resize": "crop",
    "Resize and Fill": "fill",
}
BALANCED = (0, "Balanced")
IGNORED = ("pixel_perfect", "low_vram", "save_detected_map", "hr_option", "processor_res")  # change no picture here


@dataclass(frozen=True)
class Unit:
    """image: id of an input picture. model: name of a file. start, end: the part of the steps it is used in."""

    image: str
    model: str
    preprocessor: str = "none"
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0
    resize: str = "crop"
    low: float = 100.0  # canny's thresholds, of 255
    high: float = 200.0


def units(extras: Mapping[str, Any], extension: str = "controlnet") -> tuple[Unit, ...]:
    """The units of a request's extras that are in use. Raises BadRequest."""
    own = {key.partition(".")[2]: value for key, value in extras.items() if key.startswith(f"{extension}.")}
    found = [_of_controls(own, f"unit{number}-") for number in range(1, MOST + 1)]
    listed = own.get("units") or []
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise BadRequest('controlnet.units must be a list of objects: [{"image": {"input": id}, "model": name}]')
    return tuple(unit for unit in [*found, *map(_of_a1111, listed)] if unit)


def _of_controls(own: Mapping[str, Any], prefix: str) -> Unit | None:
    image = (own.get(f"{prefix}image") or {}).get("input", "")
    if not image:
        return None
    unit = Unit(
        image,
        str(own.get(f"{prefix}model") or ""),
        str(own.get(f"{prefix}preprocessor", "none")),
        float(own.get(f"{prefix}weight", 1.0)),
        float(own.get(f"{prefix}start", 0.0)),
        float(own.get(f"{prefix}end", 1.0)),
        str(own.get(f"{prefix}resize", "crop")),
    )
    return checked(unit)


def _of_a1111(given: Mapping[str, Any]) -> Unit | None:
    """A unit in the words of sd-webui-controlnet; its image is {"input": id} here."""
    if not given.get("enabled", True):
        return None
    image = given.get("image") or given.get("input_image")
    if not isinstance(image, Mapping) or not isinstance(image.get("input"), str):
        raise BadRequest('a unit of controlnet.units needs "image": {"input": id of a picture that was brought}')
    if given.get("control_mode", 0) not in BALANCED:
        raise BadRequest(f"the control mode {given['control_mode']!r:.60} is not known here", "use Balanced")
    known = {"enabled", "image", "input_image", "module", "model", "weight", "resize_mode", "guidance_start"}
    known |= {"guidance_end", "control_mode", "threshold_a", "threshold_b", *IGNORED}
    if unknown := given.keys() - known:
        raise BadRequest(f"a unit of controlnet.units has the unknown word {min(unknown)!r:.60}")
    module = str(given.get("module") or "none")
    try:
        unit = Unit(
            image["input"],
            str(given.get("model") or ""),
            A1111_MODULES.get(module.lower(), module),
            float(given.get("weight", 1.0)),
            float(given.get("guidance_start", 0.0)),
            float(given.get("guidance_end", 1.0)),
            A1111_RESIZE.get(given.get("resize_mode", 1), ""),
            *(
                float(given[key]) if float(given.get(key, -1)) > 0 else usual
                for key, usual in (("threshold_a", 100.0), ("threshold_b", 200.0))
            ),
        )
    except (TypeError, ValueError) as error:
        raise BadRequest(f"a unit of controlnet.units cannot be read: {error}") from error
    return checked(unit)


def checked(unit: Unit) -> Unit:
    """Raises BadRequest."""
    if not unit.model:
        raise BadRequest("ControlNet has a picture but no model", "choose one, or take the picture away")
    if unit.preprocessor.lower() not in PREPROCESSORS:
        raise BadRequest(f"there is no preprocessor {unit.preprocessor!r:.60}", f"known: {', '.join(PREPROCESSORS)}")
    if unit.resize not in RESIZE:
        raise BadRequest(f"there is no resize mode {unit.resize!r:.60}", f"known: {', '.join(RESIZE)}")
    if not (0 <= unit.start <= unit.end <= 1 and -1 <= unit.weight <= 2):
        raise BadRequest(
            f"ControlNet: weight {unit.weight:g} from {unit.start:g} to {unit.end:g} cannot be",
            "weight is -1 to 2; start and end are shares of the steps, 0 to 1, start before end",
        )
    return unit

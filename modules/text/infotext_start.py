"""What a picture started from, in A1111's keys: img2img, inpaint, and a hires pass.

Ids of input pictures, of the parent and the act that led here are not written: they mean nothing elsewhere, and the
`taffy` chunk beside the text keeps them. Keys that A1111 does not have are ours, and quoted like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from modules.core.request import GenerationRequest

Fields = dict[str, object]

START = {  # key -> field of a request with an image, left out at its default
    "Resize mode": "resize_mode",
    "Exact steps": "exact_steps",
    "Image CFG scale": "image_cfg_scale",
    "Extend left": "extend_left",
    "Extend top": "extend_top",
    "Extend right": "extend_right",
    "Extend bottom": "extend_bottom",
    "Extend overlap": "extend_overlap",
}
EXTENSIONS = ("extend_left", "extend_top", "extend_right", "extend_bottom")
MASK = {  # the same with a mask
    "Masked content": "mask_content",
    "Mask grow": "mask_grow",
    "Soft inpainting": "soft_mask",
}
HIRES = {  # the same with a hires pass
    "Hires steps": "hires_steps",
    "Hires sampler": "hires_sampler",
    "Hires prompt": "hires_prompt",
    "Hires negative prompt": "hires_negative_prompt",
    "Hires CFG Scale": "hires_cfg_scale",
}
NAMED = {**START, **MASK, **HIRES, "Mask blur": "mask_blur", "Masked area padding": "mask_padding"}
NAMED |= {"Inpaint area": "only_masked", "Mask mode": "mask_invert", "Hires upscaler": "hires_upscaler"}
SAME_SCHEDULE = "Use same scheduler"
WORDS: dict[str, Fields] = {  # what A1111 calls some values
    "Inpaint area": {"Only masked": True, "Whole picture": False},
    "Mask mode": {"Inpaint not masked": True, "Inpaint masked": False},
    "Hires sampler": {"Use same sampler": ""},
    "Resize mode": {  # as its form has them; extensions write them
        "Just resize": "stretch",
        "Crop and resize": "crop",
        "Resize and fill": "fill",
        "Just resize (latent upscale)": "latent",
    },
}
OTHER = frozenset({"Denoising strength", "Hires upscale", "Hires resize", "Hires schedule type"})
UNDERSTOOD = frozenset({*NAMED, *OTHER})
REMARKS = frozenset({
    "Init image hash", "Mask digest", "Painted area", "Source size", "Network", "Share of the second",
    "Postprocess upscale by", "Postprocess upscale to", "Postprocess crop to", "Postprocess upscaler",
    "Postprocess upscaler 2", "Postprocess upscaler 2 visibility",
})  # fmt: skip
A1111_SCALE = 2.0  # of a hires pass whose text says no size
DEFAULTS = asdict(GenerationRequest())


def number(value: float) -> str:
    """Without a needless ".0"."""
    return f"{value:.0f}" if float(value).is_integer() else repr(value)


def start_values(request: GenerationRequest, labels: Mapping[str, str]) -> dict[str, str]:
    """key -> value of what a request starts from, {} for plain txt2img. labels: A1111's, of schedules."""
    values: dict[str, str] = {}
    if request.image:
        values |= {"Denoising strength": number(request.strength), **_unusual(request, START)}
        if request.mask or any(getattr(request, name) for name in EXTENSIONS):  # what is added is painted as a mask
            values |= _mask_values(request)
    elif request.hires_scale > 1:  # never both
        values |= {"Denoising strength": number(request.hires_strength), "Hires upscale": number(request.hires_scale)}
        values |= {"Hires upscaler": request.hires_upscaler, **_unusual(request, HIRES)}
        if request.hires_schedule:
            values["Hires schedule type"] = labels.get(request.hires_schedule, request.hires_schedule)
    return values


def _mask_values(request: GenerationRequest) -> dict[str, str]:
    values = {"Mask blur": number(request.mask_blur), **_unusual(request, MASK)}
    if request.mask_invert:
        values["Mask mode"] = "Inpaint not masked"
    if request.only_masked:
        values |= {"Inpaint area": "Only masked", "Masked area padding": str(request.mask_padding)}
    return values


def _unusual(request: GenerationRequest, keys: Mapping[str, str]) -> dict[str, str]:
    found = {key: getattr(request, name) for key, name in keys.items() if getattr(request, name) != DEFAULTS[name]}
    return {key: number(value) if isinstance(value, float) else str(value) for key, value in found.items()}


def start_fields(values: Mapping[str, str], schedules: Mapping[str, str]) -> Iterator[tuple[str, Fields]]:
    """(key for people, fields of the request) of what a text says about the start, unchecked.

    "Denoising strength" belongs to the hires pass where the text has one, as in A1111.
    """
    has_hires = bool(values.keys() & {"Hires upscale", "Hires resize", "Hires upscaler"})
    if "Denoising strength" in values:
        yield "Denoising strength", {"hires_strength" if has_hires else "strength": values["Denoising strength"]}
    for key, name in NAMED.items():
        if key in values:
            yield key, {name: WORDS.get(key, {}).get(values[key], values[key])}
    if (given := values.get("Hires schedule type", SAME_SCHEDULE)) != SAME_SCHEDULE:
        yield "Hires schedule type", {"hires_schedule": schedules.get(given, given)}
    if has_hires:
        yield "Hires upscale", {"hires_scale": _scale(values)}


def _scale(values: Mapping[str, str]) -> object:
    """How much larger the second pass is; a size counts where both sides grow alike, else it is no number."""
    size = values.get("Hires resize", "0x0")
    if size == "0x0":
        return values.get("Hires upscale", A1111_SCALE)
    try:
        (wide, high), (width, height) = (map(int, text.split("x")) for text in (size, values.get("Size", "")))
        scale = wide / width
        return scale if round(height * scale) == high else f"{size} from {width}x{height}"
    except (ValueError, ZeroDivisionError):
        return size

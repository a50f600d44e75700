"""Requests as the text A1111 puts into pictures, and such texts, from whatever program, as requests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from modules.core.errors import BadRequest
from modules.core.request import GenerationRequest, parse_request
from modules.text import infotext_start
from modules.text.infotext_line import LAST, join_values, split_values
from modules.text.infotext_start import Fields, start_fields, start_values

SCHEDULES = {  # A1111's label -> our name
    "Automatic": "automatic",
    "Uniform": "uniform",
    "Karras": "karras",
    "Exponential": "exponential",
    "Polyexponential": "polyexponential",
    "SGM Uniform": "sgm_uniform",
    "KL Optimal": "kl_optimal",
    "Align Your Steps": "align_your_steps",
    "Simple": "simple",
    "Normal": "normal",
    "DDIM": "ddim",
    "Beta": "beta",
}
LABELS = {name: label for label, name in SCHEDULES.items()}
NOISE = {"GPU": "nv", "NV": "nv", "CPU": "cpu"}
VAES = {"Automatic": "automatic", "None": "built in"}  # A1111's words -> ours; anything else is a file
USED = frozenset({"Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "VAE", "RNG"})
FIELDS = {  # A1111's key -> the field, where the value is written as it is, and left out at its default
    "Variation seed": "variation_seed",
    "Variation seed strength": "variation_strength",
    "Earlier variations": "earlier_variations",
    "Clip skip": "clip_skip",
    "Tiling": "tiling",
    "Fast every": "fast_every",
    "Fast layers": "fast_layers",
    "Style mode": "style_mode",
    "Style preset": "style_preset",
    "Style amount": "style_amount",
    "Style keep": "style_keep",
    "Style keep falls": "style_keep_falls",
    "Style contrast": "style_contrast",
    "Style grid": "style_grid",
    "Style match": "style_match",
    "Style method": "style_method",
    "Style luma": "style_luma",
}
REMARKS = frozenset(  # say what was, and are not needed to make the picture again
    {"Model hash", "VAE hash", "Lora hashes", "TI hashes", "Hashes", "Hardware Info", "Time taken", "Emphasis"}
    | {"Style image hash", "Content image hash", "Style shares"}
    | {
        "Pipeline",
        "Scheduler",
        "Precision",
        "Attention",
        "Device",
        "Torch",
        "Diffusers",
        *LAST,
        *infotext_start.REMARKS,
    }
)
_KNOWN = USED | FIELDS.keys() | REMARKS | infotext_start.UNDERSTOOD
DEFAULTS = asdict(GenerationRequest())
ONCE_UNIFORM = frozenset(  # before A1111 1.9 these names alone meant the uniform schedule, not today's "Automatic"
    {"DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 2S a", "DPM++ 3M SDE", "DPM2", "DPM2 a"}
)

_NEGATIVE = re.compile(r"^[^\S\n]*Negative prompt: ?", re.MULTILINE)
_EXTRA = re.compile(r"(\w[\w-]*)/([\w-]+)")  # an extension's control, in the text
_CONTROL = re.compile(r"\w[\w-]*\.[\w-]+")  # the same in a request's extras


@dataclass(frozen=True)
class Infotext:
    """What a picture's text says. values: key -> value as written there, without quotes."""

    prompt: str
    negative_prompt: str
    values: Mapping[str, str]


def write_infotext(request: GenerationRequest, facts: Mapping[str, str]) -> str:
    """The text of a picture: prompt, negative prompt, then "key: value" pairs in A1111's order on one line.

    request: narrowed to the one picture. facts: `PictureMade.facts`; where it has a key of the request it wins
    ("Model" is the file that was used). An extra "extension.control" is written as "extension/control: value",
    because A1111 cannot read a dot in a key; extras with other keys are left out, and so are count, batch_size and
    preview. The `taffy` chunk beside this text keeps everything.
    """
    values = {
        "Steps": str(request.steps),
        "Sampler": request.sampler,
        "Schedule type": LABELS.get(request.schedule, request.schedule),
        "CFG scale": f"{request.cfg_scale:.0f}" if request.cfg_scale.is_integer() else repr(request.cfg_scale),
        "Seed": str(request.seed),
        "Size": f"{request.width}x{request.height}" if request.width or request.height else "",
        "Model": request.checkpoint,
        "VAE": {"automatic": "", "built in": "None"}.get(request.vae, request.vae),
        **{key: str(value) for key, name in FIELDS.items() if (value := getattr(request, name)) != DEFAULTS[name]},
        **start_values(request, LABELS),
        "RNG": request.noise_source.upper(),
    }
    values = {key: value for key, value in values.items() if value} | dict(facts)
    values |= {
        key.replace(".", "/"): _extra_text(extra) for key, extra in request.extras.items() if _CONTROL.fullmatch(key)
    }
    line = join_values(values)
    parts = [request.prompt] if request.prompt else []
    if request.negative_prompt or _NEGATIVE.search(request.prompt):
        parts.append(f"Negative prompt: {request.negative_prompt}")
    return "\n".join([*parts, line])


def write_upscaled(text: str, facts: Mapping[str, str]) -> str:
    """The text of a picture that was made larger: that of the picture it was made from, if any, and what was done.

    facts: `PictureMade.facts`, in the keys of A1111's extras. Read again it describes the smaller picture; what was
    done to it is a remark.
    """
    lines = text.rstrip().split("\n")
    values = dict(split_values(lines[-1]))
    if len(values) < 3:
        return "\n".join([*filter(None, [text.rstrip()]), join_values(facts)])
    done = {key: value for key, value in facts.items() if key not in values or key.startswith("Postprocess")}
    return "\n".join([*lines[:-1], join_values(values | done)])


def read_infotext(text: str) -> Infotext:
    """The parts of a text. Never raises; a text that is no infotext is a prompt.

    The last line is read as values if it has at least three. The form is ambiguous there: a bare prompt whose last
    line looks like "a: 1, b: 2, c: 3" is taken for values. The negative prompt starts at the last line that begins
    with "Negative prompt:", so one that has such a line inside loses its first part to the prompt. JSON that sites
    append without quotes is kept whole.
    """
    lines = text.rstrip().split("\n")
    values = dict(split_values(lines[-1]))
    if len(values) >= 3:
        del lines[-1]
    else:
        values = {}
    words = "\n".join(lines)
    marks = list(_NEGATIVE.finditer(words))
    if not marks:
        return Infotext(words, "", values)
    return Infotext(words[: marks[-1].start()].removesuffix("\n"), words[marks[-1].end() :], values)


def request_from_infotext(text: str) -> tuple[GenerationRequest, tuple[str, ...]]:
    """The request a text describes, and in plain words what of it could not be used. Never raises."""
    fields, notes = fields_from_infotext(text)
    return parse_request(fields), notes


def fields_from_infotext(text: str) -> tuple[Fields, tuple[str, ...]]:
    """The same as fields of a request, only those the text speaks of, each a value that `parse_request` takes.

    Names of samplers, schedules and checkpoints are not looked up here. A text without RNG comes from A1111's GPU
    noise: "nv".
    """
    found = read_infotext(text)
    fields: Fields = {}
    notes: list[str] = []
    for key, wanted in _wanted(found):
        try:
            parse_request(wanted)
        except BadRequest as error:
            notes.append(f"{key} was left out: {error.message}")
        else:
            fields |= wanted
    unknown = [f"{key}: {value:.60}" for key, value in found.values.items() if not _understood(key)]
    if unknown:
        notes.append(f"not known here and left out: {', '.join(unknown)}")
    if "Model" not in found.values and "Model hash" in found.values:
        notes.append(f"the checkpoint has no name here, only the hash {found.values['Model hash']}")
    return fields, tuple(notes)


def _wanted(found: Infotext) -> Iterator[tuple[str, Fields]]:
    """(key for people, fields of the request), unchecked."""
    values = found.values
    yield "prompt", {"prompt": found.prompt}
    yield "negative prompt", {"negative_prompt": found.negative_prompt}
    if "Sampler" in values:
        yield "Sampler", _sampler(values["Sampler"], values.get("Schedule type"))
    named = {
        "Steps": "steps",
        "CFG scale": "cfg_scale",
        "Seed": "seed",
        "Model": "checkpoint",
        **FIELDS,
    }
    for key, name in named.items():
        if key in values:
            yield key, {name: values[key]}
    if "Size" in values:
        width, _, height = values["Size"].partition("x")
        yield "Size", {"width": width, "height": height}
    if values.get("VAE"):
        yield "VAE", {"vae": VAES.get(values["VAE"], values["VAE"])}
    if "RNG" in values:
        yield "RNG", {"noise_source": NOISE.get(values["RNG"], values["RNG"])}
    yield from start_fields(values, SCHEDULES)
    controls = [control for key in values if (control := _EXTRA.fullmatch(key))]
    yield "extras", {"extras": {f"{name[1]}.{name[2]}": _extra(values[name[0]]) for name in controls}}


def _understood(key: str) -> bool:
    return key in _KNOWN or bool(_EXTRA.fullmatch(key))


def _sampler(name: str, schedule: str | None) -> Fields:
    """Sampler and schedule; names from before A1111 1.9 have the schedule folded in: "DPM++ 2M Karras"."""
    if schedule is not None:
        return {"sampler": name, "schedule": SCHEDULES.get(schedule, schedule)}
    for label in sorted(SCHEDULES, key=len, reverse=True):
        if name.casefold().endswith(f" {label.casefold()}"):
            return {"sampler": name[: -len(label)].rstrip(), "schedule": SCHEDULES[label]}
    return {"sampler": name, "schedule": "uniform" if name in ONCE_UNIFORM else "automatic"}


def _extra_text(value: object) -> str:
    """A string as it is unless it would be read as something else; any other value as JSON."""
    return value if isinstance(value, str) and _extra(value) == value else json.dumps(value, ensure_ascii=False)


def _extra(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

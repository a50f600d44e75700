"""The card of a folder that runs in diffusers' own pipeline, and what makes one refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modules.core.errors import BadCheckpoint, UnsafeFile
from modules.core.family import CheckpointCard
from modules.families.header import CHECKERS, Header
from modules.families.whole.source import Call, call_of, libraries, package, text_to_picture

STEPS, CFG = 30, 5.0  # where the pipeline's source does not say
NATIVE = 1024
TOKENS = 75
MAX_COUNT = 4096  # latent cells of a side, channels
MAX_LEVELS = 8  # of a VAE
DENOISERS = ("transformer", "unet", "decoder", "prior")
DECODERS = ("vae", "movq", "vqgan")


def pipeline_of(header: Header) -> str:
    """The class a folder names; empty for files."""
    name = header.configs.get("model_index", {}).get("_class_name", "")
    return name if isinstance(name, str) else ""


def card_of(name: str, header: Header) -> CheckpointCard:
    """Raises BadCheckpoint, UnsafeFile: a pipeline that is something else, or comes with code of its own."""
    pipeline = pipeline_of(header)
    refuse_code(header)
    if package() is not None and pipeline not in text_to_picture():
        raise BadCheckpoint(
            f"{header.path.name} names the pipeline {pipeline!r:.80}, which does not make pictures from words alone",
            "choose a folder of a text-to-image model",
        )
    refuse_gaps(header)
    call = call_of(pipeline)
    denoiser = next((header.configs[part] for part in DENOISERS if part in header.configs), {})
    vae = next((header.configs[part] for part in DECODERS if part in header.configs), {})
    levels = vae.get("block_out_channels")
    downscale = 2 ** (len(levels) - 1) if isinstance(levels, list) and 0 < len(levels) <= MAX_LEVELS else 1
    cells = _whole(denoiser.get("sample_size"), 0)
    return CheckpointCard(
        name=name,
        family="diffusers_pipeline",
        downscale=downscale,
        latent_channels=_whole(vae.get("latent_channels"), 3),
        native_size=cells * downscale or NATIVE,
        size_multiple=downscale * _whole(denoiser.get("patch_size"), 1),
        prompt_tokens=int(call.number("max_sequence_length", TOKENS)),
        prediction=_prediction(header),
        default_steps=int(call.number("num_inference_steps", STEPS)),
        default_cfg=float(call.number("guidance_scale", CFG)),
        defaults_from=f"diffusers' {pipeline} says so",
        description=_description(pipeline, call),
        pipeline=pipeline,
    )


def refuse_code(header: Header) -> None:
    """Raises UnsafeFile for a folder with programs, or one that has parts from where nobody knows."""
    found = next((path for pattern in ("*.py", "*/*.py") for path in header.path.glob(pattern)), None)
    if found is not None:
        raise UnsafeFile(
            f"{header.path.name} brings a program of its own ({_short(found, header.path)}); Taffy does not run it",
            "use a version of this model that diffusers runs without custom code",
        )
    index = header.configs["model_index"]
    if package() is None:
        return
    for part, place in index.items():
        if isinstance(place, list) and place and place[0] is not None and str(place[0]) not in libraries():
            raise UnsafeFile(
                f"{header.path.name} takes its part {part!r:.80} from {place[0]!r:.80}, not from diffusers"
            )


def refuse_gaps(header: Header) -> None:
    """Raises BadCheckpoint for a folder without all the parts that its index names."""
    places = header.configs["model_index"].items()
    named = [part for part, place in places if isinstance(place, list) and place and place[0] and part not in CHECKERS]
    there = {item.name for item in header.path.iterdir() if item.is_dir()} if header.path.is_dir() else set()
    missing = next((part for part in named if part not in there), None)
    if missing or not named:
        what = f"its part {missing:.80} is missing" if missing else "its index names no parts"
        raise BadCheckpoint(
            f"{header.path.name} is an incomplete {pipeline_of(header)} folder: {what}", "download it again"
        )


def _short(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _whole(value: Any, otherwise: int) -> int:
    """A count from a config, if it is one that a network can have."""
    return value if type(value) is int and 0 < value <= MAX_COUNT else otherwise


def _prediction(header: Header) -> str:
    said = header.configs.get("scheduler", {}).get("prediction_type", "flow")
    return said if isinstance(said, str) else "flow"


def _description(pipeline: str, call: Call) -> str:
    """What one should know before using it."""
    known = {"CFG scale": "guidance_scale", "negative prompt": "negative_prompt"}
    ignored = [words for words, name in known.items() if name not in call.arguments]
    beside = f" It has no {' and no '.join(ignored)}." if ignored and call.arguments else ""
    return (
        f"It runs as a whole in diffusers' {pipeline}, with its own sampler. What counts: prompt, size, steps, CFG "
        f"scale and seed. What does not work: starting from pictures, masks, a second pass, styles, LoRAs, tiling, "
        f"variations.{beside}"
    )

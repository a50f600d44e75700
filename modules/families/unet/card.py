"""The card of a checkpoint: what its configs say, and sane steps and guidance for distilled ones."""

from __future__ import annotations

import re

from modules.core.family import CheckpointCard
from modules.families.header import Header
from modules.families.unet.configs import CLIP_WINDOW, Configs, read_configs
from modules.families.unet.kind import Kind

STEPS = 20
CFG = 7.0
_STEPS_IN_NAME = re.compile(r"(?<!\d)(\d{1,2})[ _-]?steps?(?![a-z])")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # "Photo2Lightning_LCM" has three
_DISTILLED = {  # word in the file's name or title -> steps, guidance scale, as their authors give them
    "lcm": (6, 1.5),  # Luo et al. 2023
    "turbo": (4, 1.0),  # Sauer et al. 2023
    "lightning": (4, 1.0),  # Lin et al. 2024
    "hyper": (8, 1.0),  # Hyper-SD, Ren et al. 2024
    "dmd": (4, 1.0),  # Yin et al. 2024
}


def card_of(name: str, header: Header, kind: Kind) -> CheckpointCard:
    """What the page, the API and the loop need to know. Raises BadCheckpoint."""
    configs = read_configs(header, kind)
    record = configs.record
    steps, cfg = _usual(name, header.metadata.get("modelspec.title", ""))
    return CheckpointCard(
        name=name,
        family=kind.family,
        downscale=configs.downscale,
        latent_channels=configs.vae["latent_channels"],
        native_size=configs.native_size,
        size_multiple=configs.downscale,
        prompt_tokens=CLIP_WINDOW - 2,
        prediction=configs.prediction or "epsilon",
        default_steps=record.default_steps or steps,
        default_cfg=cfg if record.default_cfg is None else record.default_cfg,
        input_kind=configs.input_kind,
        description=record.description or _description(configs),
        words=record.words,
        examples=record.examples,
    )


def _usual(*names: str) -> tuple[int, float]:
    """Steps and guidance scale for a checkpoint of these names: "juggernaut_lightning_8step" gets 8 and 1."""
    text = " ".join(names)
    words = {word.casefold() for word in _WORDS.findall(text)}
    for word, (steps, cfg) in _DISTILLED.items():
        if word in words or f"sdxl{word}" in words:
            said = _STEPS_IN_NAME.search(text.casefold())
            return (int(said[1]) if said and int(said[1]) else steps), cfg
    return STEPS, CFG


def _description(configs: Configs) -> str:
    """What one should know before using it."""
    if configs.kind.score:
        return "a refiner: it finishes pictures that another checkpoint began, best at a low denoising strength"
    return ""

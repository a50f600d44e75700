"""The card of a checkpoint: what its configs say, and sane steps and guidance for distilled ones."""

from __future__ import annotations

from dataclasses import dataclass

from modules.core.family import CheckpointCard
from modules.families.header import Header
from modules.families.quick import Quick, quick_defaults
from modules.families.record import Record
from modules.families.unet.configs import CLIP_WINDOW, Configs, read_configs
from modules.families.unet.kind import Kind

STEPS = 20
CFG = 7.0


def card_of(name: str, header: Header, kind: Kind) -> CheckpointCard:
    """What the page, the API and the loop need to know. Raises BadCheckpoint."""
    configs = read_configs(header, kind)
    record = configs.record
    usual = _usual(name, header.metadata.get("modelspec.title", ""), record)
    return CheckpointCard(
        name=name,
        family=kind.family,
        downscale=configs.downscale,
        latent_channels=configs.vae["latent_channels"],
        native_size=configs.native_size,
        size_multiple=configs.downscale,
        prompt_tokens=CLIP_WINDOW - 2,
        prediction=configs.prediction or "epsilon",
        default_steps=usual.steps,
        default_cfg=usual.cfg,
        default_sampler=usual.sampler,
        default_schedule=usual.schedule,
        defaults_from=usual.why,
        input_kind=configs.input_kind,
        description=record.description or _description(configs),
        words=record.words,
        examples=record.examples,
    )


@dataclass(frozen=True)
class Usual:
    """What a checkpoint is used with, and why, if that is not what all others are used with."""

    steps: int
    cfg: float
    sampler: str
    schedule: str
    why: str


def _usual(name: str, title: str, record: Record) -> Usual:
    """The file's own record first, then what its name or title says about few steps."""
    named, titled = quick_defaults(name), quick_defaults(title)
    quick = named or titled or Quick("", STEPS, CFG, "", "")
    said = record.default_steps or record.default_cfg is not None or record.default_sampler or record.default_schedule
    source = f"its {'name' if named else 'title'} says {quick.kind}" if quick.kind else ""
    return Usual(
        record.default_steps or quick.steps,
        quick.cfg if record.default_cfg is None else record.default_cfg,
        record.default_sampler or quick.sampler,
        record.default_schedule or quick.schedule,
        "its metadata say so" if said else source,
    )


def _description(configs: Configs) -> str:
    """What one should know before using it."""
    if configs.kind.score:
        return "a refiner: it finishes pictures that another checkpoint began, best at a low denoising strength"
    return ""

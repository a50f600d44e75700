"""What the networks of an SD 1.x checkpoint are built with: its weights decide, then its metadata, then defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modules.core.errors import BadCheckpoint
from modules.core.family import CheckpointCard
from modules.families.header import Header
from modules.families.noise_schedule import NoiseSchedule, noise_schedule
from modules.families.record import Record, read_record
from modules.families.sd1.shapes import Config, text_shape, unet_shape, vae_shape

CLIP_VOCABULARY = 49_408
CLIP_WINDOW = 77
HEADS = 8
GROUPS = 32
TEXT_HEAD_WIDTH = 64
SCALING_FACTOR = 0.18215
NATIVE_SIZE = 512
STEPS = 20
CFG = 7.0
_OTHER_INPUTS = {8: "an InstructPix2Pix checkpoint", 9: "an inpainting checkpoint"}


@dataclass(frozen=True)
class Configs:
    """unet, vae, text_encoder: for the library classes. scaling_factor: latent = scaling_factor * encoded."""

    unet: Config
    vae: Config
    text_encoder: Config
    schedule: NoiseSchedule
    prediction: str
    scaling_factor: float
    record: Record

    @property
    def downscale(self) -> int:
        """Pixels per latent cell and side: the VAE halves the picture between its levels."""
        return int(2 ** (len(self.vae["block_out_channels"]) - 1))

    @property
    def native_size(self) -> int:
        """Pixels; diffusers keeps it in latent cells."""
        cells = self.unet.get("sample_size")
        return self.record.native_size or (cells * self.downscale if isinstance(cells, int) else NATIVE_SIZE)


def read_configs(header: Header) -> Configs:
    """Raises BadCheckpoint if the parts contradict each other or what the file says about itself."""
    name = header.path.name
    record = read_record(name, header.metadata)
    given = {part: _public(config) for part, config in (header.configs or record.config).items()}
    schedule = noise_schedule(name, given.get("scheduler", {}))
    vae = _merged(name, "vae", vae_shape(header), given)
    configs = Configs(
        unet=_merged(name, "unet", unet_shape(header), given, attention_head_dim=record.attention_heads or HEADS),
        vae=vae,
        text_encoder=_text_encoder(name, text_shape(header), given),
        schedule=schedule,
        prediction=record.prediction_type or schedule.prediction_type,
        scaling_factor=record.scaling_factor or _number(name, vae.get("scaling_factor", SCALING_FACTOR)),
        record=record,
    )
    _check_parts(name, configs)
    _check_divisions(name, configs)
    return configs


def card_of(name: str, header: Header) -> CheckpointCard:
    """What the page, the API and the loop need to know."""
    configs = read_configs(header)
    record = configs.record
    return CheckpointCard(
        name=name,
        family="sd1",
        downscale=configs.downscale,
        latent_channels=configs.vae["latent_channels"],
        native_size=configs.native_size,
        size_multiple=configs.downscale,
        prompt_tokens=CLIP_WINDOW - 2,
        prediction=configs.prediction,
        default_steps=record.default_steps or STEPS,
        default_cfg=CFG if record.default_cfg is None else record.default_cfg,
        description=record.description,
        words=record.words,
        examples=record.examples,
    )


def _merged(name: str, part: str, shape: Config, given: Mapping[str, Config], **defaults: Any) -> Config:
    """Defaults, overridden by what the file says, which may not contradict its weights."""
    said = given.get(part, {})
    for key, value in shape.items():
        if key in said and _listed(said[key]) != value:
            raise BadCheckpoint(
                f"{name} contradicts itself: the config of its {part} says {key} = {said[key]!r:.80}, "
                f"its weights say {value!r:.80}"
            )
    return {"norm_num_groups": GROUPS} | defaults | said | shape


def _text_encoder(name: str, shape: Config, given: Mapping[str, Config]) -> Config:
    heads = max(1, shape["hidden_size"] // TEXT_HEAD_WIDTH)
    config = _merged(name, "text_encoder", shape, given, num_attention_heads=heads, hidden_act="quick_gelu")
    del config["norm_num_groups"]
    return config


def _check_parts(name: str, configs: Configs) -> None:
    """The parts fit each other, our tokenizer, and text-to-image."""
    channels, latent = configs.unet["in_channels"], configs.vae["latent_channels"]
    if channels in _OTHER_INPUTS and latent == 4:
        raise BadCheckpoint(f"{name} looks like {_OTHER_INPUTS[channels]}; this version makes pictures from text only")
    text = configs.text_encoder
    pairs = {
        "channels of U-Net and VAE": (channels, latent),
        "widths of text encoder and cross-attention": (text["hidden_size"], configs.unet["cross_attention_dim"]),
        "vocabulary of CLIP": (text["vocab_size"], CLIP_VOCABULARY),
        "prompt window of CLIP": (text["max_position_embeddings"], CLIP_WINDOW),
        "its downscale factor": (configs.downscale, configs.record.downscale or configs.downscale),
    }
    for what, (one, other) in pairs.items():
        if one != other:
            raise BadCheckpoint(f"{name} does not fit together: {what}: {one} and {other}")


def _check_divisions(name: str, configs: Configs) -> None:
    """Heads and groups are not in the weights; they must at least divide the widths."""
    unet, vae, text = configs.unet, configs.vae, configs.text_encoder
    _check_divides(name, "U-Net", unet["norm_num_groups"], unet["block_out_channels"])
    _check_divides(name, "U-Net", unet["attention_head_dim"], _attended_widths(unet))
    _check_divides(name, "VAE", vae["norm_num_groups"], vae["block_out_channels"])
    _check_divides(name, "text encoder", text["num_attention_heads"], [text["hidden_size"]])


def _attended_widths(unet: Config) -> list[int]:
    widths: list[int] = unet["block_out_channels"]
    kinds = zip(widths, unet["down_block_types"], strict=True)
    return [width for width, kind in kinds if kind.startswith("CrossAttn")] + widths[-1:]


def _check_divides(name: str, part: str, number: object, widths: Iterable[int]) -> None:
    if not isinstance(number, int) or number < 1 or any(width % number for width in widths):
        raise BadCheckpoint(
            f"the widths {widths} of the {part} of {name} cannot be split into {number!r:.20} groups or heads",
            "a checkpoint of unusual widths must say its groups and heads in its metadata",
        )


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or not 0 < value < 1000:
        raise BadCheckpoint(f"the scaling factor of {name} is {value!r:.40}, a number between 0 and 1000 was expected")
    return float(value)


def _public(config: Mapping[str, Any]) -> Config:
    return {key: value for key, value in config.items() if not key.startswith("_")}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

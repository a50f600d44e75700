"""What the networks of a checkpoint are built with: its weights decide, then its metadata, then its kind's defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from modules.core.errors import BadCheckpoint
from modules.families.header import Header
from modules.families.ldm_keys import UNET
from modules.families.noise_schedule import NoiseSchedule, noise_schedule
from modules.families.record import Record, read_record
from modules.families.unet.kind import PAD_WITH_END, Kind, TextEncoder
from modules.families.unet.shapes import Config, text_shape, unet_shape, vae_shape

CLIP_VOCABULARY = 49_408
CLIP_WINDOW = 77
MAX_CELLS = 4096  # of a side
HEADS = 8
GROUPS = 32
TEXT_HEAD_WIDTH = 64
InputKind = Literal["text", "inpaint", "instruct"]
_SAYS_V = re.compile(r"""parameterization: *["']?v["']?(\s|$)|\.VScaling\b""")  # of SD 2, of SDXL
_SAYS_BASE = re.compile(r"(?<!\d)512(?!\d)|turbo", re.IGNORECASE)  # v2-1_512-ema-pruned, sd_turbo
_REFUSED = {  # tensors that mark a network trained or stored in another way
    "edm_mean": "a Playground v2.5 checkpoint: its noise schedule is not supported",
    "edm_vpred.sigma_max": "a CosXL checkpoint: its noise schedule is not supported",
    f"{UNET}scaled_fp8": "a checkpoint in scaled fp8: its factors are not supported",
    "embedder.model.visual.proj": "a Stable unCLIP checkpoint: it wants a picture beside words, which is not supported",
}


@dataclass(frozen=True)
class Configs:
    """unet, vae, text: for the library classes, text by part. scaling_factor: latent = scaling_factor * encoded.

    prediction: None if neither the file nor its neighbours say it. is_base: trained at its kind's base size.
    """

    kind: Kind
    unet: Config
    vae: Config
    text: Mapping[str, Config]
    schedule: NoiseSchedule
    prediction: str | None
    scaling_factor: float
    zero_empty: bool
    is_base: bool
    record: Record

    @property
    def plans(self) -> dict[str, object]:
        """What each network is built from."""
        projected = {encoder.part: encoder.projected for encoder in self.kind.encoders}
        texts = {part: (config, projected[part]) for part, config in self.text.items()}
        return {"unet": self.unet, "vae": self.vae, **texts}

    @property
    def downscale(self) -> int:
        """Pixels per latent cell and side: the VAE halves the picture between its levels."""
        return int(2 ** (len(self.vae["block_out_channels"]) - 1))

    @property
    def native_size(self) -> int:
        """Pixels; diffusers keeps it in latent cells."""
        usual = self.kind.base_size if self.is_base else self.kind.native_size
        cells = self.unet.get("sample_size")
        said = cells * self.downscale if type(cells) is int and 0 < cells <= MAX_CELLS else usual
        return self.record.native_size or said

    @property
    def upcast_vae(self) -> bool:
        """Whether the VAE overflows in fp16."""
        return bool(self.vae.get("force_upcast", self.kind.upcast_vae))

    @property
    def input_kind(self) -> InputKind:
        """What the denoiser sees beside the noisy latents: a mask and a masked picture, a picture, or nothing."""
        latent = self.vae["latent_channels"]
        kinds: dict[int, InputKind] = {latent: "text", 2 * latent + 1: "inpaint", 2 * latent: "instruct"}
        return kinds[self.unet["in_channels"]]


def read_configs(header: Header, kind: Kind, other_vae: Header | None = None) -> Configs:
    """Raises BadCheckpoint if the parts contradict each other or what the file says about itself.

    other_vae: of the file whose VAE is used instead; from the checkpoint it takes what weights do not tell.
    """
    name = header.path.name
    for key, what in _REFUSED.items():
        if key in header.tensors:
            raise BadCheckpoint(f"{name} looks like {what}")
    record = read_record(name, header.metadata)
    given = {part: _public(config) for part, config in (header.configs or record.config).items()}
    vae = _vae(header, given, other_vae)
    known = {"attention_head_dim": record.attention_heads, "out_channels": vae["latent_channels"]}
    schedule = noise_schedule(name, _scheduler(given.get("scheduler", {}), header, record))
    prediction = _prediction(header, record, given.get("scheduler", {}))
    configs = Configs(
        kind=kind,
        unet=_unet(header, kind, given, known),
        vae=vae,
        text={encoder.part: _text(header, encoder, given) for encoder in kind.encoders},
        schedule=schedule,
        prediction=prediction,
        scaling_factor=record.scaling_factor or _number(name, vae.get("scaling_factor", kind.scaling_factor)),
        zero_empty=bool(given.get("model_index", {}).get("force_zeros_for_empty_prompt", kind.zero_empty)),
        is_base=bool(kind.base_size and (prediction == "epsilon" or _SAYS_BASE.search(name))),
        record=record,
    )
    _check_parts(name, configs)
    _check_divisions(name, configs)
    return configs


def _scheduler(said: Config, header: Header, record: Record) -> Config:
    """The scheduler's config; "ztsnr" is the mark of checkpoints trained up to pure noise (NoobAI)."""
    zero = "ztsnr" in header.tensors or record.zero_snr
    return said | ({"rescale_betas_zero_snr": True} if zero else {})


def _prediction(header: Header, record: Record, scheduler: Config) -> str | None:
    """Metadata, marks among the tensors ("v_pred": NoobAI), the folder's scheduler, A1111's .yaml beside the file."""
    if record.prediction_type:
        return record.prediction_type
    if "v_pred" in header.tensors:
        return "v_prediction"
    if said := scheduler.get("prediction_type"):
        return str(said)
    beside = header.path.with_suffix(".yaml")
    if header.files or not beside.is_file():
        return None
    return "v_prediction" if _SAYS_V.search(beside.read_text(errors="replace")[:20_000]) else "epsilon"


def _vae(header: Header, given: Mapping[str, Config], other: Header | None) -> Config:
    own = _merged(header.path.name, "vae", vae_shape(header), given)
    if other is None:
        return own
    vae = own | vae_shape(other)
    if (vae["latent_channels"], len(vae["block_out_channels"])) != (
        own["latent_channels"],
        len(own["block_out_channels"]),
    ):
        raise BadCheckpoint(f"the VAE {other.path.name} makes other latents than the one of {header.path.name}")
    return vae


def _unet(header: Header, kind: Kind, given: Mapping[str, Config], known: Config) -> Config:
    """With what is known, heads of the kind's width unless the file says otherwise, and depths for each level."""
    shape = unet_shape(header, kind)
    widths: list[int] = shape["block_out_channels"]
    heads = [max(1, width // kind.head_width) for width in widths] if kind.head_width else HEADS
    said = dict(given.get("unet", {}))
    if "transformer_layers_per_block" in said:
        said["transformer_layers_per_block"] = _per_level(said["transformer_layers_per_block"], shape)
    defaults = known | {"attention_head_dim": known["attention_head_dim"] or heads}
    unet = _merged(header.path.name, "unet", shape, {"unet": said}, **defaults)
    if kind.time_ids and "addition_time_embed_dim" not in unet:
        pooled = next(text_shape(header, encoder)["projection_dim"] for encoder in kind.encoders if encoder.projected)
        unet["addition_time_embed_dim"] = (shape["projection_class_embeddings_input_dim"] - pooled) // kind.time_ids
    return unet


def _per_level(said: Any, shape: Config) -> Any:
    """A depth for each level; where a level has no attention its depth is 1, but the last one's is the middle's too."""
    levels = len(shape["block_out_channels"])
    depths = said if isinstance(said, list) else [said] * levels
    if len(depths) != levels:
        return said
    attended = [kind.startswith("CrossAttn") for kind in shape["down_block_types"][:-1]] + [True]
    return [depth if yes else 1 for depth, yes in zip(depths, attended, strict=True)]


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


def _text(header: Header, encoder: TextEncoder, given: Mapping[str, Config]) -> Config:
    """The end mark is CLIP's real one: transformers' old value of 2 takes the highest token for it."""
    shape = text_shape(header, encoder)
    heads = max(1, shape["hidden_size"] // TEXT_HEAD_WIDTH)
    defaults = {"num_attention_heads": heads, "hidden_act": encoder.hidden_act}
    config = _merged(header.path.name, encoder.part, shape, given, **defaults) | {"eos_token_id": PAD_WITH_END}
    del config["norm_num_groups"]
    return config


def _check_parts(name: str, configs: Configs) -> None:
    """The parts fit each other, our tokenizer, and what the loop can give the denoiser."""
    latent, channels = configs.vae["latent_channels"], configs.unet["in_channels"]
    if channels not in {latent, 2 * latent, 2 * latent + 1}:
        raise BadCheckpoint(
            f"the U-Net of {name} takes {channels} channels, its VAE makes {latent}: {latent} for pictures from words, "
            f"{2 * latent} for instructions and {2 * latent + 1} for inpainting are known"
        )
    widths = sum(text["hidden_size"] for text in configs.text.values())
    pairs = {
        "channels of U-Net and VAE": (configs.unet["out_channels"], latent),
        "widths of text encoder and cross-attention": (widths, configs.unet["cross_attention_dim"]),
        "its downscale factor": (configs.downscale, configs.record.downscale or configs.downscale),
    }
    for text in configs.text.values():
        pairs |= {
            "vocabulary of CLIP": (text["vocab_size"], CLIP_VOCABULARY),
            "prompt window of CLIP": (text["max_position_embeddings"], CLIP_WINDOW),
        }
    for what, (one, other) in pairs.items():
        if one != other:
            raise BadCheckpoint(f"{name} does not fit together: {what}: {one} and {other}")


def _check_divisions(name: str, configs: Configs) -> None:
    """Heads and groups are not in the weights; they must at least divide the widths."""
    unet, vae = configs.unet, configs.vae
    widths: list[int] = unet["block_out_channels"]
    heads = unet["attention_head_dim"]
    heads = heads if isinstance(heads, list) else [heads] * len(widths)
    kinds = [*unet["down_block_types"][:-1], "CrossAttn"]  # the middle has attention too, of the last level's heads
    _check_divides(name, "U-Net", unet["norm_num_groups"], widths)
    if len(heads) != len(widths):
        raise BadCheckpoint(f"the U-Net of {name} has {len(widths)} levels, but heads for {len(heads)}")
    for number, width, kind in zip(heads, widths, kinds, strict=True):
        if kind.startswith("CrossAttn"):
            _check_divides(name, "U-Net", number, [width])
    _check_divides(name, "VAE", vae["norm_num_groups"], vae["block_out_channels"])
    for text in configs.text.values():
        _check_divides(name, "text encoder", text["num_attention_heads"], [text["hidden_size"]])


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

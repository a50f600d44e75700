"""The sizes of a checkpoint's networks, read from the shapes of its weights."""

from __future__ import annotations

from itertools import count
from typing import Any

from modules.core.errors import BadCheckpoint
from modules.families.header import Header
from modules.families.unet.kind import Kind, TextEncoder
from modules.families.unet.layout import place_of

Config = dict[str, Any]


def unet_shape(header: Header, kind: Kind) -> Config:
    """What the weights say of UNet2DConditionModel's config."""
    part = _Part(header, "unet")
    levels = part.count("down_blocks.{}.resnets.0.conv1.weight")
    inner = "attentions.0.transformer_blocks.{}.attn2.to_k.weight"
    depths = [part.count(f"down_blocks.{level}.{inner}") for level in range(levels)]
    middle = part.count(f"mid_block.{inner}")
    if not middle and not part.has("mid_block.attentions.0.norm.weight"):
        raise BadCheckpoint(
            f"{header.path.name} has a U-Net without attention in its middle, as SSD-1B, KOALA and BK-SDM have: "
            "that is not supported in a single file",
            "use its folder in diffusers' layout",
        )
    shape = {
        "in_channels": part.dims("conv_in.weight", 4)[1],
        "block_out_channels": part.widths("down_blocks.{}.resnets.0.conv1.weight", levels),
        "layers_per_block": part.count("down_blocks.0.resnets.{}.conv1.weight"),
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)],
        "cross_attention_dim": part.dims("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", 2)[1],
        "use_linear_projection": len(part.dims("mid_block.attentions.0.proj_in.weight")) == 2,
        "transformer_layers_per_block": [depth or 1 for depth in depths[:-1]] + [middle],
    }
    if kind.time_ids:
        shape |= {
            "addition_embed_type": "text_time",
            "projection_class_embeddings_input_dim": part.dims("add_embedding.linear_1.weight", 2)[1],
        }
    return shape


def vae_shape(header: Header) -> Config:
    """What the weights say of AutoencoderKL's config."""
    part = _Part(header, "vae")
    levels = part.count("encoder.down_blocks.{}.resnets.0.conv1.weight")
    return {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": part.dims("decoder.conv_in.weight", 4)[1],
        "block_out_channels": part.widths("encoder.down_blocks.{}.resnets.0.conv1.weight", levels),
        "layers_per_block": part.count("encoder.down_blocks.0.resnets.{}.conv1.weight"),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "mid_block_add_attention": part.has("encoder.mid_block.attentions.0.group_norm.weight"),
        "use_quant_conv": part.has("quant_conv.weight"),
        "use_post_quant_conv": part.has("post_quant_conv.weight"),
    }


def text_shape(header: Header, encoder: TextEncoder) -> Config:
    """What the weights say of a CLIP text encoder's config."""
    part = _Part(header, encoder)
    vocabulary, hidden = part.dims("embeddings.token_embedding.weight", 2)
    unused = 0 if header.files else encoder.unused_layers
    shape = {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": part.dims("encoder.layers.0.mlp.fc1.weight", 2)[0],
        "num_hidden_layers": part.count("encoder.layers.{}.mlp.fc1.weight") - unused,
        "max_position_embeddings": part.dims("embeddings.position_embedding.weight", 2)[0],
    }
    return shape | ({"projection_dim": part.dims("text_projection.weight", 2)[0]} if encoder.projected else {})


class _Part:
    """Questions about one part's weights, by the library's names."""

    def __init__(self, header: Header, part: str | TextEncoder) -> None:
        self._header = header
        self._part = part
        self._name = part if isinstance(part, str) else part.part

    def has(self, name: str) -> bool:
        return self._shape(name) is not None

    def dims(self, name: str, rank: int | None = None) -> tuple[int, ...]:
        """Raises BadCheckpoint if the tensor is missing, empty or not of that rank."""
        shape = self._shape(name)
        if shape is None or 0 in shape or len(shape) != (rank or len(shape)):
            found = "is missing" if shape is None else f"has the shape {shape}"
            raise BadCheckpoint(f"{self._header.path.name} is damaged: {name} of its {self._name} {found}")
        return shape

    def count(self, pattern: str) -> int:
        """How many there are, numbered from 0."""
        return next(number for number in count() if not self.has(pattern.format(number)))

    def widths(self, pattern: str, levels: int) -> list[int]:
        """Raises BadCheckpoint if there is no level at all."""
        return [self.dims(pattern.format(level), 4)[0] for level in range(max(1, levels))]

    def _shape(self, name: str) -> tuple[int, ...] | None:
        return place_of(self._header, self._part, name).shape(self._header)

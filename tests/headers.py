"""A checkpoint for tests that never load one: a real SD 1.x header, and zeros instead of weights. Needs no torch."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path

TEXT, UNET, VAE = "cond_stage_model.transformer.text_model.", "model.diffusion_model.", "first_stage_model."
SHAPES = {  # those a card is read from
    f"{TEXT}embeddings.token_embedding.weight": (49_408, 32),
    f"{TEXT}embeddings.position_embedding.weight": (77, 32),
    f"{TEXT}encoder.layers.0.mlp.fc1.weight": (64, 32),
    f"{UNET}input_blocks.0.0.weight": (32, 4, 3, 3),
    f"{UNET}input_blocks.1.0.in_layers.0.weight": (32,),
    f"{UNET}input_blocks.1.0.in_layers.2.weight": (32, 32, 3, 3),
    f"{UNET}input_blocks.1.1.norm.weight": (32,),
    f"{UNET}middle_block.1.proj_in.weight": (32, 32, 1, 1),
    f"{UNET}middle_block.1.transformer_blocks.0.attn2.to_k.weight": (32, 32),
    f"{VAE}decoder.conv_in.weight": (32, 4, 3, 3),
    f"{VAE}encoder.down.0.block.0.conv1.weight": (32, 32, 3, 3),
    f"{VAE}encoder.down.1.block.0.conv1.weight": (32, 32, 3, 3),
    f"{VAE}encoder.down.2.block.0.conv1.weight": (32, 32, 3, 3),
}
RECORD = {"format": 1, "downscale": 4, "native_size": 64, "default_steps": 4, "default_cfg": 3.0}


def header_only(path: Path) -> Path:
    """f=4, native size 64. The zeros take no room on most disks. Returns its path."""
    return plain_file(path, SHAPES, {"taffy": json.dumps(RECORD)})


def plain_file(path: Path, shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str] | None = None) -> Path:
    """Tensors of these shapes as fp16 zeros. Returns its path."""
    header: dict[str, object] = {"__metadata__": dict(metadata or {})}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [begin, end]}
    written = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(written)) + written)
        file.truncate(8 + len(written) + end)
    return path

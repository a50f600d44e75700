"""A file that alters a loaded model for a while: a LoRA or a textual inversion, as an index found it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

FAMILIES = {"sd1": "SD 1.x", "sd2": "SD 2.x", "sdxl": "SDXL"}  # family of a card -> its name for people


@dataclass(frozen=True, eq=False)
class AdapterFile:
    """name: path below its folder without suffix. base: family it was made for, or another model's name; "" unknown.

    shapes: of its tensors, by key, from a header that was checked. hash: A1111's, 12 digits; "" if not asked for.
    """

    name: str
    path: Path
    base: str
    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str] = field(default_factory=dict)
    hash: str = ""

    def misfit(self, family: str) -> str:
        """A sentence if it was made for another family; empty if it fits or nobody knows."""
        if self.base in {"", family}:
            return ""
        made_for, here = FAMILIES.get(self.base, self.base), FAMILIES.get(family, family)
        return f"{self.path.name} is for {made_for}, the checkpoint is {here}"

    @cached_property
    def alphas(self) -> dict[str, float]:
        """By part: alpha where diffusers keeps it, beside the tensors and not among them (`save_lora_weights`)."""
        try:
            said = json.loads(self.metadata.get("lora_adapter_metadata", "{}"))
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            return {}
        pairs = ((key.removesuffix(_ALPHA), value) for key, value in said.items() if key.endswith(_ALPHA))
        return {part: float(value) for part, value in pairs if isinstance(value, int | float)}


def base_of(shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]) -> str:
    """Which family an adapter was made for: its metadata, else layers that only one has, else widths."""
    said = f"{metadata.get('modelspec.architecture', '')} {metadata.get('ss_base_model_version', '')}".casefold()
    said += " sd_v2" if metadata.get("ss_v2") == "True" else ""  # all that older ones say
    for words, base in _SAID.items():
        if words in said:
            return base
    for part, base in _ONLY.items():
        if any(part in key for key in shapes):
            return base
    if any(_DEEP.search(key) for key in shapes):
        return "sdxl"
    texts = [shape for key, shape in shapes.items() if shape and _reads_text(key)]  # a number has no width
    widths = {shape[-1] if len(shape) < 4 else shape[1] for shape in texts}
    return next((base for width, base in _WIDTHS.items() if width in widths), "")


_ALPHA = ".lora_alpha"
_SAID = {
    "stable-diffusion-xl": "sdxl",
    "sdxl": "sdxl",
    "stable-diffusion-v2": "sd2",
    "sd_v2": "sd2",
    "stable-diffusion-v1": "sd1",
    "sd_v1": "sd1",
    "flux": "Flux",
    "stable-diffusion-3": "SD 3",
    "sd3": "SD 3",
}
_ONLY = {
    "double_blocks": "Flux",
    "single_transformer_blocks": "Flux",
    "joint_blocks": "SD 3",
    "lora_te2_": "sdxl",
    "text_encoder_2.": "sdxl",
    "clip_g": "sdxl",
    "lora_transformer_": "a transformer (SD 3, Flux ...)",
    "transformer.transformer_blocks": "a transformer (SD 3, Flux ...)",
}
_DEEP = re.compile(r"(?:^|_|\.)(?:down|up|input|output|mid|middle)_block.*transformer_blocks[_.][2-9][_.]")  # one in SD
_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl"}  # of the text that cross-attention and embeddings read or give


def _reads_text(key: str) -> bool:
    """Keys whose last width is that of the text: what attends to it, and vectors in its place."""
    down = key.endswith(("lora_down.weight", "lora_A.weight", "down.weight"))
    vectors = not any(part in key for part in ("lora", "lycoris", "block", "layers"))
    return (down and ("attn2" in key) and ("to_k" in key or "to_v" in key)) or vectors

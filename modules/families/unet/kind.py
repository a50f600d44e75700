"""In what the families around one kind of U-Net differ. All of it is data; no code outside asks which family it is."""

from __future__ import annotations

from dataclasses import dataclass

from modules.families.header import Header
from modules.families.ldm_keys import UNET, VAE

PAD_WITH_END = 49_407  # CLIP's end mark
PAD_WITH_NOTHING = 0  # OpenCLIP's
TOKENS = "token_embedding.weight"
_USUAL = {  # what a U-Net's config says that is built like those of the releases
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "reverse_transformer_layers_per_block": None,
    "time_cond_proj_dim": None,
    "class_embed_type": None,
    "num_class_embeds": None,
    "encoder_hid_dim": None,
    "dual_cross_attention": False,
    "only_cross_attention": False,
    "resnet_time_scale_shift": "default",
}
_FIRST = (f"{UNET}input_blocks.0.0.weight", f"{VAE}decoder.conv_in.weight")


@dataclass(frozen=True)
class TextEncoder:
    """One text encoder. part: its name in `networks` and as a folder. prefix: where a single file has it.

    open_clip: whether single files have OpenCLIP's names, and its activation. projected: whether its pooled vector is
    used. unused_layers: at the end of a single file's encoder. penultimate: the states come unnormalised from the
    layer before the last, whatever the clip skip.
    """

    part: str
    prefix: str
    open_clip: bool = False
    projected: bool = False
    unused_layers: int = 0
    penultimate: bool = False

    @property
    def pad(self) -> int:
        """The token behind the end mark."""
        return PAD_WITH_NOTHING if self.open_clip else PAD_WITH_END

    @property
    def hidden_act(self) -> str:
        return "gelu" if self.open_clip else "quick_gelu"

    def lies_in(self, header: Header) -> bool:
        """Whether a single file has it."""
        inner = ("embeddings.", "text_model.embeddings.") if not self.open_clip else ("",)
        return any(f"{self.prefix}{between}{TOKENS}" in header.tensors for between in inner)


@dataclass(frozen=True)
class Kind:
    """title: for people. pipelines: diffusers' class names of folders. head_width: of the U-Net's attention; None for
    8 heads whatever the width. time_ids: numbers about size that the U-Net is told beside the pooled vector.
    score: whether the last of them rates the picture (the refiner's "aesthetic score").
    upcast_vae: its VAE overflows in fp16. zero_empty: an empty prompt is zeros. skips: whether clip skip is heard.
    probes: a file that does not say epsilon or v is found out by trying the network. base_size: native size of those
    that predict epsilon, where it is another.
    """

    family: str
    title: str
    pipelines: frozenset[str]
    encoders: tuple[TextEncoder, ...]
    native_size: int
    scaling_factor: float
    head_width: int | None = 64
    time_ids: int = 0
    score: bool = False
    upcast_vae: bool = False
    zero_empty: bool = False
    skips: bool = False
    probes: bool = False
    base_size: int = 0

    def matches(self, header: Header) -> bool:
        """Whether a header has this kind's denoiser, VAE and text encoders, and no others."""
        return self._is_folder(header) if header.configs else self._is_file(header)

    def _is_file(self, header: Header) -> bool:
        """As CompVis' and Stability's releases have it."""
        encoders = all(encoder.lies_in(header) for encoder in self.encoders)
        return encoders and all(key in header.tensors for key in _FIRST)

    def _is_folder(self, header: Header) -> bool:
        if str(header.configs.get("model_index", {}).get("_class_name")) not in self.pipelines:
            return False
        if any(header.configs.get("unet", {}).get(key, usual) != usual for key, usual in _USUAL.items()):
            return False
        found = {part for part in header.files if part.startswith("text_encoder")}
        if found != {encoder.part for encoder in self.encoders}:
            return False
        acts = [header.configs[encoder.part].get("hidden_act", "quick_gelu") for encoder in self.encoders]
        return acts == [encoder.hidden_act for encoder in self.encoders]

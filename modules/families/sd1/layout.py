"""Where the weights of an SD 1.x checkpoint lie: in one LDM-layout file, or in the folders of diffusers' layout."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import count

from modules.families.header import Header
from modules.families.ldm_keys import TEXT, UNET, VAE, text_key, text_keys, unet_key, unet_keys, vae_key, vae_keys

_KEYS = {"unet": unet_keys, "vae": vae_keys, "text_encoder": text_keys}
_FIRST = ("embeddings.token_embedding.weight", UNET + "input_blocks.0.0.weight", VAE + "decoder.conv_in.weight")
_OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def is_ldm(header: Header) -> bool:
    """One file with denoiser, VAE and CLIP text encoder, as CompVis' and Stability's releases have it."""
    token_table, *others = _FIRST
    return _text_prefix(header) + token_table in header.tensors and all(key in header.tensors for key in others)


def is_diffusers(header: Header) -> bool:
    """A folder whose model_index.json names StableDiffusionPipeline."""
    return header.configs.get("model_index", {}).get("_class_name") == "StableDiffusionPipeline"


def shape_of(header: Header, part: str, name: str) -> tuple[int, ...] | None:
    """The shape of one parameter of a part ("unet", "vae", "text_encoder"), by the library's name for it.

    For what a config needs only: the U-Net's upper half lies elsewhere until all its names are known.
    """
    if is_diffusers(header):
        return header.shape(_in_folder(header, part, name))
    if part == "unet":
        return header.shape(unet_key(name, _layers_per_block(header)))
    return header.shape(vae_key(name, 0) if part == "vae" else _with_prefix(header, text_key(name)))


def keys_of(header: Header, part: str, names: Collection[str]) -> dict[str, str]:
    """The header's key for each parameter of a part; `names` are all of them. A missing one gets its usual key."""
    if is_diffusers(header):
        return {name: _in_folder(header, part, name) for name in names}
    return {name: _with_prefix(header, key) for name, key in _KEYS[part](names).items()}


def _layers_per_block(header: Header) -> int:
    """input_blocks are: conv_in, the layers of the first level, its downsampler ..."""
    return next(i for i in count() if f"{UNET}input_blocks.{i + 1}.0.in_layers.0.weight" not in header.tensors)


def _text_prefix(header: Header) -> str:
    """Some early fine-tunes lack the inner `text_model.`."""
    return TEXT if TEXT + _FIRST[0] in header.tensors else TEXT.removesuffix("text_model.")


def _with_prefix(header: Header, key: str) -> str:
    return key.replace(TEXT, _text_prefix(header), 1)


def _in_folder(header: Header, part: str, name: str) -> str:
    """Older releases say `text_model.`, and `query` for `to_q` in the VAE."""
    old = re.sub(r"\b(to_q|to_k|to_v|to_out\.0)\b", lambda found: _OLD_ATTENTION[found[0]], name)
    candidates = (f"{part}/{name}", f"{part}/text_model.{name}", f"{part}/{old}")
    return next((key for key in candidates if key in header.tensors), candidates[0])

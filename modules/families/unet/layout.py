"""Where the weights of a checkpoint lie: in one LDM-layout file, or in the folders of diffusers' layout."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import count

from modules.families.header import Header
from modules.families.ldm_keys import UNET, VAE, clip_place, open_clip_place, unet_key, unet_keys, vae_key, vae_keys
from modules.families.unet.kind import TextEncoder
from modules.families.weights import Place

_OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def place_of(header: Header, part: str | TextEncoder, name: str) -> Place:
    """Where one parameter of a part ("unet", "vae" or an encoder) lies, by the library's name for it.

    For what a config needs only: upper halves lie elsewhere until all their names are known.
    """
    if header.files:
        return Place(_in_folder(header, part if isinstance(part, str) else part.part, name))
    if isinstance(part, TextEncoder):
        return _text_place(part, name, _text_prefix(header, part))
    if part == "unet":
        return Place(unet_key(name, _layers_per_block(header)))
    return Place(_vae_in_file(header, name, vae_key(name, 0)))


def places_of(header: Header, part: str | TextEncoder, names: Collection[str]) -> dict[str, Place]:
    """Where each parameter of a part lies; `names` are all of them. A missing one gets its usual place."""
    if header.files:
        return {name: place_of(header, part, name) for name in names}
    if isinstance(part, TextEncoder):
        prefix = _text_prefix(header, part)
        return {name: _text_place(part, name, prefix) for name in names}
    if part == "unet":
        return {name: Place(key) for name, key in unet_keys(names).items()}
    return {name: Place(_vae_in_file(header, name, key)) for name, key in vae_keys(names).items()}


def _layers_per_block(header: Header) -> int:
    """input_blocks are: conv_in, the layers of the first level, its downsampler ..."""
    return next(i for i in count() if f"{UNET}input_blocks.{i + 1}.0.in_layers.0.weight" not in header.tensors)


def _text_prefix(header: Header, encoder: TextEncoder) -> str:
    """Some early fine-tunes lack the inner `text_model.`."""
    inner = f"{encoder.prefix}text_model."
    return inner if not encoder.open_clip and header.has(inner) else encoder.prefix


def _text_place(encoder: TextEncoder, name: str, prefix: str) -> Place:
    return open_clip_place(name, prefix) if encoder.open_clip else clip_place(name, prefix)


def _vae_in_file(header: Header, name: str, key: str) -> str:
    """A checkpoint has its VAE behind a prefix; a file with nothing but a VAE has no prefix, or diffusers' names."""
    bare = key.removeprefix(VAE)
    candidates = (key, bare, name, *_old_names(name))
    return next((found for found in candidates if found in header.tensors), key)


def _in_folder(header: Header, part: str, name: str) -> str:
    """Older releases say `text_model.`, and `query` for `to_q` in the VAE."""
    candidates = (f"{part}/{name}", f"{part}/text_model.{name}", *(f"{part}/{old}" for old in _old_names(name)))
    return next((key for key in candidates if key in header.tensors), candidates[0])


def _old_names(name: str) -> list[str]:
    return [re.sub(r"\b(to_q|to_k|to_v|to_out\.0)\b", lambda found: _OLD_ATTENTION[found[0]], name)]

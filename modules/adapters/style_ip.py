"""IP-Adapter (Ye et al. 2023): a picture as part of the prompt, here for its style alone.

The picture's tokens travel behind the words in the same embeddings, so every row of a batch carries its own (none for
the negative prompt). Hooks on cross-attention split them off again and add their answer; kernels and LoRAs stay in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from modules.core.errors import BadRequest
from modules.core.family import Family
from modules.style.adapters import IP_FOLDER, encoder_folders, ip_files, what_is_missing

STYLE_BLOCK = "up_blocks.0.attentions.1."  # of SDXL: the one that draws style ("InstantStyle", Wang et al. 2024)
UNIFORM = 0.6  # where that block does not exist (SD 1.5), all of them, more weakly
MEAN, SPREAD = np.array([[0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]])  # CLIP's own


@dataclass(frozen=True)
class IpAdapter:
    """The weights of one file. projection: diffusers' module from the encoder's features to tokens.

    layers: (name, keys, values) of every cross-attention; keys and values (width, width of the tokens).
    """

    name: str
    projection: nn.Module
    layers: Sequence[tuple[str, Tensor, Tensor]]

    @property
    def plus(self) -> bool:
        """Whether it looks at all patches of the picture ("Plus") instead of one summary."""
        return hasattr(self.projection, "latents")

    @property
    def features(self) -> int:
        """Width of what the projection takes from the picture encoder."""
        entry: Any = getattr(self.projection, "proj_in" if self.plus else "image_embeds")
        return int(entry.in_features)


def find(family: Family, models: Sequence[Path]) -> IpAdapter:
    """The first file that fits the checkpoint. Raises BadRequest with the exact files and folders looked for."""
    files = ip_files(models)
    refused = []
    for path in files:
        try:
            return read(family, path)
        except BadRequest as error:
            refused.append(error.message)
    raise BadRequest("; ".join(refused) or what_is_missing(family.card, models), f"put them below models/{IP_FOLDER}")


def read(family: Family, path: Path) -> IpAdapter:
    """Raises BadRequest for a file that is something else or of another kind of checkpoint."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadRequest(f"{path.name} is not a readable safetensors file: {error}") from error
    unet: Any = family.networks["unet"]
    to = {"device": family.device, "dtype": unet.dtype}
    layers = [(name, key.to(**to), value.to(**to)) for name, key, value in _layers(family, path.name, tensors)]
    entry = {key.removeprefix("image_proj."): each for key, each in tensors.items() if key.startswith("image_proj.")}
    if not ({"proj.weight", "latents"} & entry.keys()) or any("perceiver" in key for key in entry):
        raise BadRequest(f"{path.name} is an IP-Adapter for faces, which has no style", "use the plain or Plus one")
    try:
        projection: nn.Module = unet._convert_ip_adapter_image_proj_to_diffusers(entry, low_cpu_mem_usage=False)
    except (RuntimeError, KeyError) as error:
        raise BadRequest(
            f"{path.name} cannot be used: its projection is damaged or of a kind not known here"
        ) from error
    return IpAdapter(path.stem, projection.to(**to).eval(), layers)


def _layers(family: Family, file: str, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """(name, keys, values) of each cross-attention; the file numbers them 1, 3, 5 ... in diffusers' order."""
    unet: Any = family.networks["unet"]
    names = [name.removesuffix(".processor") for name in unet.attn_processors if ".attn2." in name]
    for index, name in enumerate(names):
        weights = [tensors.get(f"ip_adapter.{2 * index + 1}.to_{part}_ip.weight") for part in "kv"]
        own: Any = unet.get_submodule(name).to_k
        wanted = (own.out_features, own.in_features)
        if weights[0] is None or weights[1] is None or tuple(weights[0].shape) != wanted:
            given = "missing" if weights[0] is None else "x".join(map(str, weights[0].shape))
            raise BadRequest(
                f"{file} does not fit {family.card.name}: its layer {2 * index + 1} is {given}, "
                f"{wanted[0]}x{wanted[1]} is needed"
            )
        yield name, weights[0], weights[1]


def tokens(adapter: IpAdapter, family: Family, models: Sequence[Path], picture: Image.Image) -> tuple[Tensor, Tensor]:
    """The picture, and no picture, as tokens (1, n, width) each. Raises BadRequest if no picture encoder fits."""
    encoder = _encoder(adapter, family, models)
    side = encoder.config.image_size
    seen = _as_clip_sees(picture, side).to(family.device, encoder.dtype)
    if adapter.plus:
        shown, hidden = (encoder(x, output_hidden_states=True).hidden_states[-2] for x in (seen, seen * 0))
    else:
        shown = encoder(seen).image_embeds
        hidden = torch.zeros_like(shown)
    return adapter.projection(shown), adapter.projection(hidden)


def _encoder(adapter: IpAdapter, family: Family, models: Sequence[Path]) -> Any:
    """CLIP's picture half whose features are as wide as the adapter takes them."""
    from transformers import CLIPVisionModelWithProjection

    widths = {folder: width["hidden" if adapter.plus else "projection"] for folder, width in encoder_folders(models)}
    for folder, width in widths.items():
        if width == adapter.features:
            unet: Any = family.networks["unet"]
            encoder: Any = CLIPVisionModelWithProjection.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=unet.dtype
            )
            return encoder.to(family.device).eval()
    found = ", ".join(f"{folder.name} ({width})" for folder, width in widths.items()) or "none"
    raise BadRequest(
        f"{adapter.name} needs a CLIP picture encoder with features {adapter.features} wide; found: {found}",
        what_is_missing(family.card, models),
    )


def _as_clip_sees(picture: Image.Image, side: int) -> Tensor:
    """(1, 3, side, side), cut in the middle, in CLIP's units."""
    scale = side / min(picture.size)
    size = max(side, round(picture.width * scale)), max(side, round(picture.height * scale))
    near = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = (near.width - side) // 2, (near.height - side) // 2
    levels = np.asarray(near.crop((left, top, left + side, top + side)), np.float32) / 255
    return torch.from_numpy((levels - MEAN) / SPREAD).permute(2, 0, 1)[None].float()


@contextmanager
def applied(family: Family, adapter: IpAdapter, count: int, amount: float) -> Iterator[None]:
    """Within it the last `count` tokens of all embeddings are a picture's, and are answered as `amount` says."""
    unet: Any = family.networks["unet"]
    names = [name for name, _, _ in adapter.layers]
    by_block = any(name.startswith(STYLE_BLOCK) for name in names)
    with ExitStack() as undo:
        for name, key, value in adapter.layers:
            scale = amount * (name.startswith(STYLE_BLOCK) if by_block else UNIFORM)
            layer = _Layer(unet.get_submodule(name), key, value, count, scale)
            for handle in layer.hooks():
                undo.callback(handle.remove)
        yield


class _Layer:
    """One cross-attention while an adapter is on it: what passes from its beginning to its end."""

    def __init__(self, attention: Any, key: Tensor, value: Tensor, count: int, scale: float) -> None:
        self._attention = attention
        self._key, self._value = key, value
        self._count = count
        self._scale = scale
        self._picture: Tensor | None = None
        self._queries: Tensor | None = None

    def hooks(self) -> Iterator[Any]:
        yield self._attention.register_forward_pre_hook(self._split, with_kwargs=True)
        if self._scale:
            yield self._attention.to_q.register_forward_hook(self._listen)
            yield self._attention.to_out[0].register_forward_pre_hook(self._add)

    def _split(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        both = kwargs["encoder_hidden_states"]
        self._picture = both[:, -self._count :]
        return args, kwargs | {"encoder_hidden_states": both[:, : -self._count]}

    def _listen(self, _: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        self._queries = output

    def _add(self, _: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Attention to the words + scale * attention to the picture (eq. 5)."""
        assert self._picture is not None
        assert self._queries is not None
        parts = self._queries, linear(self._picture, self._key), linear(self._picture, self._value)
        q, k, v = (part.view(*part.shape[:2], self._attention.heads, -1).transpose(1, 2) for part in parts)
        answer = scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        self._picture = self._queries = None
        return (args[0] + self._scale * answer,)

"""Style injection without training (StyleID: Chung, Hyun and Heo 2024, "Style Injection in Diffusion").

Only the inputs of self-attention are touched, by hooks that live as long as their context. Queries, keys and values
are linear in them without an offset, so mixing or scaling the inputs is mixing or scaling the queries; whichever
attention kernel, LoRA or precision is in use stays in use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from modules.core.errors import BadRequest
from modules.core.family import Family

Features = dict[str, Tensor]  # layer -> what entered its self-attention: (rows, tokens, width)


@dataclass(frozen=True)
class Layer:
    """One self-attention of the decoder. grid: side of what it sees, as a part of the latent's side."""

    name: str
    attention: nn.Module
    grid: float

    @property
    def width(self) -> int:
        to_q: Any = self.attention.to_q
        return int(to_q.in_features)


@dataclass(frozen=True)
class Mix:
    """What the injected attention is made of, for one network call.

    content: its queries are kept by `keep` (the paper's gamma, 0 to 1). styles: (share, features), shares adding up
    to 1: each style answers for itself and has its share of the attention. contrast: the paper's tau, on the logits.
    """

    content: Features
    styles: Sequence[tuple[float, Features]]
    keep: float
    contrast: float


def decoder_layers(family: Family, grid: float = 0.5) -> tuple[Layer, ...]:
    """The decoder's self-attention that sees at least `grid` of the latent's side; 0.5 are the paper's layers.

    Raises BadRequest if the family has none that can be injected.
    """
    network = family.networks.get("unet")
    blocks: Any = getattr(network, "up_blocks", ())
    layers: list[Layer] = []
    for index, block in enumerate(blocks):
        part = 0.5 ** sum(bool(later.upsamplers) for later in blocks[index:])
        named = block.named_modules(prefix=f"up_blocks.{index}")
        layers += [Layer(name, module, part) for name, module in named if name.endswith(".attn1")]
    if not layers or not all(_is_plain(layer.attention) for layer in layers):
        raise BadRequest(
            f"style injection works in U-Nets (Stable Diffusion 1, 2, XL); {family.card.name} is another kind",
            "choose another checkpoint, or the mode that goes by words",
        )
    chosen = tuple(layer for layer in layers if layer.grid >= grid)
    if not chosen:
        finest = max(layer.grid for layer in layers)
        raise BadRequest(f"{family.card.name} has no attention on {grid:g} of the latent grid", f"try {finest:g}")
    return chosen


def _is_plain(attention: Any) -> bool:
    """Whether its queries are linear in its input."""
    return attention.to_q.bias is None and attention.norm_q is None


def step_bytes(layers: Sequence[Layer], rows: int, columns: int, itemsize: int) -> int:
    """Memory of one picture's features at one step, for latents of rows x columns cells."""
    return sum(
        math.ceil(rows * layer.grid) * math.ceil(columns * layer.grid) * layer.width * itemsize for layer in layers
    )


@contextmanager
def recording(layers: Sequence[Layer], device: str) -> Iterator[Features]:
    """Collects what enters the layers' self-attention while the network runs, on the named device."""
    features: Features = {}

    def keeper(layer: Layer) -> Callable[..., None]:
        def keep(_: nn.Module, args: tuple[Tensor, ...], kwargs: Mapping[str, Any]) -> None:
            features[layer.name] = args[0].to(device)

        return keep

    with _hooked([_before(layer, keeper(layer)) for layer in layers]):
        yield features


@contextmanager
def injecting(layers: Sequence[Layer], mix: Mix) -> Iterator[None]:
    """Within it the layers ask with the content's queries, in part, and are answered by the styles (eq. 5 to 7)."""

    def asker(layer: Layer) -> Callable[..., Any]:
        def ask(_: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Any:
            content = _for_rows(mix.content[layer.name], args[0])
            mixed = torch.lerp(args[0], content, mix.keep) * mix.contrast
            answering = _for_rows(mix.styles[0][1][layer.name], args[0])
            return (mixed, *args[1:]), kwargs | {"encoder_hidden_states": answering}

        return ask

    def sharer(layer: Layer) -> Callable[..., Tensor]:
        def share(module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any], output: Tensor) -> Tensor:
            total = output * mix.styles[0][0]
            for part, features in mix.styles[1:]:
                answering = _for_rows(features[layer.name], args[0])
                total = total + part * module.forward(*args, **(kwargs | {"encoder_hidden_states": answering}))
            return total

        return share

    handles = [_before(layer, asker(layer)) for layer in layers]
    if len(mix.styles) > 1:
        handles += [layer.attention.register_forward_hook(sharer(layer), with_kwargs=True) for layer in layers]
    with _hooked(handles):
        yield


def adain(x: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """Each channel of each picture gets a mean and a standard deviation (Huang and Belongie 2017, eq. 8).

    x: (batch, c, h, w); mean, spread: (batch or 1, c, 1, 1).
    """
    own_mean, own_spread = moments(x)
    return (x - own_mean) / own_spread.clamp(min=1e-6) * spread + mean


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel over the picture: (batch, c, 1, 1) each."""
    return x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True, correction=0)


def _for_rows(features: Tensor, like: Tensor) -> Tensor:
    """The same features for every row of a batch, beside it."""
    return features.to(like.device).expand(len(like), -1, -1)


def _before(layer: Layer, hook: Callable[..., Any]) -> RemovableHandle:
    return layer.attention.register_forward_pre_hook(hook, with_kwargs=True)


@contextmanager
def _hooked(handles: Sequence[RemovableHandle]) -> Iterator[None]:
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()

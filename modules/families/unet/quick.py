"""Layers of diffusers' networks computed with fewer passes over memory, on processors: the same sums, fused by oneDNN.

A step of Stable Diffusion 1.5 moves hundreds of megabytes that are read once more and dropped: biases copied before a
product, gates next to what they gate, activations beside their input. Weights, names and hooks stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn
from torch.nn.functional import pad, silu

ROWS = 2048  # tokens whose hidden layer stays in the cache of a processor; fewer need the weights too often
PLACES = 2  # as many channels of an answer for each of its places: then a convolution is computed as a product


def quicken(network: nn.Module) -> None:
    """Let the layers of a network on a processor compute so, where this build of torch has oneDNN.

    Those that are compiled are left to the compiler: it cannot see into calls of oneDNN.
    """
    if not has_one_dnn():
        return
    kind: Any = type(network)
    if kind in QUICK and QUICK[kind][1](network):
        network.__class__ = QUICK[kind][0]
    for child in network.children():
        if not getattr(child, "is_compiled", False):
            quicken(child)


def has_one_dnn() -> bool:
    available: Any = torch.backends.mkldnn.is_available
    return bool(available()) and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class QuickLinear(nn.Linear):
    """x W^T + b in one call; PyTorch's copies b over the whole answer first."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class QuickConvolution(nn.Conv2d):
    """As a product of matrices where weights outweigh the picture.

    oneDNN's convolution brings all weights into another order at every call, at 8 x 8 places in more time than it
    computes; its product takes them as they are.
    """

    def forward(self, input: Tensor) -> Tensor:
        seen = seen_places(input, self)
        if seen is None:
            return super().forward(input)
        return _picture(linear(seen.flatten(0, 2), flat_weight(self), self.bias), seen)


class QuickFeedForward(FeedForward):  # type: ignore[misc]
    """W2 (W_value x * gelu(W_gate x)) (Shazeer 2020, "GLU variants improve transformer"), some tokens at a time."""

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        layers: Any = self.net
        (value, gate), (value_bias, gate_bias) = layers[0].proj.weight.chunk(2), layers[0].proj.bias.chunk(2)
        answers = []
        tokens: Any = hidden_states.flatten(0, -2)
        for rows in tokens.split(ROWS):  # (rows, width)
            gates = linear(rows, gate, gate_bias, "gelu")
            answers.append(layers[2](linear_with(rows, value, value_bias, "mul", gates)))
        return torch.cat(answers).view_as(hidden_states)


class QuickTransformer(Transformer2DModel):  # type: ignore[misc]
    """The 1x1 convolutions around its blocks are products of tokens: nothing is brought into another order."""

    def _operate_on_continuous_inputs(self, hidden_states: Tensor) -> tuple[Tensor, int]:
        layers: Any = self
        tokens = _tokens(layers.norm(hidden_states))
        answer = linear(tokens, layers.proj_in.weight.flatten(1), layers.proj_in.bias)
        return answer, answer.shape[-1]

    def _get_output_for_continuous_inputs(self, hidden_states: Tensor, residual: Tensor, **sizes: int) -> Tensor:
        last: Any = self.proj_out
        answer = linear_with(hidden_states, last.weight.flatten(1), last.bias, "add", _tokens(residual))
        batch, _, height, width = residual.shape
        return answer.view(batch, height, width, -1).permute(0, 3, 1, 2)


class QuickResnet(ResnetBlock2D):  # type: ignore[misc]
    """x + conv(silu(norm(conv(silu(norm(x))) + time))), each answer written over what it is made from."""

    def forward(self, input_tensor: Tensor, temb: Tensor | None, *args: Any, **kwargs: Any) -> Tensor:
        layers: Any = self
        hidden = layers.conv1(silu(layers.norm1(input_tensor), inplace=True))
        if temb is not None:
            hidden.add_(layers.time_emb_proj(silu(temb))[:, :, None, None])
        hidden = silu(layers.norm2(hidden), inplace=True)
        shortcut = input_tensor if layers.conv_shortcut is None else layers.conv_shortcut(input_tensor)
        return convolved_onto(shortcut, hidden, layers.conv2)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str = "none") -> Tensor:
    """activation(x W^T + b) in one pass; "gelu" is the exact one."""
    answer: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "none")
    return answer


def linear_with(x: Tensor, weight: Tensor, bias: Tensor | None, sign: str, other: Tensor) -> Tensor:
    """x W^T + b with `other` added ("add") or multiplied ("mul") in the same pass."""
    answer: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, other, weight, bias, sign)
    return answer


def seen_places(x: Tensor, layer: nn.Conv2d) -> Tensor | None:
    """What each place of a convolution's answer sees, (batch, h, w, kernel * kernel * channels).

    None where the convolution itself is better: there are many places, or the weights lie in another order.
    """
    (size, _), (stride, _), channels_last = layer.kernel_size, layer.stride, torch.channels_last
    odd = layer.padding_mode != "zeros" or layer.groups != 1 or layer.dilation != (1, 1) or size != layer.kernel_size[1]
    if odd or isinstance(layer.padding, str) or not layer.weight.is_contiguous(memory_format=channels_last):
        return None
    border = layer.padding[0]
    height, width = ((side + 2 * border - size) // stride + 1 for side in x.shape[-2:])
    if len(x) * height * width * PLACES > layer.out_channels:
        return None
    rows = pad(x.permute(0, 2, 3, 1), (0, 0, border, border, border, border))
    windows = rows.unfold(1, size, stride).unfold(2, size, stride)  # (batch, h, w, channels, size, size)
    return windows.permute(0, 1, 2, 4, 5, 3).flatten(3)


def flat_weight(layer: nn.Conv2d) -> Tensor:
    """(out, kernel * kernel * in): the same memory where channels lie innermost."""
    return layer.weight.permute(0, 2, 3, 1).flatten(1)


def convolved_onto(other: Tensor, x: Tensor, layer: Any) -> Tensor:
    """other + layer(x)"""
    if (seen := seen_places(x, layer)) is not None:
        onto = _tokens(other).flatten(0, 1)
        answer = _picture(linear_with(seen.flatten(0, 2), flat_weight(layer), layer.bias, "add", onto), seen)
    elif layer.padding_mode == "zeros":
        where = layer.padding, layer.stride, layer.dilation, layer.groups
        answer = torch.ops.mkldnn._convolution_pointwise.binary(
            x, other, layer.weight, layer.bias, *where, "add", 1.0, None, [], None
        )
    else:  # a seamless picture
        answer = layer(x).add_(other)
    return answer


def _tokens(x: Tensor) -> Tensor:
    """(batch, c, h, w) -> (batch, h * w, c): the same memory where channels lie innermost."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _picture(rows: Tensor, places: Tensor) -> Tensor:
    """(batch * h * w, c) -> (batch, c, h, w), channels innermost. places: (batch, h, w, anything)."""
    return rows.view(*places.shape[:3], -1).permute(0, 3, 1, 2)


def _is_geglu(module: Any) -> bool:
    return type(module.net[0]).__name__ == "GEGLU" and module.net[0].proj.bias is not None and len(module.net) == 3


def _is_plain(module: Any) -> bool:
    return (
        module.upsample is None
        and module.downsample is None
        and isinstance(module.nonlinearity, nn.SiLU)
        and (module.time_embedding_norm == "default" or module.time_emb_proj is None)
        and not module.skip_time_act
        and module.output_scale_factor == 1
    )


def _is_continuous(module: Any) -> bool:
    return bool(module.is_input_continuous)


QUICK: dict[Any, tuple[type[nn.Module], Callable[[Any], bool]]] = {  # class of diffusers -> ours, and for which of them
    nn.Linear: (QuickLinear, lambda _: True),
    nn.Conv2d: (QuickConvolution, lambda _: True),
    FeedForward: (QuickFeedForward, _is_geglu),
    Transformer2DModel: (QuickTransformer, _is_continuous),
    ResnetBlock2D: (QuickResnet, _is_plain),
}

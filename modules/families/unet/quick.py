"""Layers of diffusers' networks computed with fewer passes over memory, on processors: the same sums, fused by oneDNN.

A step of Stable Diffusion 1.5 moves hundreds of megabytes that are read once more and dropped: biases copied before a
product, gates next to what they gate, activations beside their input. Weights, names and hooks stay as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn
from torch.nn.functional import silu

ROWS = 1024  # tokens whose hidden layer stays in the cache of a processor


def quicken(network: nn.Module) -> None:
    """Let the layers of a network on a processor compute so, where this build of torch has oneDNN."""
    if not has_one_dnn():
        return
    for module in network.modules():
        if type(module) is nn.Linear:
            module.__class__ = QuickLinear
        elif type(module) is FeedForward and _is_geglu(module):
            module.__class__ = QuickFeedForward
        elif type(module) is ResnetBlock2D and _is_plain(module):
            module.__class__ = QuickResnet


def has_one_dnn() -> bool:
    available: Any = torch.backends.mkldnn.is_available
    return bool(available()) and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class QuickLinear(nn.Linear):
    """x W^T + b in one call; PyTorch's copies b over the whole answer first."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class QuickFeedForward(FeedForward):  # type: ignore[misc]
    """W2 (W_value x * gelu(W_gate x)) (Shazeer 2020, "GLU variants improve transformer"), some tokens at a time."""

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        layers: Any = self.net
        (value, gate), (value_bias, gate_bias) = layers[0].proj.weight.chunk(2), layers[0].proj.bias.chunk(2)
        answers = []
        tokens: Any = hidden_states.flatten(0, -2)
        for rows in tokens.split(ROWS):  # (rows, width)
            gates = linear(rows, gate, gate_bias, "gelu")
            answers.append(layers[2](linear(rows, value, value_bias).mul_(gates)))
        return torch.cat(answers).view_as(hidden_states)


class QuickResnet(ResnetBlock2D):  # type: ignore[misc]
    """x + conv(silu(norm(conv(silu(norm(x))) + time))), each answer written over what it is made from."""

    def forward(self, input_tensor: Tensor, temb: Tensor | None, *args: Any, **kwargs: Any) -> Tensor:
        layers: Any = self
        hidden = layers.conv1(silu(layers.norm1(input_tensor), inplace=True))
        if temb is not None:
            hidden.add_(layers.time_emb_proj(silu(temb))[:, :, None, None])
        hidden = layers.conv2(silu(layers.norm2(hidden), inplace=True))
        shortcut = input_tensor if layers.conv_shortcut is None else layers.conv_shortcut(input_tensor)
        answer: Tensor = hidden.add_(shortcut)
        return answer


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str = "none") -> Tensor:
    """activation(x W^T + b) in one pass; "gelu" is the exact one."""
    answer: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "none")
    return answer


def _is_geglu(module: Any) -> bool:
    return type(module.net[0]).__name__ == "GEGLU" and module.net[0].proj.bias is not None and len(module.net) == 3


def _is_plain(module: Any) -> bool:
    return (
        module.upsample is None
        and module.downsample is None
        and isinstance(module.nonlinearity, nn.SiLU)
        and module.time_embedding_norm == "default"
        and not module.skip_time_act
        and module.output_scale_factor == 1
    )

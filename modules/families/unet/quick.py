"""Layers of diffusers' networks computed with fewer passes over memory, on processors: the same sums, fused by oneDNN.

A step of Stable Diffusion 1.5 moves hundreds of megabytes that are read once more and dropped: biases copied before a
product, gates next to what they gate, activations beside their input. Weights, names and hooks stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock, FeedForward
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from modules.attention.processor import KernelProcessor
from modules.families.unet.alike import computed_once, is_heard, is_one, rows_are_equal

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


def waits_for_words(unet: nn.Module) -> bool:
    """Whether the first level of a U-Net attends to words, and equal rows are computed once until then."""
    first: Any = unet.get_submodule("down_blocks.0")
    return hasattr(first, "attentions") and isinstance(first.resnets[0], QuickResnet)


def has_one_dnn() -> bool:
    available: Any = torch.backends.mkldnn.is_available
    return bool(available()) and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class QuickLinear(nn.Linear):
    """x W^T + b in one call; PyTorch's copies b over the whole answer first."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)

    def onto(self, x: Tensor, other: Tensor) -> Tensor:
        """other + x W^T + b"""
        return linear_with(x, self.weight, self.bias, "add", other)


class QuickConvolution(nn.Conv2d):
    """As a product of matrices where weights outweigh the picture.

    oneDNN's convolution brings all weights into another order at every call, at 8 x 8 places in more time than it
    computes; its product takes them as they are.
    """

    def forward(self, input: Tensor) -> Tensor:
        if is_one(input):
            return computed_once(self.forward, input)
        seen = seen_places(input, self)
        if seen is None:
            return super().forward(input)
        return _picture(linear(seen.flatten(0, 2), flat_weight(self), self.bias), seen)


class QuickFeedForward(FeedForward):  # type: ignore[misc]
    """W2 (W_value x * gelu(W_gate x)) (Shazeer 2020, "GLU variants improve transformer"), some tokens at a time."""

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        last: Any = self.net[2]
        answers = [last(hidden) for hidden in self._hidden(hidden_states)]
        return torch.cat(answers).view_as(hidden_states)

    def onto(self, x: Tensor, other: Tensor) -> Tensor:
        """other + what it answers to x; both (batch, tokens, width)."""
        last: Any = self.net[2]
        others: Any = other.flatten(0, -2)
        pairs = zip(self._hidden(x), others.split(ROWS), strict=True)
        return torch.cat([last.onto(hidden, rows) for hidden, rows in pairs]).view_as(x)

    def _hidden(self, x: Tensor) -> Iterator[Tensor]:
        """The hidden layer, (rows, inner width) at a time."""
        layers: Any = self.net
        (value, gate), (value_bias, gate_bias) = layers[0].proj.weight.chunk(2), layers[0].proj.bias.chunk(2)
        tokens: Any = x.flatten(0, -2)
        for rows in tokens.split(ROWS):
            gates = linear(rows, gate, gate_bias, "gelu")
            yield linear_with(rows, value, value_bias, "mul", gates)


class QuickBlock(BasicTransformerBlock):  # type: ignore[misc]
    """Attention among places, attention to the words, feed-forward; each adds its answer in its last product."""

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        asked = attention_mask, encoder_attention_mask, kwargs.get("cross_attention_kwargs")
        if any(one is not None for one in asked):  # of a processor that is not ours
            masked: Tensor = super().forward(
                hidden_states, attention_mask, encoder_hidden_states, encoder_attention_mask, *args, **kwargs
            )
            return masked
        layers: Any = self
        if is_one(hidden_states) and not is_heard(layers.norm1, layers.attn1):
            x = computed_once(self._among_places, hidden_states)
        else:
            x = self._among_places(hidden_states)
        x = attended(layers.attn2, layers.norm2(x), encoder_hidden_states, x)
        seen = layers.norm3(x)
        is_ours = isinstance(layers.ff, QuickFeedForward) and not is_heard(layers.ff)  # not one that is compiled
        answer: Tensor = layers.ff.onto(seen, x) if is_ours else layers.ff(seen) + x
        return answer

    def _among_places(self, x: Tensor) -> Tensor:
        layers: Any = self
        return attended(layers.attn1, layers.norm1(x), None, x)


class QuickTransformer(Transformer2DModel):  # type: ignore[misc]
    """The 1x1 convolutions around its blocks are products of tokens: nothing is brought into another order."""

    def _operate_on_continuous_inputs(self, hidden_states: Tensor) -> tuple[Tensor, int]:
        once = is_one(hidden_states) and not is_heard(self.norm)
        answer = computed_once(self._entered, hidden_states) if once else self._entered(hidden_states)
        return answer, answer.shape[-1]

    def _entered(self, x: Tensor) -> Tensor:
        layers: Any = self
        return linear(_tokens(layers.norm(x)), layers.proj_in.weight.flatten(1), layers.proj_in.bias)

    def _get_output_for_continuous_inputs(self, hidden_states: Tensor, residual: Tensor, **sizes: int) -> Tensor:
        last: Any = self.proj_out
        answer = linear_with(hidden_states, last.weight.flatten(1), last.bias, "add", _tokens(residual))
        batch, _, height, width = residual.shape
        return answer.view(batch, height, width, -1).permute(0, 3, 1, 2)


class QuickResnet(ResnetBlock2D):  # type: ignore[misc]
    """x + conv(silu(norm(conv(silu(norm(x))) + time))), each answer written over what it is made from."""

    def forward(self, input_tensor: Tensor, temb: Tensor | None, *args: Any, **kwargs: Any) -> Tensor:
        layers: Any = self
        if is_one(input_tensor) and rows_are_equal(temb) and not is_heard(*layers.children()):
            return computed_once(lambda x: self.forward(x, None if temb is None else temb[:1]), input_tensor)
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


def attended(attention: Any, x: Tensor, words: Tensor | None, onto: Tensor) -> Tensor:
    """onto + attention(x, words); x, onto: (batch, tokens, width)."""
    plain = isinstance(attention.processor, KernelProcessor) and isinstance(attention.to_out[0], QuickLinear)
    if not plain or is_heard(attention):  # those who listen hear the answer of the attention alone
        answer: Tensor = attention(x, encoder_hidden_states=words) + onto
    else:
        answer = attention(x, encoder_hidden_states=words, onto=onto)
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


def _is_usual(module: Any) -> bool:
    """Of the kind that Stable Diffusion 1, 2 and XL have."""
    usual = module.norm_type == "layer_norm" and module.pos_embed is None and not hasattr(module, "fuser")
    two = module.attn2 is not None and not module.only_cross_attention and not module.attn1.residual_connection
    return usual and two and _is_geglu(module.ff)


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
    BasicTransformerBlock: (QuickBlock, _is_usual),
    FeedForward: (QuickFeedForward, _is_geglu),
    Transformer2DModel: (QuickTransformer, _is_continuous),
    ResnetBlock2D: (QuickResnet, _is_plain),
}

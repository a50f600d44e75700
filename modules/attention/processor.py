"""An attention layer of diffusers' U-Net or VAE around a kernel of ours: everything but softmax(QK^T)V."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modules.attention.base import Compute

if TYPE_CHECKING:
    from torch import Tensor


class KernelProcessor:
    """What `Attention.set_processor` takes. Layers of SD 1.x, SD 2.x and SDXL have no masks and no other additions."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **others: Any
    ) -> Tensor:
        residual, shape = hidden_states, hidden_states.shape
        if len(shape) == 4:
            hidden_states = hidden_states.flatten(2).transpose(1, 2)
        if attn.group_norm is not None:
            hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
        seen = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (
            layer(states).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for layer, states in ((attn.to_q, hidden_states), (attn.to_k, seen), (attn.to_v, seen))
        )
        mixed = self._compute(q, k, v).transpose(1, 2).flatten(2)
        answer: Tensor = attn.to_out[1](attn.to_out[0](mixed))
        if len(shape) == 4:
            answer = answer.transpose(1, 2).reshape(shape)
        if attn.residual_connection:
            answer = answer + residual
        scaled: Tensor = answer / attn.rescale_output_factor
        return scaled

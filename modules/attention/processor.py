"""An attention layer of diffusers' U-Net or VAE around a kernel of ours: everything but softmax(QK^T)V."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from modules.attention.base import Compute
from modules.attention.lse import WithLse, beside
from modules.core.moments import WordAttention

if TYPE_CHECKING:
    from torch import Tensor

KEPT = 2  # words a layer knows: a prompt and a negative prompt of another length take turns
See = Callable[[WordAttention], None]


class KernelProcessor:
    """What `Attention.set_processor` takes. Layers of SD 1.x, SD 2.x and SDXL have no masks and no other additions.

    with_lse: the same to the bit, with the log-sum-exp, for layers that somebody watches.
    """

    def __init__(self, compute: Compute, with_lse: WithLse | None = None) -> None:
        self._compute = compute
        self._with_lse = with_lse or beside(compute)
        self._watches: WeakKeyDictionary[Any, list[tuple[str, See]]] = WeakKeyDictionary()
        self._known: WeakKeyDictionary[Any, OrderedDict[int, tuple[Tensor, Tensor, Tensor]]] = WeakKeyDictionary()

    def watch(self, attn: Any, name: str, see: See) -> None:
        """From now on `see` is shown what this cross-attention compares."""
        self._watches.setdefault(attn, []).append((name, see))

    def unwatch(self, attn: Any, see: See) -> None:
        """Not any more."""
        left = [one for one in self._watches.pop(attn, []) if one[1] is not see]
        if left:
            self._watches[attn] = left

    def _words(self, attn: Any, words: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the words (batch, tokens, width), computed once for the same tensor.

        Not kept for what a self-attention is given instead of its own tokens: that changes with every step.
        """
        known = self._known.setdefault(attn, OrderedDict())
        if id(words) in known:
            return known[id(words)][1:]
        k, v = (_by_heads(attn, layer(words)) for layer in (attn.to_k, attn.to_v))
        if attn.is_cross_attention:
            known[id(words)] = (words, k, v)  # while they are kept no others have their id
            if len(known) > KEPT:
                known.popitem(last=False)
        return k, v

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
        temb: Tensor | None = None,
        onto: Tensor | None = None,
    ) -> Tensor:
        """(batch, tokens, width) or (batch, c, h, w), like `hidden_states`.

        onto: what the answer is added to in the same pass; needs a last layer that can (`QuickLinear`).
        """
        residual, shape = hidden_states, hidden_states.shape
        if len(shape) == 4:
            hidden_states = hidden_states.flatten(2).transpose(1, 2)
        if attn.group_norm is not None:
            hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
        q = _by_heads(attn, attn.to_q(hidden_states))
        if encoder_hidden_states is None:
            k, v = (_by_heads(attn, layer(hidden_states)) for layer in (attn.to_k, attn.to_v))
        else:
            k, v = self._words(attn, encoder_hidden_states)
        if encoder_hidden_states is not None and (watches := self._watches.get(attn)):
            mixed, lse = self._with_lse(q, k, v)
            for name, see in watches:
                see(WordAttention(name, encoder_hidden_states, q, k, lse))
        else:
            mixed = self._compute(q, k, v)
        mixed = mixed.transpose(1, 2).flatten(2)
        last = attn.to_out[0]
        answer: Tensor = attn.to_out[1](last(mixed) if onto is None else last.onto(mixed, onto))
        if len(shape) == 4:
            answer = answer.transpose(1, 2).reshape(shape)
        if attn.residual_connection:
            answer = answer + residual
        return answer if attn.rescale_output_factor == 1 else answer / attn.rescale_output_factor


def _by_heads(attn: Any, projected: Tensor) -> Tensor:
    """(batch, tokens, heads * width) -> (batch, heads, tokens, width)."""
    batch, tokens, _ = projected.shape
    return projected.view(batch, tokens, attn.heads, -1).transpose(1, 2)

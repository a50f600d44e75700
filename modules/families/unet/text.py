"""From a prompt in A1111's grammar to what the U-Net attends to, with one text encoder or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from modules.core.errors import BadRequest
from modules.families.unet.kind import Kind, TextEncoder
from modules.text.chunks import Chunk, Words, chunks
from modules.text.tokenizer import EOS


def encode_prompt(
    networks: Mapping[str, Any], kind: Kind, prompt: str, clip_skip: int, words: Words, device: str
) -> tuple[Tensor, Tensor | None]:
    """Windows of 77 tokens, weighted and joined: (1, 77 * windows, width), and (1, width) pooled or None; both fp32.

    words: tokens that stand for embeddings. Raises BadRequest if clip_skip leaves no layer.
    """
    windows = chunks(prompt, words=words)
    answers = [_encoded(networks[encoder.part], encoder, kind, windows, clip_skip, device) for encoder in kind.encoders]
    states = torch.cat([states for states, _ in answers], dim=-1)
    return states, next((pooled for _, pooled in answers if pooled is not None), None)


def _encoded(
    network: Any, encoder: TextEncoder, kind: Kind, windows: tuple[Chunk, ...], clip_skip: int, device: str
) -> tuple[Tensor, Tensor | None]:
    """One encoder's states (1, 77 * windows, width), and the first window's pooled vector if it has one."""
    ids = torch.tensor([_padded(window.ids, encoder.pad) for window in windows], device=device)  # (windows, 77)
    weights = torch.tensor([window.weights for window in windows], device=device)
    answer = network(ids, output_hidden_states=True)
    states = _weighted(_states(network, answer, encoder, clip_skip if kind.skips else 1).float(), weights)
    return states.flatten(0, 1)[None], answer.text_embeds[:1].float() if encoder.projected else None


def _padded(ids: tuple[int, ...], pad: int) -> list[int]:
    """`pad` instead of every end mark but the first."""
    end = ids.index(EOS) + 1
    return [*ids[:end], *[pad] * (len(ids) - end)]


def _states(network: Any, answer: Any, encoder: TextEncoder, clip_skip: int) -> Tensor:
    """The output of the layer that is `clip_skip` from the end (1: the last), normalised: (windows, 77, width).

    SDXL's encoders give the layer before the last as it is.
    """
    hidden: tuple[Tensor, ...] = answer.hidden_states
    if encoder.penultimate:
        return hidden[-2]
    layers = network.config.num_hidden_layers
    if clip_skip > layers:
        raise BadRequest(f"clip skip {clip_skip} leaves no layer: this checkpoint's text encoder has {layers}")
    states: Tensor = network.final_layer_norm(hidden[-clip_skip])
    return states


def _weighted(states: Tensor, weights: Tensor) -> Tensor:
    """A1111's emphasis "Original": scale each token, then give each window its mean back."""
    if bool((weights == 1).all()):
        return states
    scaled = states * weights[..., None]
    return scaled * (states.mean((1, 2), keepdim=True) / scaled.mean((1, 2), keepdim=True))

"""From a prompt in A1111's grammar to what the U-Net of SD 1.x attends to."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import CLIPTextModel

from modules.core.errors import BadRequest
from modules.text.chunks import chunks


def encode_prompt(encoder: CLIPTextModel, prompt: str, clip_skip: int, device: str) -> Tensor:
    """Windows of 77 tokens, weighted and joined: (1, 77 * windows, width), fp32.

    Raises BadRequest if clip_skip leaves no layer.
    """
    windows = chunks(prompt)
    ids = torch.tensor([window.ids for window in windows], device=device)  # (windows, 77)
    weights = torch.tensor([window.weights for window in windows], device=device)
    states = _weighted(_states(encoder, ids, clip_skip).float(), weights)
    return states.flatten(0, 1)[None]


def _states(encoder: CLIPTextModel, ids: Tensor, clip_skip: int) -> Tensor:
    """The output of the layer that is `clip_skip` from the end (1: the last), normalised: (windows, 77, width)."""
    layers = encoder.config.num_hidden_layers
    if clip_skip > layers:
        raise BadRequest(f"clip skip {clip_skip} leaves no layer: this checkpoint's text encoder has {layers}")
    hidden: tuple[Tensor, ...] = encoder(ids, output_hidden_states=True).hidden_states
    states: Tensor = encoder.final_layer_norm(hidden[-clip_skip])
    return states


def _weighted(states: Tensor, weights: Tensor) -> Tensor:
    """A1111's emphasis "Original": scale each token, then give each window its mean back."""
    if bool((weights == 1).all()):
        return states
    scaled = states * weights[..., None]
    return scaled * (states.mean((1, 2), keepdim=True) / scaled.mean((1, 2), keepdim=True))

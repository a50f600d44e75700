"""A pack of drawn discs instead of the icon sets, and networks small enough for a second of training."""

from __future__ import annotations

import pytest
import torch

from modules.training.captions import caption_words
from modules.training.catalog import CONCEPTS, HANDS
from modules.training.pack import SPRITE_SIZE, Pack
from modules.training.tokens import tokenize

TINY_UNET = {
    "sample_size": 16,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": [8, 16, 16],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "cross_attention_dim": 8,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}
TINY_TEXT = {
    "vocab_size": 49408,
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "projection_dim": 8,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
}


@pytest.fixture(scope="session")
def pack() -> Pack:
    """One disc of its own colour for each (concept, hand)."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SPRITE_SIZE)] * 2, indexing="ij")
    disc = (x**2 + y**2 < 0.7).float()
    generator = torch.Generator().manual_seed(0)
    sprites = {}
    for slug in CONCEPTS.values():
        for hand in HANDS:
            colour = torch.zeros(3) if hand.monochrome else torch.rand(3, generator=generator)
            sprites[slug, hand.word] = torch.cat([colour[:, None, None] * disc, disc[None]])
    return Pack(sprites, {word: tokenize(word) for word in caption_words()})

"""A pack of drawn discs instead of the icon sets, and networks small enough for a second of training."""

from __future__ import annotations

import pytest
import torch

from modules.training.captions import caption_words
from modules.training.catalog import CONCEPTS, EXTRAS, HANDS, drawings
from modules.training.pack import SPRITE_SIZE, Pack
from modules.training.photos import HELD_OUT, TRAINING
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


COLOURS = ((0.9, 0.2, 0.2), (0.2, 0.7, 0.3), (0.2, 0.3, 0.9), (0.9, 0.8, 0.2))


@pytest.fixture(scope="session")
def pack() -> Pack:
    """A disc, in one of four colours, for each drawing and hand; photographs of noise."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SPRITE_SIZE)] * 2, indexing="ij")
    disc = (x**2 + 1.6 * y**2 < 0.7).float()
    discs = [torch.cat([torch.tensor(colour)[:, None, None] * disc, disc[None]]) for colour in COLOURS]
    black = torch.cat([torch.zeros(3, SPRITE_SIZE, SPRITE_SIZE), disc[None]])
    slugs = [slug for concept in CONCEPTS for slug in drawings(concept)] + list(EXTRAS)
    sprites = {
        (slug, hand.word): black if hand.monochrome else discs[(i + j) % len(discs)]
        for i, slug in enumerate(slugs)
        for j, hand in enumerate(HANDS)
    }
    generator = torch.Generator().manual_seed(0)
    photos = {name: torch.rand(3, 80, 100, generator=generator) for name in (*TRAINING, *HELD_OUT)}
    return Pack(sprites, {word: tokenize(word) for word in caption_words()}, photos)

"""Sharpening the decoder alone."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import torch

from modules.training.clock import Clock
from modules.training.loop import run_stage
from modules.training.pack import Pack
from modules.training.polish import FILE, decoder_stage
from modules.training.shapes import VAE, build_vae
from modules.training.vae import Pictures
from tests.training.test_data import some_renders


def test_the_decoder_learns_and_every_latent_stays(pack: Pack, tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae = build_vae({**VAE, "block_out_channels": [4, 4, 4], "norm_num_groups": 4})
    before = {name: weight.clone() for name, weight in vae.state_dict().items()}
    seconds = count()
    stage = decoder_stage(vae, Pictures(pack, some_renders(pack, 4), seed=1), batch=2)
    averaged = run_stage(stage, tmp_path / FILE, Clock(3, now=lambda: float(next(seconds))))
    moved = {name for name, weight in vae.state_dict().items() if not torch.equal(weight, before[name])}
    assert moved
    assert all(name.startswith(("decoder.", "post_quant_conv.")) for name in moved)
    assert set(averaged.weights) <= set(before)

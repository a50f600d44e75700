"""The documentation's pictures and the comparison of two small runs, at a second's size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modules.training import ablation, renders
from modules.training.ablation import Arm, Size
from modules.training.checkpoint import Ema, Progress, save_stage
from modules.training.copies import build_library
from modules.training.denoiser import TextToLatent
from modules.training.export import Trained, write_checkpoint
from modules.training.judge import Judge
from modules.training.maker import Maker
from modules.training.pack import Pack
from modules.training.renders import RenderSet
from modules.training.shapes import VAE, build_text_encoder, build_unet, build_vae
from modules.training.showcase import SEEDS, taffy
from modules.training.tokens import CompactVocabulary
from tests.training.conftest import TINY_TEXT, TINY_UNET
from tests.training.test_data import some_renders


def test_taffys_picture_shows_eight_seeds_above_their_nearest(pack: Pack) -> None:
    torch.manual_seed(0)
    vae = build_vae({**VAE, "block_out_channels": [4, 4, 4], "norm_num_groups": 4})
    model = TextToLatent(build_text_encoder(TINY_TEXT), build_unet(TINY_UNET)).eval()
    maker = Maker(model, vae.eval(), factor=1.0, steps=2, cfg=4.0)
    training: RenderSet = some_renders(pack, 12)
    picture = taffy(maker, build_library(torch.randn(12, 4, 16, 16)), training)
    assert picture.width == SEEDS * 128
    assert picture.height > 2 * 128


def test_both_arms_of_the_comparison_are_counted(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    vocabulary, vae = CompactVocabulary(pack.words), build_vae()
    model = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet())
    write_checkpoint(tmp_path / "start.safetensors", Trained(model, vae, 1.0, vocabulary, Progress(), Progress()))
    save_stage(tmp_path / "vae.pt", Progress(), vae, Ema(vae, 0.9), torch.optim.AdamW(vae.parameters()))
    for module in (renders, ablation):
        monkeypatch.setattr(module, "load_pack", lambda path: pack)
    size = Size(minutes=1e-6, training=6, unseen=6, prompts=2, steps=1)
    found = [
        Arm(tmp_path, tmp_path / "start.safetensors", name, size, Judge().eval()).result() for name in ablation.ARMS
    ]
    assert [arm["copies"]["n"] for arm in found] == [2, 2]
    assert found[0]["threshold"] != found[1]["threshold"]

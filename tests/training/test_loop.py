"""Time budget, pause file and resuming of a training stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from modules.training.checkpoint import load_ema
from modules.training.clock import Clock, learning_rate
from modules.training.denoiser import Batches, TextToLatent, denoiser_stage
from modules.training.latents import LatentSet
from modules.training.loop import Stage, run_stage
from modules.training.pack import Pack
from modules.training.scenes import draw_scene, read_holdouts
from modules.training.shapes import build_text_encoder, build_unet
from modules.training.tokens import CompactVocabulary
from tests.training.conftest import TINY_TEXT, TINY_UNET

STEPS = 30


def ticking() -> Callable[[], float]:
    """A time that goes on by one second at each look."""
    seconds = count()
    return lambda: float(next(seconds))


def tiny_stage(pack: Pack) -> Stage:
    torch.manual_seed(0)
    vocabulary = CompactVocabulary(pack.words)
    scenes = [draw_scene(np.random.default_rng(i), read_holdouts()) for i in range(8)]
    data = LatentSet(torch.randn(8, 4, 16, 16), scenes, scaling_factor=1.0, seconds=0.0)
    model = TextToLatent(build_text_encoder(TINY_TEXT, vocabulary.size), build_unet(TINY_UNET))
    return denoiser_stage(model, Batches(data, vocabulary, seed=1), batch=2)


def token_table(model: nn.Module) -> Tensor:
    (name,) = (name for name in model.state_dict() if name.endswith("token_embedding.weight"))
    table: Tensor = model.state_dict()[name]
    return table


def stopping_at(stage: Stage, last: int) -> Stage:
    """The same stage, killed by the user at a step."""

    def loss(step: int) -> Tensor:
        if step == last:
            raise KeyboardInterrupt
        return stage.loss(step)

    return replace(stage, loss=loss)


def test_a_killed_and_resumed_run_ends_bit_equal(pack: Pack, tmp_path: Path) -> None:
    whole = run_stage(tiny_stage(pack), tmp_path / "whole.pt", Clock(STEPS, now=ticking()))
    with pytest.raises(KeyboardInterrupt):
        killed = stopping_at(tiny_stage(pack), 25)
        run_stage(killed, tmp_path / "killed.pt", Clock(STEPS, now=ticking()), save_every=0)
    assert load_ema(tmp_path / "killed.pt")[0].step == 20
    resumed = run_stage(tiny_stage(pack), tmp_path / "killed.pt", Clock(STEPS, now=ticking()))
    assert load_ema(tmp_path / "killed.pt")[0] == load_ema(tmp_path / "whole.pt")[0]
    assert all(torch.equal(whole.weights[name], resumed.weights[name]) for name in whole.weights)


def test_the_row_of_unknown_words_stays_zero_while_the_others_learn(pack: Pack, tmp_path: Path) -> None:
    stage = tiny_stage(pack)
    before = token_table(stage.model).clone()
    run_stage(stage, tmp_path / "stage.pt", Clock(5, now=ticking()))
    after = token_table(stage.model)
    assert not after[0].any()
    assert not torch.equal(before[-1], after[-1])


def test_a_finished_stage_is_left_alone(pack: Pack, tmp_path: Path) -> None:
    run_stage(tiny_stage(pack), tmp_path / "stage.pt", Clock(5, now=ticking()))
    before = (tmp_path / "stage.pt").read_bytes()
    run_stage(tiny_stage(pack), tmp_path / "stage.pt", Clock(5, now=ticking()))
    assert (tmp_path / "stage.pt").read_bytes() == before


def test_paused_time_does_not_count(tmp_path: Path) -> None:
    pause = tmp_path / "PAUSE"
    pause.touch()
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 100:
            pause.unlink()

    seconds = iter([0.0, 1.0, 101.0, 102.0, 102.0])
    clock = Clock(10, pause, now=lambda: next(seconds), sleep=sleep)
    clock.tick()
    clock.tick()
    assert len(slept) == 100
    assert clock.used == 2.0


def test_the_rate_warms_up_holds_and_decays() -> None:
    assert learning_rate(0.0, 0, peak=1.0, warmup=10) == pytest.approx(0.1)
    assert learning_rate(0.5, 1000, peak=1.0, warmup=10) == 1.0
    assert learning_rate(0.875, 1000, peak=1.0, warmup=10) == pytest.approx(0.51)
    assert learning_rate(1.0, 1000, peak=1.0, warmup=10) == pytest.approx(0.02)

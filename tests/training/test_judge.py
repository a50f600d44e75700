"""The judge: what it answers, what is asked of it, and that it can learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modules.training.catalog import BACKGROUNDS, CONCEPTS
from modules.training.clock import Clock
from modules.training.figures import Figure
from modules.training.judge import JUDGE_FILE, PLAIN, QUESTIONS, Judge, load_judge, save_judge
from modules.training.judging import IGNORED, Lessons, answers, judge_stage, round_trips, spoil
from modules.training.loop import run_stage
from modules.training.renders import RenderSet
from modules.training.scenes import Scene
from modules.training.school import may_judge
from modules.training.shapes import VAE, build_vae

SCENE = Scene("castle", "flat", "", "blue", scale=0.8, shift=(0.0, 0.0), seed=3)


@pytest.fixture(scope="module")
def coloured() -> RenderSet:
    """24 plain pictures that show nothing but their background."""
    scenes = [replace(SCENE, background=BACKGROUNDS[i % len(BACKGROUNDS)].word) for i in range(24)]
    colours = np.array([BACKGROUNDS[i % len(BACKGROUNDS)].colour for i in range(24)])
    pictures = np.broadcast_to((colours * 255).astype(np.uint8)[:, :, None, None], (24, 3, 64, 64)).copy()
    return RenderSet(pictures, scenes)


def test_it_answers_every_question_about_every_picture() -> None:
    opinions = Judge().eval().names(torch.rand(2, 3, 96, 96))
    assert len(opinions) == 2
    assert opinions[0].concept in CONCEPTS
    for question, said in opinions[0].probabilities.items():
        assert set(said) == set(QUESTIONS[question])
        assert sum(said.values()) == pytest.approx(1, abs=1e-4)


def test_written_and_read_it_says_the_same(tmp_path: Path) -> None:
    judge, pictures = Judge().eval(), torch.rand(2, 3, 64, 64)
    save_judge(judge, tmp_path / "judge.safetensors")
    read = load_judge(tmp_path / "judge.safetensors")
    assert [o.concept for o in read.names(pictures)] == [o.concept for o in judge.names(pictures)]


def test_a_treated_picture_is_not_asked_for_its_hand_nor_a_neon_sign_for_its_background() -> None:
    right = answers([SCENE, replace(SCENE, treatment="comic"), replace(SCENE, treatment="neon sign")])
    assert right["hand"].tolist() == [QUESTIONS["hand"].index("flat"), IGNORED, IGNORED]
    assert right["treatment"][0] == QUESTIONS["treatment"].index(PLAIN)
    assert [int(b) == IGNORED for b in right["background"]] == [False, False, True]


def test_spoiling_moves_and_blurs_but_keeps_the_range() -> None:
    pictures = torch.rand(8, 3, 64, 64)
    spoilt = spoil(pictures, np.random.default_rng(0))
    assert spoilt.shape == pictures.shape
    assert spoilt.min() >= 0 and spoilt.max() <= 1
    assert torch.equal(spoilt, spoil(pictures, np.random.default_rng(0)))
    assert not torch.equal(spoilt, spoil(pictures, np.random.default_rng(1)))


def test_it_learns_what_it_is_shown(coloured: RenderSet, tmp_path: Path) -> None:
    torch.manual_seed(0)
    judge = Judge()
    seconds = iter(range(1000))
    stage = replace(judge_stage(judge, Lessons([coloured], [coloured.pictures], seed=1), batch=8), warmup=1)
    before = float(stage.loss(0).detach())
    run_stage(stage, tmp_path / "judge.pt", Clock(20, now=lambda: float(next(seconds))))
    assert float(stage.loss(0).detach()) < 0.7 * before


def test_a_round_trip_goes_through_the_autoencoder(coloured: RenderSet) -> None:
    torch.manual_seed(0)
    vae = build_vae({**VAE, "block_out_channels": [4, 4, 4], "norm_num_groups": 4})
    tripped = round_trips(vae, coloured.pictures[:3])
    assert tripped.shape == (3, 3, 64, 64)
    assert not np.array_equal(tripped, coloured.pictures[:3])


@pytest.mark.parametrize(("real", "trip", "may"), [(96, 91, True), (94, 91, False), (96, 89, False)])
def test_it_may_judge_only_if_it_knows_the_things_itself(real: int, trip: int, may: bool) -> None:
    marks = {"real": {"concept": Figure(real, 100, 0.01)}, "round trip": {"concept": Figure(trip, 100, 0.01)}}
    assert may_judge(marks) is may


@pytest.mark.skipif(not JUDGE_FILE.exists(), reason="the judge has not been trained yet")
def test_the_committed_judge_is_small_and_knows_every_thing() -> None:
    assert JUDGE_FILE.stat().st_size < 2_000_000
    assert load_judge().questions == QUESTIONS

"""A whole examination of a model of a second's size."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modules.training import evaluate, renders
from modules.training.card import card
from modules.training.checkpoint import save_atomically
from modules.training.evaluate import Evaluation
from modules.training.exam import mark, papers, prompt_of
from modules.training.export import describe, write_ldm
from modules.training.judge import Judge
from modules.training.maker import Maker, load_maker, token_ids
from modules.training.pack import Pack
from modules.training.scenes import Scene, read_holdouts
from modules.training.school import School
from modules.training.shapes import VAE, build_text_encoder, build_unet, build_vae
from tests.training.conftest import TINY_TEXT, TINY_UNET

COUNT = 6


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    torch.manual_seed(0)
    unet, text = build_unet(TINY_UNET), build_text_encoder(TINY_TEXT)
    vae = build_vae({**VAE, "block_out_channels": [4, 4, 4], "norm_num_groups": 4})
    file = tmp_path_factory.mktemp("maker") / "tiny.safetensors"
    write_ldm(file, unet, vae, text, describe(unet, vae, text, 0.7, card({"samples": 1})))
    return replace(load_maker(file), steps=2)


def test_the_examination_runs_from_prompts_to_files(
    maker: Maker, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (renders, evaluate):
        monkeypatch.setattr(module, "load_pack", lambda path: pack)
    save_atomically((torch.randn(20, 4, 16, 16).half(), 0.0), tmp_path / "latents.pt")
    school = School(tmp_path, training_count=20, vae=maker.vae, own=4, exam=8)
    Evaluation(maker, Judge().eval(), school, tmp_path).write(COUNT)
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["judge may judge"] is False
    assert set(found["judge"]) == {"real", "round trip"}
    assert [marks["concept"]["n"] for marks in found["papers"].values()] == [COUNT] * 5
    assert found["seen"]["concept"]["n"] == 2 * COUNT
    assert 0 <= found["copies"]["share"] <= 1
    assert "| concept |" in (tmp_path / "evaluation.md").read_text()
    assert {file.name for file in tmp_path.glob("*.webp")} == {"evaluation.webp", "nearest.webp"}


def test_seen_papers_hold_nothing_held_out_and_the_others_only_that() -> None:
    holdouts = read_holdouts()
    plain, treated, hand, treatment, ground = papers(holdouts, 60)
    for scene in (*plain.scenes, *treated.scenes):
        assert not holdouts.forbid(scene.concept, scene.hand, scene.treatment, scene.background)
    assert all((s.concept, s.hand) in holdouts.concept_hand and not s.treatment for s in hand.scenes)
    assert all((s.concept, s.treatment) in holdouts.concept_treatment for s in treatment.scenes)
    assert all((s.treatment, s.background) in holdouts.treatment_background for s in ground.scenes)
    assert {(s.concept, s.hand) for s in hand.scenes} == holdouts.concept_hand


def test_a_prompt_names_what_can_be_seen() -> None:
    scene = Scene("owl", "ink", "", "blue", 0.8, (0.0, 0.0), 1)
    assert prompt_of(scene) == "an ink owl on a blue background"
    assert prompt_of(replace(scene, treatment="comic")) == "comic of an owl on a blue background"
    assert prompt_of(replace(scene, treatment="neon sign")) == "neon sign of an owl"


def test_a_picture_of_what_was_asked_is_right_and_another_wrong() -> None:
    paper = papers(read_holdouts(), 4)[0]

    class Oracle(Judge):
        """Says what the paper asks for, whatever the picture."""

        def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
            blank = super().forward(pictures)
            places = [self.questions["concept"].index(scene.concept) for scene in paper.scenes]
            return {**blank, "concept": torch.eye(len(self.questions["concept"]))[places]}

    pictures = torch.rand(4, 3, 64, 64)
    assert mark(Oracle().eval(), paper, pictures)["concept"].right == 4
    assert mark(Judge().eval(), paper, pictures)["concept"].right < 4


def test_the_same_seed_makes_the_same_picture_alone_and_in_company(maker: Maker) -> None:
    alone = maker.decode(maker.latents(["a cat"], [3]))
    company = maker.decode(maker.latents(["a dog", "a cat"], [1, 3]))[1:]
    assert torch.allclose(alone, company, atol=0.02)
    assert not torch.allclose(alone, maker.decode(maker.latents(["a cat"], [4])), atol=0.02)


def test_a_prompt_is_padded_to_77() -> None:
    assert np.array(token_ids("a cat")).shape == (77,)

"""Scenes, captions, treatments and token ids of the training data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modules.text.tokenizer import BOS, EOS
from modules.training.captions import STRAY_WORD, describe
from modules.training.catalog import CONCEPTS, HAND_BY_WORD, HANDS, TREATMENTS
from modules.training.clock import Clock
from modules.training.compose import render
from modules.training.latents import CHUNK, LatentSet, encode_scenes
from modules.training.pack import Pack, icon_svg
from modules.training.scenes import Scene, draw_scene, read_holdouts
from modules.training.shapes import VAE, build_vae
from modules.training.tokens import UNKNOWN, CompactVocabulary, tokenize
from modules.training.treatments import TREAT
from modules.training.vae import Pictures

SCENE = Scene("castle", "flat", "", "blue", scale=0.8, shift=(0.0, 0.0), seed=3)


def scenes(seed: int, count: int) -> list[Scene]:
    return [draw_scene(np.random.default_rng((seed, i)), read_holdouts()) for i in range(count)]


def test_the_same_seed_draws_the_same_scenes_and_another_does_not() -> None:
    assert scenes(1, 50) == scenes(1, 50) != scenes(2, 50)


def test_the_same_step_gives_the_same_pictures_and_another_does_not(pack: Pack) -> None:
    pictures = Pictures(replace(pack, sprites=dict(pack.sprites)), read_holdouts(), seed=1)
    pictures.__dict__["extras"] = list(pack.sprites)[:3]
    assert torch.equal(pictures.batch(5, 4), pictures.batch(5, 4))
    assert not torch.equal(pictures.batch(5, 4), pictures.batch(6, 4))


def test_held_out_pairs_are_never_drawn() -> None:
    holdouts = read_holdouts()
    drawn = scenes(1, 5000)
    assert not {(s.concept, s.hand) for s in drawn} & holdouts.concept_hand
    assert not {(s.concept, s.treatment) for s in drawn} & holdouts.concept_treatment
    assert len({(s.concept, s.hand) for s in drawn}) == len(CONCEPTS) * len(HANDS) - len(holdouts.concept_hand)


def test_the_held_out_pairs_exist() -> None:
    holdouts = read_holdouts()
    assert all(concept in CONCEPTS and hand in HAND_BY_WORD for concept, hand in holdouts.concept_hand)
    assert all(concept in CONCEPTS and t in TREATMENTS for concept, t in holdouts.concept_treatment)


@pytest.mark.parametrize("treatment", ["", *TREATMENTS])
def test_every_treatment_gives_a_whole_picture_and_changes_it(pack: Pack, treatment: str) -> None:
    picture = render(replace(SCENE, treatment=treatment), pack.sprites)
    assert picture.shape == (3, 64, 64)
    assert picture.min() >= 0 and picture.max() <= 1
    assert torch.equal(picture, render(SCENE, pack.sprites)) == (treatment == "")


def test_every_treatment_has_its_words() -> None:
    assert set(TREAT) == set(TREATMENTS)


@pytest.mark.parametrize(("background", "brightness"), [("white", 0.0), ("black", 1.0), ("yellow", 0.0)])
def test_ink_is_white_where_black_would_not_be_seen(pack: Pack, background: str, brightness: float) -> None:
    picture = render(replace(SCENE, hand="ink", background=background), pack.sprites)
    assert torch.allclose(picture[:, 32, 32], torch.full((3,), brightness), atol=1e-3)


def test_every_caption_word_but_the_stray_one_has_token_ids(pack: Pack) -> None:
    rng = np.random.default_rng(0)
    words = {word for scene in scenes(1, 3000) for word in describe(scene, rng)}
    assert words - set(pack.words) == {STRAY_WORD}


def test_a_caption_names_its_concept_or_nothing(pack: Pack) -> None:
    rng = np.random.default_rng(0)
    captions = [describe(replace(SCENE, concept="frog"), rng) for _ in range(200)]
    assert all("frog" in caption for caption in captions if caption)
    assert 5 < sum(not caption for caption in captions) < 50


def test_ids_are_padded_with_eos_and_unknown_words_are_marked(pack: Pack) -> None:
    vocabulary = CompactVocabulary(pack.words)
    ids = vocabulary.encode(("a", "gruffalo", "castle"))
    assert ids.shape == (77,)
    assert ids[2] == UNKNOWN
    assert [vocabulary.known[i - 1] for i in ids[[0, 1, 3, 4, 76]]] == [
        BOS,
        *tokenize("a"),
        *tokenize("castle"),
        EOS,
        EOS,
    ]


def test_the_scattered_table_holds_each_trained_row_in_its_place(pack: Pack) -> None:
    vocabulary = CompactVocabulary(pack.words)
    table = torch.randn(vocabulary.size, 4)
    full = vocabulary.scatter(table)
    (castle,) = tokenize("castle")
    assert torch.equal(full[castle], table[vocabulary.encode(("castle",))[1]])
    assert full.any(1).sum() == vocabulary.size - 1  # every other row is zero


def test_an_alias_is_followed_to_its_drawing() -> None:
    icons = {"icons": {"car": {"body": "<g/>"}}, "aliases": {"auto": {"parent": "car"}}, "width": 36, "height": 36}
    svg = icon_svg(icons, "auto")
    assert svg is not None and "<g/>" in svg and 'viewBox="0 0 36 36"' in svg
    assert icon_svg(icons, "boat") is None


def test_latents_encoded_in_two_sittings_are_the_same(pack: Pack, tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae = build_vae({**VAE, "block_out_channels": [4, 4, 4], "norm_num_groups": 4})

    def encode(count: int, name: str) -> LatentSet:
        return encode_scenes(vae, pack, read_holdouts(), 1, count, tmp_path / name, Clock(1e9))

    encode(CHUNK, "twice.pt")
    first, second = encode(2 * CHUNK, "once.pt"), encode(2 * CHUNK, "twice.pt")
    assert torch.equal(first.latents, second.latents)
    assert first.scenes == second.scenes
    assert first.latents.std() == pytest.approx(1.0, abs=1e-3)

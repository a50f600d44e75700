"""Scenes, pictures, captions and token ids of the training data."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modules.text.tokenizer import BOS, EOS
from modules.training.captions import STRAY_WORD, describe
from modules.training.catalog import (
    BACKGROUND_BY_WORD,
    CONCEPTS,
    HAND_BY_WORD,
    HANDS,
    SAME_DRAWING,
    SYNONYMS,
    TREATMENT_SYNONYMS,
    TREATMENTS,
    drawings,
)
from modules.training.clock import Clock
from modules.training.compose import render
from modules.training.latents import CHUNK, LatentSet, encode_renders
from modules.training.pack import Pack, icon_svg, load_pack, thin_pack
from modules.training.photos import HELD_OUT, TRAINING
from modules.training.renders import Bytes, RenderSet
from modules.training.scenes import EMPHASIS, Holdouts, Scene, draw_scene, emphasised, read_holdouts
from modules.training.shapes import VAE, build_vae
from modules.training.tokens import UNKNOWN, CompactVocabulary, tokenize
from modules.training.treatments import TREAT
from modules.training.vae import Pictures
from modules.training.variation import NONE

SCENE = Scene("castle", "flat", "", "blue", scale=0.8, shift=(0.0, 0.0), seed=3)


def scenes(seed: int, count: int) -> list[Scene]:
    return [draw_scene(np.random.default_rng((seed, i)), read_holdouts()) for i in range(count)]


def some_renders(pack: Pack, count: int) -> RenderSet:
    """Scenes without their pictures' meaning: noise is enough where only the bookkeeping is tested."""
    pictures: Bytes = np.random.default_rng(0).integers(0, 256, (count, 3, 64, 64), dtype=np.uint8)
    return RenderSet(pictures, scenes(1, count))


def test_the_same_seed_draws_the_same_scenes_and_another_does_not() -> None:
    assert scenes(1, 50) == scenes(1, 50) != scenes(2, 50)


def test_the_autoencoder_sees_drawings_extras_photographs_and_textures_the_same_for_the_same_step(pack: Pack) -> None:
    pictures = Pictures(pack, some_renders(pack, 4), seed=1)
    assert torch.equal(pictures.batch(5, 6), pictures.batch(5, 6))
    assert not torch.equal(pictures.batch(5, 6), pictures.batch(6, 6))


def test_held_out_combinations_are_never_drawn() -> None:
    holdouts = read_holdouts()
    drawn = scenes(1, 6000)
    assert not {(s.concept, s.hand) for s in drawn} & holdouts.concept_hand
    assert not {(s.concept, s.treatment) for s in drawn} & holdouts.concept_treatment
    assert not {(s.treatment, s.background) for s in drawn} & holdouts.treatment_background
    assert len({(s.concept, s.hand) for s in drawn}) == len(CONCEPTS) * len(HANDS) - len(holdouts.concept_hand)


def test_without_hold_outs_they_would_be_drawn() -> None:
    drawn = [draw_scene(np.random.default_rng((1, i)), Holdouts()) for i in range(6000)]
    assert {(s.concept, s.hand) for s in drawn} & read_holdouts().concept_hand


def test_hard_treatments_are_drawn_more_often() -> None:
    some = [SCENE, replace(SCENE, treatment="pixel art")] * 50
    chosen = np.searchsorted(emphasised(some), np.random.default_rng(0).random(4000))
    assert (chosen % 2).mean() == pytest.approx(EMPHASIS["pixel art"] / (1 + EMPHASIS["pixel art"]), abs=0.03)


def test_no_held_out_drawing_shows_through_a_blend() -> None:
    blended = [scene for scene in scenes(1, 6000) if scene.blend]
    assert blended
    assert not {(s.concept, SAME_DRAWING[s.hand]) for s in blended} & read_holdouts().concept_hand


def test_the_held_out_pairs_exist_at_most_one_a_thing() -> None:
    holdouts = read_holdouts()
    assert all(concept in CONCEPTS and hand in HAND_BY_WORD for concept, hand in holdouts.concept_hand)
    assert all(concept in CONCEPTS and t in TREATMENTS for concept, t in holdouts.concept_treatment)
    assert all(t in TREATMENTS and b in BACKGROUND_BY_WORD for t, b in holdouts.treatment_background)
    for pairs in (holdouts.concept_hand, holdouts.concept_treatment):
        assert len({concept for concept, _ in pairs}) == len(pairs)


def test_every_taffy_by_van_gogh_is_held_out() -> None:
    assert ("taffy", "van gogh oil painting") in read_holdouts().concept_treatment


def test_what_the_first_starter_never_saw_is_still_held_out() -> None:
    assert {("castle", "soft"), ("frog", "ink"), ("mushroom", "ink")} <= read_holdouts().concept_hand
    assert {("guitar", "pixel art"), ("fox", "pencil sketch")} <= read_holdouts().concept_treatment


@pytest.mark.parametrize("treatment", ["", *TREATMENTS])
def test_every_treatment_changes_the_picture_and_always_in_the_same_way(pack: Pack, treatment: str) -> None:
    scene = replace(SCENE, treatment=treatment)
    picture = render(scene, pack.sprites)
    assert picture.shape == (3, 64, 64)
    assert picture.min() >= 0 and picture.max() <= 1
    assert torch.equal(picture, render(scene, pack.sprites))
    assert torch.equal(picture, render(SCENE, pack.sprites)) == (treatment == "")


def test_no_two_treatments_look_alike(pack: Pack) -> None:
    treated = [render(replace(SCENE, treatment=treatment), pack.sprites) for treatment in TREATMENTS]
    apart = [float((a - b).abs().mean()) for i, a in enumerate(treated) for b in treated[:i]]
    assert min(apart) > 0.03


def test_every_treatment_has_its_words() -> None:
    assert set(TREAT) == set(TREATMENTS)


def test_every_hand_finishes_the_same_drawing_differently(pack: Pack) -> None:
    same = {(slug, hand.word): pack.sprites[slug, "flat"] for slug, _ in pack.sprites for hand in HANDS}
    plain = {hand.word: render(replace(SCENE, hand=hand.word), same, NONE) for hand in HANDS}
    assert not any(torch.allclose(plain["flat"], plain[hand], atol=0.02) for hand in ("soft", "bold", "glossy", "ink"))


def test_the_same_seed_varies_a_drawing_the_same_way_and_another_differently(pack: Pack) -> None:
    first, again = (render(SCENE, pack.sprites) for _ in range(2))
    other = render(replace(SCENE, seed=4), pack.sprites)
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.005


def test_without_variation_every_seed_draws_the_same(pack: Pack) -> None:
    first, other = (render(replace(SCENE, seed=seed), pack.sprites, NONE) for seed in (3, 4))
    assert torch.allclose(first, other, atol=1e-5)


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


def test_every_treatment_is_asked_for_in_other_words_too() -> None:
    assert set(TREATMENT_SYNONYMS) == set(TREATMENTS)
    assert set(SYNONYMS) <= set(CONCEPTS)


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


def test_the_evaluation_pack_holds_every_held_out_sprite_and_no_trained_photograph(tmp_path: Path) -> None:
    tile = io.BytesIO()
    Image.new("RGBA", (4, 4), "red").save(tile, "WEBP")
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        for slug in (slug for concept in CONCEPTS for slug in drawings(concept)):
            for hand in HANDS:
                archive.writestr(f"{slug}.{hand.word}.webp", tile.getvalue())
        for name in (*TRAINING, *HELD_OUT):
            archive.writestr(f"photos/{name}", tile.getvalue())
        archive.writestr("words.json", "{}")
    thin_pack(tmp_path / "whole.zip", tmp_path / "thin.zip", count=300)
    thin = load_pack(tmp_path / "thin.zip")
    assert len(thin.sprites) == 300
    assert {(s, h) for c, h in read_holdouts().concept_hand for s in drawings(c)} <= set(thin.sprites)
    assert set(thin.photos) == set(HELD_OUT)


def test_latents_encoded_in_two_sittings_are_the_same(pack: Pack, tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae = build_vae({**VAE, "block_out_channels": [4, 4, 4], "norm_num_groups": 4})
    renders = some_renders(pack, CHUNK + 20)

    def encode(count: int, name: str) -> LatentSet:
        few = RenderSet(renders.pictures[:count], renders.scenes[:count])
        return encode_renders(vae, few, tmp_path / name, Clock(1e9))

    encode(CHUNK, "twice.pt")
    first, second = encode(CHUNK + 20, "once.pt"), encode(CHUNK + 20, "twice.pt")
    assert torch.equal(first.latents, second.latents)
    assert first.scenes == second.scenes
    assert first.latents.std() == pytest.approx(1.0, abs=1e-3)

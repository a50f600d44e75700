"""The checkpoint that ships with Taffy, once training has exported it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from modules.families.header import read_header
from modules.families.recognise import recognise
from modules.families.unet.family import UnetFamily
from modules.preview.linear import first_fit
from modules.text.vocabulary import unknown_words
from tests.checkpoints import load_family

STARTER = Path(__file__).parents[2] / "models" / "Stable-diffusion" / "starter.safetensors"
pytestmark = pytest.mark.skipif(not STARTER.exists(), reason=f"{STARTER.name} has not been exported yet")


@pytest.fixture(scope="module")
def starter() -> UnetFamily:
    return load_family(STARTER)


def test_it_is_recognised_with_its_downscale_factor_and_words() -> None:
    card = recognise("starter", read_header(STARTER))
    assert (card.family, card.downscale, card.native_size, card.prediction) == ("sd1", 4, 64, "v_prediction")
    assert {"concepts", "hands", "treatments", "backgrounds"} <= card.words.keys()
    assert {"cat", "taffy"} <= set(card.words["concepts"])
    assert len(card.words["concepts"]) >= 100
    assert len(card.words["hands"]) >= 5 and len(card.words["treatments"]) >= 6
    assert card.examples


def test_its_own_phrases_are_no_unknown_words() -> None:
    words = recognise("starter", read_header(STARTER)).words
    for prompt in ("a kitten at night", "pop art of a four leaf clover", "taffy, van gogh oil painting"):
        assert not unknown_words(prompt, words)
    assert [word.word for word in unknown_words("a gruffalo at night", words)] == ["gruffalo"]


def test_it_brings_its_evaluation_and_its_size_is_kept() -> None:
    with safe_open(STARTER, "pt") as file:
        card = json.loads(file.metadata()["taffy"])["card"]
    assert card["evaluation"]["judge may judge"] is True
    assert any("Noto" in line for line in card["licences"])
    assert STARTER.stat().st_size <= 60_000_000


def test_its_pictures_are_no_flat_grey(starter: UnetFamily) -> None:
    assert pictures(starter, ["a cat on a yellow background"])[1].std() > 0.1


def test_emphasis_keeps_its_conditioning_near(starter: UnetFamily) -> None:
    plain, weighted = (starter.encode_prompt(prompt, 1).embeddings for prompt in ("a red cat", "a (red:1.3) cat"))
    assert (weighted - plain).norm() < 0.5 * plain.norm()


def test_the_linear_preview_explains_most_of_unseen_pictures(starter: UnetFamily) -> None:
    latents, pixels = pictures(starter, list(starter.card.examples[:6]))
    assert first_fit(starter).r2(latents, pixels) >= 0.8


def pictures(starter: UnetFamily, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and pixels after 8 Euler steps with guidance."""
    uncond = starter.encode_prompt("", 1)
    levels = starter.noise_levels.sigmas
    sigmas = [levels[t] for t in range(999, -1, -142)]
    made = []
    for seed, prompt in enumerate(prompts):
        cond = starter.encode_prompt(prompt, 1)
        shape = (1, *starter.latent_shape(64, 64))
        x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * sigmas[0]
        for sigma, following in zip(sigmas, [*sigmas[1:], 0.0], strict=True):
            without = starter.denoise(x, sigma, uncond)
            x0 = without + starter.card.default_cfg * (starter.denoise(x, sigma, cond) - without)
            x = x + (x - x0) / sigma * (following - sigma)
        made.append(x)
    latents = torch.cat(made)
    return latents, starter.decode(latents)

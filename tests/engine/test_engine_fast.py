"""What a job does not compute twice: in fast mode deep features, always what the words mean to each layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modules.core.errors import BadRequest
from modules.core.request import GenerationRequest, parse_request
from modules.text.infotext import request_from_infotext, write_infotext
from tests.engine.conftest import Studio, scene, studio, white

__all__ = ["studio"]
FAST: dict[str, Any] = {"fast_every": 3}


def off(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference in levels."""
    return float(np.abs(one - other).mean())


@pytest.fixture
def calls(studio: Studio) -> list[int]:
    """Deep layers computed so far: one entry for each whole call."""
    heard: list[int] = []
    studio.family().networks["unet"].get_submodule("mid_block").register_forward_hook(lambda *_: heard.append(1))
    return heard


def test_every_third_step_is_whole(studio: Studio, calls: list[int]) -> None:
    (fast,) = studio.pictures(**FAST, steps=7)
    assert len(calls) == 3
    (exact,) = studio.pictures(steps=7)
    assert len(calls) == 3 + 7
    assert 0 < off(fast, exact) < off(studio.pictures(steps=7, seed=99)[0], exact)


def test_a_picture_of_a_batch_is_the_one_it_would_be_alone(studio: Studio) -> None:
    together = studio.pictures(**FAST, count=2, batch_size=2)
    alone = studio.pictures(**FAST, seed=4)
    assert np.abs(together[1] - alone[0]).max() <= 1
    assert off(together[0], together[1]) > 2


@pytest.mark.parametrize("way", ["hires", "img2img", "inpaint", "series", "two calls a step", "without guidance"])
def test_it_goes_every_way_a_picture_is_made(studio: Studio, calls: list[int], way: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "hires": {"hires_scale": 2, "hires_upscaler": "Latent"},
        "img2img": {"image": scene(), "strength": 0.8},
        "inpaint": {"image": scene(), "mask": white((8, 8, 40, 40)), "strength": 0.8},
        "series": {"style_mode": "series", "count": 2, "batch_size": 2},
        "two calls a step": {"sampler": "Heun"},
        "without guidance": {"cfg_scale": 1.0},
    }
    exact = studio.pictures(**ways[way])
    whole = len(calls)
    fast = studio.pictures(**ways[way], **FAST)
    assert 0 < len(calls) - whole <= 0.6 * whole
    assert all(0 < off(one, other) < 40 for one, other in zip(fast, exact, strict=True))


def test_prompts_that_alternate_have_deep_features_of_their_own(studio: Studio, calls: list[int]) -> None:
    studio.pictures(prompt="[cat|rocket]", fast_every=4, steps=8)
    assert len(calls) == 4, "each word once in four steps"


def test_afterwards_pictures_are_exact_again(studio: Studio) -> None:
    before = studio.pictures()
    studio.pictures(**FAST)
    assert np.array_equal(studio.pictures(), before)


def test_injection_needs_every_step() -> None:
    values: dict[str, Any] = {"style_mode": "inject", "image": "a", "style_images": ["b"], **FAST}
    with pytest.raises(BadRequest, match="needs every step whole: set fast mode to 1"):
        parse_request(values)


def test_the_infotext_says_that_a_picture_is_fast_and_how() -> None:
    text = write_infotext(GenerationRequest(fast_every=3, fast_layers=2, seed=1), {})
    assert "Fast every: 3, Fast layers: 2" in text
    request, notes = request_from_infotext(text)
    assert (request.fast_every, request.fast_layers, notes) == (3, 2, ())
    assert "Fast" not in write_infotext(GenerationRequest(seed=1), {})


def test_words_are_projected_to_keys_and_values_once_a_job_and_not_once_a_step(studio: Studio) -> None:
    heard: list[str] = []
    unet = studio.family().networks["unet"]
    names = [name for name, _ in unet.named_modules() if name.endswith(("attn2.to_k", "attn2.to_v"))]
    for name in names:
        unet.get_submodule(name).register_forward_hook(lambda *_, name=name: heard.append(name))
    studio.pictures(steps=6)
    assert sorted(heard) == sorted(names)
    heard.clear()
    studio.pictures(steps=6, prompt="[cat:rocket:0.5]")
    assert sorted(heard) == sorted(names * 2), "and once more for other words"

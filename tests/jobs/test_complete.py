"""What is left open is filled; what cannot be is refused with what was given and what is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modules.core.errors import BadRequest, UnknownName
from modules.core.request import MAX_SEED, GenerationRequest
from modules.hooks import Control
from modules.jobs.complete import complete
from tests.workers import NOISE_CARD

SEEDED = GenerationRequest(seed=7)
CONTROLS = [
    Control("on", "Invert the picture", "checkbox", default=False, extension="invert"),
    Control("amount", "How much", "slider", default=0.5, minimum=0, maximum=2, extension="blur"),
    Control("kind", "Kind of blur", "choice", default="box", choices=("box", "round"), extension="blur"),
    Control("note", "Note", "text", default="", extension="blur"),
]


def completed(**values: Any) -> GenerationRequest:
    return complete(replace(SEEDED, **values), NOISE_CARD, CONTROLS)


def test_open_fields_are_filled_from_the_card() -> None:
    request = completed()
    assert (request.checkpoint, request.width, request.height) == ("noise", 64, 64)


def test_what_was_given_is_kept() -> None:
    asked = {"width": 32, "height": 128, "prompt": "", "extras": {"invert.on": True, "blur.amount": 2}}
    request = completed(**asked)
    assert {name: getattr(request, name) for name in asked} == asked


def test_a_negative_seed_becomes_a_random_32_bit_one() -> None:
    seeds = {completed(seed=-1).seed for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_names_get_their_own_spelling() -> None:
    request = completed(sampler=" euler A", schedule="KARRAS", preview="Linear")
    assert (request.sampler, request.schedule, request.preview) == ("Euler a", "karras", "linear")


@pytest.mark.parametrize("preview", ["automatic", "off"])
def test_a_preview_may_be_left_to_the_worker_or_out(preview: str) -> None:
    assert completed(preview=preview).preview == preview


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"width": 63}, "width: noise makes pictures in multiples of 8 pixels, at least 8; got 63"),
        ({"height": 4}, "height: .*at least 8; got 4"),
        ({"sampler": "Dreamy"}, "there is no sampler called 'Dreamy'"),
        ({"schedule": "soon"}, "there is no schedule called 'soon'"),
        ({"preview": "3d"}, "there is no preview called '3d'"),
        ({"seed": MAX_SEED, "count": 2}, "2 pictures from seed 9007199254740991 on pass the largest seed"),
        ({"extras": {"gone.on": True}}, "no extension has a control called 'gone.on'"),
        ({"extras": {"invert.on": "yes"}}, "Invert the picture cannot be 'yes'"),
        ({"extras": {"blur.amount": 2.5}}, "How much cannot be 2.5"),
        ({"extras": {"blur.amount": True}}, "How much cannot be True"),
        ({"extras": {"blur.kind": ["box"]}}, "Kind of blur cannot be"),
        ({"extras": {"blur.note": "a lone half of a pair: \ud800"}}, "Note cannot be"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        completed(**values)


@pytest.mark.parametrize(("given", "advice"), [(63, "try 56 or 64"), (65, "try 64 or 72"), (3, "try 8")])
def test_a_size_off_the_grid_comes_with_the_nearest_that_fit(given: int, advice: str) -> None:
    with pytest.raises(BadRequest) as refused:
        completed(width=given)
    assert refused.value.advice == advice


def test_unknown_names_come_with_the_known_ones() -> None:
    with pytest.raises(UnknownName) as refused:
        completed(sampler="Dreamy")
    assert "Euler a" in refused.value.advice
    with pytest.raises(BadRequest) as refused_extra:
        completed(extras={"gone.on": True})
    assert "invert.on" in refused_extra.value.advice


def test_a_native_size_cannot_push_a_picture_over_64_megapixels() -> None:
    with pytest.raises(BadRequest, match="64 megapixels"):
        complete(replace(SEEDED, width=65_536), replace(NOISE_CARD, native_size=1024), CONTROLS)

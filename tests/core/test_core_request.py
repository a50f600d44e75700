"""The request: what it takes, what it refuses, and how it says so."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from modules.core.errors import BadRequest
from modules.core.request import MAX_SEED, GenerationRequest, parse_request, turns


def test_an_empty_request_is_fine() -> None:
    assert parse_request({}) == GenerationRequest()
    assert GenerationRequest().prompt == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"steps": 151}, "steps must be at most 150, got 151"),
        ({"steps": 1.5}, "steps must be a whole number"),
        ({"cfg_scale": nan}, "CFG scale must be a finite number, got nan"),
        ({"cfg_scale": inf}, "CFG scale must be a finite number, got inf"),
        ({"cfg_scale": -inf}, "CFG scale must be a finite number, got -inf"),
        ({"cfg_scale": "nan"}, "CFG scale must be a finite number, got 'nan'"),
        ({"cfg_scale": -0.1}, "CFG scale must be at least 0"),
        ({"cfg_scale": 100.1}, "CFG scale must be at most 100"),
        ({"width": -8}, "width must be at least 0, got -8"),
        ({"height": 65_537}, "height must be at most 65536, got 65537"),
        ({"width": 8_001, "height": 8_000}, "a picture may have at most 64 megapixels, got 8001x8000"),
        ({"seed": -2}, "seed must be at least -1, got -2"),
        ({"seed": MAX_SEED + 1}, "seed must be at most 9007199254740991"),
        ({"count": 0}, "count must be at least 1, got 0"),
        ({"count": 65}, "count must be at most 64, got 65"),
        ({"batch_size": 17}, "batch size must be at most 16, got 17"),
        ({"clip_skip": 13}, "clip skip must be at most 12, got 13"),
        ({"noise_source": "gpu"}, "noise source must be 'nv' or 'cpu', got 'gpu'"),
        ({"prompt": "x" * 20_001}, "prompt may have at most 20000 characters"),
        (
            {"earlier_variations": "12"},
            "earlier variations: write seed:strength with commas between, such as 12:0.15, 99:0.4; got '12'",
        ),
        ({"earlier_variations": "1:2"}, "earlier variations: a seed is 0 to 9007199254740991 and a strength 0 to 1"),
        ({"earlier_variations": "1:nan"}, "earlier variations: a seed is 0 to 9007199254740991 and a strength 0 to 1"),
        ({"earlier_variations": "-1:0.5"}, "earlier variations: a seed is 0 to 9007199254740991 and a strength 0 to 1"),
        ({"earlier_variations": ",".join(["1:0.5"] * 21)}, "earlier variations: at most 20 turns are kept, got 21"),
        ({"prompt": None}, "prompt must be text, got None"),
        ({"stepz": 20}, "stepz: Unexpected keyword argument, got 20"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(values: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_request(values)
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    "values",
    [
        {"steps": 1},
        {"steps": 150},
        {"cfg_scale": 0},
        {"cfg_scale": 100},
        {"width": 8_000, "height": 8_000},
        {"width": 65_536},
        {"seed": MAX_SEED},
        {"seed": -1},
        {"count": 64},
        {"prompt": "x" * 20_000},
    ],
)
def test_the_ends_of_the_ranges_are_allowed(values: dict[str, object]) -> None:
    request = parse_request(values)
    assert all(getattr(request, name) == value for name, value in values.items())


def test_every_wrong_value_is_told_at_once() -> None:
    with pytest.raises(BadRequest, match=r"steps .*; count "):
        parse_request({"steps": 0, "count": 0})


def test_a_long_wrong_value_is_cut_in_the_sentence() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_request({"steps": "x" * 10_000})
    assert len(caught.value.message) < 300


def test_a_key_that_is_no_text_is_refused_with_a_sentence() -> None:
    with pytest.raises(BadRequest, match="the request cannot be read"):
        parse_request({3: 4})  # type: ignore[dict-item]


def test_a_changed_copy_is_checked_again() -> None:
    with pytest.raises(ValidationError):
        replace(GenerationRequest(), steps=0)


def test_a_request_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        GenerationRequest().steps = 3  # type: ignore[misc]


@given(
    steps=st.integers(1, 150),
    cfg_scale=st.floats(0, 100),
    seed=st.integers(-1, MAX_SEED),
    prompt=st.text(max_size=200),
    extras=st.dictionaries(st.text(max_size=9), st.booleans() | st.integers(-9, 9) | st.text(max_size=9), max_size=3),
)
def test_json_and_back_is_the_same_request(**values: object) -> None:
    request = parse_request(values)
    adapter = TypeAdapter(GenerationRequest)
    assert adapter.validate_json(adapter.dump_json(request)) == request


def test_turns_are_read_in_their_order() -> None:
    assert turns(" 12:0.15, 9:1 ,12:.5") == ((12, 0.15), (9, 1.0), (12, 0.5))
    assert turns("") == turns(" ") == ()

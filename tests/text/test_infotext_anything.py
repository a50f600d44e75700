"""Any request comes back out of its text, and no text raises."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modules.core.request import GenerationRequest
from modules.text.infotext import SCHEDULES, request_from_infotext, write_infotext

WORDS = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(
            ["Steps: 20, Sampler: Euler a, Seed: 1", "\n", '"', "{", "a cat", ": ", ",", "\\", "\r", " ", "Version: x"]
        )
    ).map("".join),
)
NAMES = st.text(min_size=1, max_size=12)
REQUESTS = st.builds(
    GenerationRequest,
    prompt=st.one_of(WORDS, st.tuples(WORDS, WORDS).map("\nNegative prompt: ".join)),
    negative_prompt=WORDS,
    checkpoint=st.one_of(st.just(""), NAMES),
    sampler=NAMES,
    schedule=st.sampled_from(sorted(SCHEDULES.values())),
    steps=st.integers(1, 150),
    cfg_scale=st.floats(0, 100),
    width=st.integers(0, 8000),
    height=st.integers(0, 8000),
    seed=st.integers(-1, 2**53 - 1),
    variation_seed=st.integers(-1, 2**53 - 1),
    variation_strength=st.floats(0, 1),
    earlier_variations=st.sampled_from(["", "12:0.15", "12:0.15, 99:0.4"]),
    clip_skip=st.integers(1, 12),
    noise_source=st.sampled_from(["nv", "cpu"]),
    extras=st.dictionaries(
        st.from_regex(r"[a-z][a-z_-]{0,8}\.[a-z_-]{1,8}", fullmatch=True),
        st.one_of(st.booleans(), st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), WORDS),
        max_size=3,
    ),
)


@settings(max_examples=400, deadline=None)
@given(REQUESTS)
@example(GenerationRequest(prompt="\n", negative_prompt="\n"))
@example(GenerationRequest(prompt="a\nNegative prompt: b"))
@example(GenerationRequest(prompt="  Negative prompt: b", negative_prompt=" c"))
@example(GenerationRequest(prompt="a\nSteps: 20, Sampler: x, Seed: 5", negative_prompt="Steps: 1, Size: 2x2, Seed: 3"))
def test_writing_and_reading_gives_the_same_request(request_: GenerationRequest) -> None:
    assert request_from_infotext(write_infotext(request_, {"Version": "Taffy 0.1.0"})) == (request_, ())


def test_a_negative_prompt_with_its_own_heading_is_the_known_exception() -> None:
    request, _ = request_from_infotext(
        write_infotext(replace(GenerationRequest("a cat"), negative_prompt="a\nNegative prompt: b"), {})
    )
    assert (request.prompt, request.negative_prompt) == ("a cat\nNegative prompt: a", "b")


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from([*':,"{}[]\\\n ab1', "Steps: ", "Size: ", "Seed"])).map("".join)))
def test_no_text_raises(text: str) -> None:
    request_from_infotext(text)


@pytest.mark.parametrize(
    "hostile", ["a: [", "a:[1,", '{"a":', 'a: "', " ", "a", "a: {,", '\\"', "Negative prompt:\n", "a:1,"]
)
def test_a_megabyte_of_hostility_takes_seconds_at_most(hostile: str) -> None:
    start = time.process_time()
    request_from_infotext("Steps: 1, Seed: 2, x: " + hostile * (1_000_000 // len(hostile)))
    assert time.process_time() - start < 8

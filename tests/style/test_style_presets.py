"""The presets as data, and what they do to a request."""

from __future__ import annotations

import pytest

from modules.core.errors import UnknownName
from modules.core.request import GenerationRequest
from modules.style.presets import PRESETS, with_preset


def test_there_are_at_least_24_presets_in_several_groups() -> None:
    assert len(PRESETS) >= 24
    assert len({PRESETS[name].group for name in PRESETS}) >= 4


def test_no_preset_says_what_another_says() -> None:
    assert len({PRESETS[name].prompt for name in PRESETS}) == len(PRESETS)


def test_a_preset_surrounds_the_subject_and_joins_the_negative_prompt() -> None:
    request = with_preset(GenerationRequest(prompt="a cat", negative_prompt="dog", style_preset="pencil sketch"))
    assert request.prompt.startswith("a cat, pencil sketch, ")
    assert request.negative_prompt == "dog, colour, photo, painting"


def test_without_a_subject_no_comma_is_left_over() -> None:
    request = with_preset(GenerationRequest(style_preset="Pencil sketch"))
    assert request.prompt.startswith("pencil sketch, ")
    assert request.negative_prompt == "colour, photo, painting"


def test_words_that_are_there_are_not_said_twice() -> None:
    once = with_preset(GenerationRequest(prompt="a cat", style_preset="Comic"))
    assert with_preset(once) == once


def test_no_preset_leaves_the_request_alone_and_a_wrong_one_is_refused() -> None:
    plain = GenerationRequest(prompt="a cat")
    assert with_preset(plain) is plain
    with pytest.raises(UnknownName, match="no style preset called 'Vang'"):
        with_preset(GenerationRequest(style_preset="Vang"))

"""Prompts with one word left out."""

from __future__ import annotations

import pytest

from modules.text.without import without_words


@pytest.mark.parametrize(
    ("prompt", "word", "left"),
    [
        ("a castle on a hill", "castle", "a on a hill"),
        ("castle", "castle", ""),
        ("a (red:1.3) fox", "red", "a fox"),
        ("a ((red)) fox", "red", "a fox"),
        ("a (red fox:1.3)", "red", "a (fox:1.3)"),
        ("oil painting, castle, night", "castle", "oil painting, night"),
        ("castle, night", "castle", "night"),
        ("a [cat:dog:0.5] here", "dog", "a [cat::0.5] here"),
        ("a fox AND snow :0.5", "snow", "a fox AND:0.5"),
        ("a t-shirt", "t-shirt", "a"),
    ],
)
def test_a_word_goes_and_the_rest_stays(prompt: str, word: str, left: str) -> None:
    assert (word, left) in without_words(prompt)


def test_what_is_no_word_is_not_left_out() -> None:
    prompt = "a fox <lora:snow:0.8> BREAK [cat:dog:5] AND (a moon:1.2) # a comment"
    assert [word for word, _ in without_words(prompt)] == ["a", "fox", "cat", "dog", "a", "moon"]


def test_a_word_that_stands_twice_is_left_out_once() -> None:
    assert [left for _, left in without_words("cat cat")] == ["cat", "cat"]

"""The grammar of wildcards, and that the seed decides."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from modules.hooks import BadRequest
from modules.hooks.front_host import FrontHost

HOST = FrontHost([Path(__file__).parents[2] / "extensions"])
HOST.load()
WORDS: Any = next(module for name, module in sys.modules.items() if name.endswith(".words") and "extension_" in name)
LISTS = {"animal": ["cat", "dog"], "scene": ["a __animal__ at night"], "circle": ["__circle__"], "old_house": ["ruin"]}


def lines(name: str) -> list[str]:
    if name not in LISTS:
        raise LookupError("/folder")
    return LISTS[name]


def expanded(prompt: str, seed: int = 1) -> str:
    text: str = WORDS.expanded(prompt, seed, lines)
    return text


def test_the_same_seed_says_the_same_and_others_say_others() -> None:
    prompt = "{a|b|c|d|e|f} __animal__"
    assert expanded(prompt, 5) == expanded(prompt, 5)
    assert len({expanded(prompt, seed) for seed in range(40)}) > 6


def test_lists_and_choices_may_be_inside_each_other() -> None:
    assert expanded("__scene__") in {"a cat at night", "a dog at night"}
    assert {expanded("{x {y|z}|__animal__}", seed) for seed in range(40)} == {"x y", "x z", "cat", "dog"}
    assert expanded("__old_house__") == "ruin"


def test_a_share_makes_a_word_more_frequent() -> None:
    found = Counter(expanded("{9::red|blue}", seed) for seed in range(500))
    assert 0.85 < found["red"] / 500 < 0.95


def test_several_are_different_ones() -> None:
    for seed in range(20):
        one, other = expanded("{2$$red|green|blue}", seed).split(", ")
        assert one != other


def test_braces_that_are_no_choice_stay() -> None:
    assert expanded("{word} {{x}}") == "{word} {{x}}"
    assert expanded(r"\{a|b\}") == "{a|b}"


def test_a_list_that_is_not_there_is_named_with_its_place() -> None:
    with pytest.raises(BadRequest, match="'weather'") as refused:
        expanded("__weather__")
    assert "weather.txt" in refused.value.advice
    assert "/folder" in refused.value.advice


def test_a_circle_of_lists_ends() -> None:
    with pytest.raises(BadRequest, match="more than 20"):
        expanded("__circle__")

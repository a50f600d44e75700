"""Words a small checkpoint knows, and those it does not."""

from __future__ import annotations

import pytest

from modules.text.vocabulary import Unknown, scenery, unknown_words, vocabulary

WORDS = {"concepts": ("cat", "castle"), "treatments": ("van gogh oil painting",), "licences": ("soft: Noto Emoji",)}


def test_a_misspelt_word_comes_with_the_nearest_known_one() -> None:
    assert unknown_words("a kat on a castle", WORDS) == (Unknown("kat", "cat"),)


def test_a_word_like_no_other_comes_alone_and_once() -> None:
    assert unknown_words("zeppelin, Zeppelin zeppelin", WORDS) == (Unknown("zeppelin", ""), Unknown("Zeppelin", ""))


@pytest.mark.parametrize(
    "prompt", ["", "A CAT", "the cats in the style of van gogh", "(castle:1.2) 42", "<lora:kat:1> BREAK cat AND cat's"]
)
def test_known_words_function_words_and_grammar_are_fine(prompt: str) -> None:
    assert unknown_words(prompt, WORDS) == ()


def test_words_of_the_examples_are_known() -> None:
    assert unknown_words("a cat at night", WORDS, ["a castle at night"]) == ()
    assert unknown_words("a cat at night", WORDS) == (Unknown("night", ""),)


def test_a_checkpoint_without_words_knows_everything() -> None:
    assert unknown_words("a kat", {}) == ()


def test_licences_are_no_vocabulary() -> None:
    assert "licences" not in vocabulary(WORDS)
    assert unknown_words("emoji", WORDS) == (Unknown("emoji", ""),)


CARD = {
    "concepts": ("fox", "cat", "pencil", "pizza", "apple"),
    "hands": ("bold",),
    "treatments": ("pencil sketch", "watercolor", "van gogh oil painting"),
    "backgrounds": ("red", "blue"),
    "synonyms": (
        *("kitten", "slice of pizza", "red apple", "t-rex", "watercolour", "technical drawing", "van gogh"),
        *("at night", "on a grey background"),
    ),
}


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [
        ("a bold fox, van gogh oil painting, on a blue background", "van gogh oil painting, on a blue background"),
        ("pencil sketch of a pencil on a blue background", "pencil sketch on a blue background"),
        ("a kitten at night", "at night"),
        ("watercolour of the foxes", "watercolour"),
        ("a slice of pizza on a grey background", "on a grey background"),
        ("a red apple, red background", "red background"),
        ("technical drawing of a T-rex", "technical drawing"),
        ("A CAT, van gogh", "van gogh"),
        ("a zeppelin over the sea", "a zeppelin over the sea"),
        ("a cat", ""),
    ],
)
def test_scenery_is_a_prompt_without_its_thing(prompt: str, rest: str) -> None:
    assert scenery(prompt, CARD) == rest


def test_a_checkpoint_that_knows_much_is_asked_for_all_of_the_prompt() -> None:
    assert scenery("a bold fox, masterpiece", {}) == "a bold fox, masterpiece"

"""Which words of a prompt a small checkpoint has never seen, and the nearest it knows. Knows no prompt grammar beyond
leaving `<lora:...>` and `BREAK` alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

FUNCTION_WORDS = frozenset(
    {"a", "an", "and", "the", "of", "on", "in", "at", "to", "with", "by", "from", "for", "as", "is", "under", "over"}
    | {"or", "it", "its", "this", "that", "these", "into", "onto", "inside", "beside", "behind", "between", "very"}
    | {"near", "style", "background", "painting", "drawing", "picture", "photo", "art", "image"}
)
PLURALS = (("s", ""), ("es", ""), ("ies", "y"))
NOT_VOCABULARY = frozenset({"licences"})  # kinds of a card's words that nobody writes into a prompt
NEAR = 0.6  # difflib's ratio from which two words look alike

_LEFT_ALONE = re.compile(r"<[^>]*>|\bBREAK\b|\bAND\b")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Unknown:
    """A word as it stands in the prompt. nearest: a known word that looks like it, or "" if none does."""

    word: str
    nearest: str


def vocabulary(words: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """A card's words by kind, without what is no vocabulary."""
    return {kind: tuple(known) for kind, known in words.items() if kind not in NOT_VOCABULARY}


def unknown_words(prompt: str, words: Mapping[str, Iterable[str]], examples: Iterable[str] = ()) -> tuple[Unknown, ...]:
    """The words of a prompt that are neither in a card's words nor in its examples, each once, in their order.

    Empty for a card without words: such a checkpoint knows too much to list.
    """
    phrases = [phrase for known in vocabulary(words).values() for phrase in known]
    if not phrases:
        return ()
    taught = {word.casefold() for phrase in phrases for word in _WORD.findall(phrase)}
    known = taught | FUNCTION_WORDS | {word.casefold() for text in examples for word in _WORD.findall(text)}
    found = dict.fromkeys(_WORD.findall(_LEFT_ALONE.sub(" ", prompt)))
    return tuple(Unknown(word, _nearest(word, taught)) for word in found if not _is_known(word.casefold(), known))


def _is_known(word: str, known: set[str]) -> bool:
    """Also as the plural of a known word, and as a single letter (what an apostrophe leaves)."""
    singles = {word.removesuffix(ending) + single for ending, single in PLURALS if word.endswith(ending)}
    return len(word) == 1 or word in known or not known.isdisjoint(singles)


def _nearest(word: str, taught: set[str]) -> str:
    return next(iter(get_close_matches(word.casefold(), sorted(taught), 1, NEAR)), "")

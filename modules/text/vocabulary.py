"""What the words of a prompt are to a small checkpoint: unknown, with the nearest it knows; a thing; or its manner and
place. Knows no prompt grammar beyond leaving `<lora:...>` and `BREAK` alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

PLACE_WORDS = frozenset({"on", "in", "at", "under", "over", "inside", "beside", "behind", "between", "near"})
MANNER_WORDS = frozenset({"style", "background", "painting", "drawing", "picture", "photo", "art", "image"})
FUNCTION_WORDS = (
    PLACE_WORDS
    | MANNER_WORDS
    | {"a", "an", "and", "the", "of", "to", "with", "by", "from", "for", "as", "is", "very"}
    | {"or", "it", "its", "this", "that", "these", "into", "onto"}
)
PLURALS = (("s", ""), ("es", ""), ("ies", "y"))
NOT_VOCABULARY = frozenset({"licences"})  # kinds of a card's words that nobody writes into a prompt
NEAR = 0.6  # difflib's ratio from which two words look alike
SAME = 0.85  # and from which they are the same in another spelling

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


def scenery(prompt: str, words: Mapping[str, Iterable[str]]) -> str:
    """A prompt without the thing that is drawn and the hand that draws it, but with its manner and its place:
    "a bold fox, oil painting, on a blue background" -> "oil painting, on a blue background".

    words: of a card; where it names no concepts the prompt is left as it is.
    """
    if not words.get("concepts"):
        return prompt
    kept = {phrase.casefold() for phrase in _manners(words)}
    drawn = {phrase for kind in ("concepts", "hands", "synonyms") for phrase in words.get(kind, ())}
    longest = sorted(drawn | kept, key=len, reverse=True)
    named = re.compile(rf"\b(?:of )?(?:an? |the )?({'|'.join(map(re.escape, longest))})(?:s|es)?\b", re.IGNORECASE)
    rest = named.sub(lambda found: found[0] if found[1].casefold() in kept else " ", prompt)
    return ", ".join(" ".join(part.split()) for part in rest.split(",") if part.strip())


def _manners(words: Mapping[str, Iterable[str]]) -> set[str]:
    """The phrases of a card that say how a thing is drawn or where it is; a card tells no synonyms of these from those
    of things, but they begin with a word of place, or share one with a treatment ("watercolour")."""
    treatments = set(words.get("treatments", ()))
    told = MANNER_WORDS | {word.casefold() for phrase in treatments for word in _WORD.findall(phrase)}
    return treatments | {
        phrase
        for phrase in words.get("synonyms", ())
        if phrase.split()[0] in PLACE_WORDS
        or any(get_close_matches(word.casefold(), told, 1, SAME) for word in _WORD.findall(phrase))
    }

"""A text as CLIP's windows of 77 tokens, each token with its weight; and where its words stand among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modules.core.moments import Word
from modules.text.prompt import BREAK, parse_attention, prompt_plan
from modules.text.tokenizer import BOS, EOS, clip_tokenizer

COMMA = 267
BACKTRACK = 20  # a window that overflows this soon after a comma ends at the comma

WORD = re.compile(
    r"[\w\u2600-\u27bf\U0001f000-\U0001faff]+(?:[-'’.][\w]+)*"
)  # "t-shirt" and a cat's face are words, "," is none

Token = tuple[int, float, tuple[int, str] | None]
"""id, weight, and the word it is of: its number in the text and itself; None for signs."""

Words = Mapping[tuple[int, ...], tuple[int, ...]]  # tokens of an embedding's name -> the ids that stand for its vectors


@dataclass(frozen=True)
class Chunk:
    """One window: BOS, the tokens, EOS up to the end. ids and weights: size + 2 of each; marks weigh 1."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def chunks(text: str, size: int = 75, words: Words | None = None) -> tuple[Chunk, ...]:
    """The windows of a text in A1111's attention grammar; at least one. size: tokens of a window without its marks.

    words: what is replaced before windows are filled; of two that begin alike the longer one. No window splits one.
    """
    return tuple(_padded(tokens, size) for tokens in _windows(text, size, words or {}))


def count_tokens(prompt: str, size: int = 75, steps: int = 20) -> int:
    """How many tokens a prompt takes, as A1111 counts: full windows are `size`, only the last one is counted out.

    Of a prompt with AND or schedules: its longest text.
    """
    texts = {text for part in prompt_plan(prompt, steps) for _, text in part.schedule}
    windows = [_windows(text, size, {}) for text in texts]
    return max((len(filled) - 1) * size + len(filled[-1]) for filled in windows)


def words_of(text: str, size: int = 75, words: Words | None = None) -> tuple[Word, ...]:
    """The words of a text in order, and where their tokens stand in its windows joined, marks counted.

    size, words: as in `chunks`. Words are what stands between spaces and signs; one of several tokens is one word.
    """
    found: dict[tuple[int, str], list[tuple[int, float]]] = {}
    for number, window in enumerate(_windows(text, size, words or {})):
        for place, (_, weight, word) in enumerate(window):
            if word is not None:
                found.setdefault(word, []).append((number * (size + 2) + 1 + place, weight))
    return tuple(Word(word, tuple(at for at, _ in places), places[0][1]) for (_, word), places in found.items())


def _windows(text: str, size: int, words: Words) -> list[list[Token]]:
    tokenizer = clip_tokenizer()
    full: list[list[Token]] = []
    window: list[Token] = []
    for number, (piece, weight) in enumerate(parse_attention(text)):
        if (piece, weight) == (BREAK, -1.0):
            full.append(window)
            window = []
            continue
        encoded = tokenizer.encode(piece, add_special_tokens=False)
        spelt = _spelt(piece, encoded.offsets, number * len(text))
        for at, tokens in _replaced(encoded.ids, words):
            if len(window) + len(tokens) > size:
                end = len(window) if tokens[0] == COMMA or len(tokens) > 1 else _last_comma(window)
                full.append(window[:end])
                window = window[end:]
            window += [(token, weight, spelt[at]) for token in tokens]
    return [*full, window] if window or not full else full


def _spelt(piece: str, offsets: Sequence[tuple[int, int]], first: int) -> list[tuple[int, str] | None]:
    """For each token the word it is of, numbered from `first` on; None for signs."""
    found = [(match.start(), match.end(), match[0]) for match in WORD.finditer(piece)]
    words = []
    for start, end in offsets:
        whose = (number for number, (begin, stop, _) in enumerate(found) if begin < end and start < stop)
        number = next(whose, None)
        words.append(None if number is None else (first + number, found[number][2]))
    return words


def _replaced(ids: Sequence[int], words: Words) -> Iterator[tuple[int, Sequence[int]]]:
    """The ids one by one, and the ids of a word together where its tokens stand; each with the place of the first."""
    at = 0
    names = sorted(words, key=len, reverse=True)
    while at < len(ids):
        name = next((name for name in names if tuple(ids[at : at + len(name)]) == name), None)
        yield at, words[name] if name else ids[at : at + 1]
        at += len(name) if name else 1


def _last_comma(window: list[Token]) -> int:
    """Where to cut a full window: behind its last comma if that is near the end, else at the end."""
    size = len(window)
    near = range(size - 1, max(size - BACKTRACK, 0) - 1, -1)
    return next((i + 1 for i in near if window[i][0] == COMMA), size)


def _padded(tokens: list[Token], size: int) -> Chunk:
    ids = [token for token, _, _ in tokens]
    missing = size + 1 - len(ids)
    return Chunk((BOS, *ids, *[EOS] * missing), (1.0, *(weight for _, weight, _ in tokens), *[1.0] * missing))

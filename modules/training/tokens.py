"""CLIP token ids of caption words, and the compact table that is trained instead of 49,408 rows."""

from __future__ import annotations

from functools import cache

from torch import Tensor, tensor, zeros

from modules.text.tokenizer import BOS, EOS, clip_tokenizer

VOCABULARY_SIZE = 49408
CONTEXT = 77
UNKNOWN = 0  # compact id of every word that no caption has: its row stays zero


def tokenize(text: str) -> list[int]:
    """CLIP's ids of a text, without BOS and EOS."""
    ids: list[int] = clip_tokenizer().encode(text, add_special_tokens=False).ids
    return ids


class CompactVocabulary:
    """Numbers the token ids that occur in captions 1..n, and everything else 0."""

    def __init__(self, words: dict[str, list[int]]) -> None:
        self.words = words
        self.known = sorted({BOS, EOS, *(i for ids in words.values() for i in ids)})
        self._compact = {full: i + 1 for i, full in enumerate(self.known)}
        self.size = len(self.known) + 1
        self.eos = self._compact[EOS]
        self.encode = cache(self._encode)

    def _encode(self, words: tuple[str, ...]) -> Tensor:
        """Compact ids of a caption, padded to 77 with EOS: (77,). A word not in the table is unknown."""
        ids = [self._compact[BOS]]
        for word in words:
            ids += [self._compact[i] for i in self.words[word]] if word in self.words else [UNKNOWN]
        ids = ids[: CONTEXT - 1]
        return tensor(ids + [self.eos] * (CONTEXT - len(ids)))

    def scatter(self, table: Tensor) -> Tensor:
        """Spread trained rows (size, hidden) over CLIP's table (49408, hidden); other rows are zero."""
        full = zeros(VOCABULARY_SIZE, table.shape[1], dtype=table.dtype)
        full[self.known] = table[1:]
        return full

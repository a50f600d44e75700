"""CLIP token ids of a caption word, and the compact table that is trained instead of 49,408 rows."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from torch import Tensor, tensor, zeros

Tokenize = Callable[[str], list[int]]

VOCABULARY_SIZE = 49408
BOS, EOS = 49406, 49407
CONTEXT = 77
MERGES = slice(1, 48895)  # the lines of bpe_simple_vocab_16e6.txt that CLIP uses
UNKNOWN = 0  # compact id of every word that no caption has: its row stays zero


def clip_tokenizer(merges: Path) -> Tokenize:
    """CLIP's BPE from a gzipped merges file, or from the open_clip_torch wheel that contains it."""
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    lines = _merge_lines(merges)
    pairs = [tuple(line.split()) for line in lines]
    letters = list(bytes_to_unicode().values())
    pieces = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in pairs)]
    vocabulary = {piece: i for i, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=pairs)

    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    return tokenize


def _merge_lines(path: Path) -> list[str]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            data = wheel.read("open_clip/bpe_simple_vocab_16e6.txt.gz")
    else:
        data = path.read_bytes()
    lines = gzip.decompress(data).decode("utf-8").splitlines()
    return lines[MERGES] if len(lines) > MERGES.stop else lines


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

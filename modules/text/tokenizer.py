"""CLIP's tokenizer without torch, transformers or the hub: the same ids as transformers' `CLIPTokenizer`.

`clip_merges.txt.gz` holds lines 1..48894 of OpenAI's `bpe_simple_vocab_16e6.txt` (MIT), taken from open_clip_torch.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

BOS, EOS = 49406, 49407
BOS_TEXT, EOS_TEXT = "<|startoftext|>", "<|endoftext|>"
MERGES = Path(__file__).with_name("clip_merges.txt.gz")
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@cache
def clip_tokenizer() -> Tokenizer:
    """The tokenizer of every CLIP text encoder: 49,408 ids, BOS 49406, EOS 49407.

    `encode(text)` puts BOS and EOS around the ids; `encode(text, add_special_tokens=False)` does not. Text is
    composed (NFC) and lower-cased first. Nothing is cut or padded. Safe to use from many threads.
    """
    merges = [_pair(line) for line in gzip.decompress(MERGES.read_bytes()).decode().splitlines()]
    letters = _byte_letters()
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    vocabulary = {piece: i for i, piece in enumerate([*pieces, BOS_TEXT, EOS_TEXT])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=EOS_TEXT))
    tokenizer.add_special_tokens([BOS_TEXT, EOS_TEXT])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        (EOS_TEXT, EOS), (BOS_TEXT, BOS), trim_offsets=False, add_prefix_space=False
    )
    return tokenizer


def _pair(line: str) -> tuple[str, str]:
    left, right = line.split(" ")
    return left, right


def _byte_letters() -> list[str]:
    """One printable letter per byte in CLIP's order (Radford 2019): bytes that print first, then the others."""
    printing = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printing] + [chr(256 + n) for n in range(256 - len(printing))]

"""CLIP's ids come out as transformers gives them, whatever the text."""

from __future__ import annotations

import gzip
import subprocess
import sys
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.text.tokenizer import BOS, EOS, MERGES, clip_tokenizer

STRINGS = (
    "",
    "a cat",
    "A Photo of  an ASTRONAUT\n\triding a horse, (masterpiece:1.2)",
    "it's we're they'll i'd can't 'tis",
    "café vs cafe\u0301, NAÏVE ÅNGSTRÖM İstanbul ß",
    "🙂👨‍👩‍👧 family 🇩🇪",
    "桜の木の下の猫、最高品質 한국어 العربية",
    "<lora:LCM_15:1>, <lora:a b:0.5:0.7>",
    "8k 1girl 12345 v1-5-pruned.safetensors",
    "<|endoftext|> inside <|startoftext|>and out",
    "<|ENDOFTEXT|> <|startofText|>x<|endoftext|>",
    "\u00a0\u2003wide\u3000spaces\u200bzero\ufeff",
    "\x00\x01\x7f\u0085 control",
    "ǅ ﬁ Ω ½ ² Ⅷ",
    "a" * 3000,
)


@cache
def theirs():  # type: ignore[no-untyped-def]  # transformers is not followed by mypy
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    merges = [tuple(line.split()) for line in gzip.decompress(MERGES.read_bytes()).decode().splitlines()]
    letters = list(bytes_to_unicode().values())
    pieces = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    vocabulary = {piece: i for i, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges)


@pytest.mark.parametrize("text", STRINGS)
def test_ids_equal_transformers(text: str) -> None:
    assert clip_tokenizer().encode(text).ids == theirs()(text)["input_ids"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(STRINGS[:-1])), max_size=6).map("".join))
def test_ids_equal_transformers_for_any_text(text: str) -> None:
    ours = clip_tokenizer().encode(text, add_special_tokens=False).ids
    assert ours == theirs()(text, add_special_tokens=False)["input_ids"]


def test_a_known_sentence_has_its_published_ids() -> None:
    """The ids in the CLIP model cards: "a photo of a cat"."""
    assert clip_tokenizer().encode("a photo of a cat").ids == [BOS, 320, 1125, 539, 320, 2368, EOS]


def test_another_word_has_another_id() -> None:
    assert clip_tokenizer().encode("a photo of a dog").ids == [BOS, 320, 1125, 539, 320, 1929, EOS]


def test_every_id_has_a_piece() -> None:
    assert clip_tokenizer().get_vocab_size() == 49408
    assert clip_tokenizer().id_to_token(BOS) == "<|startoftext|>"
    assert clip_tokenizer().id_to_token(EOS) == "<|endoftext|>"


def test_it_is_built_once() -> None:
    assert clip_tokenizer() is clip_tokenizer()


def test_the_whole_package_needs_neither_torch_nor_transformers() -> None:
    check = """
import sys
from modules.text import chunks, infotext, prompt, tokenizer
chunks.count_tokens("a cat")
print(*{"torch", "transformers", "diffusers"} & {*sys.modules})
"""
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout == "\n"

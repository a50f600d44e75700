from __future__ import annotations

import pytest

from modules.core.errors import BadRequest
from modules.text.networks import LoraTag, take_lora_tags


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<lora:ink>", LoraTag("ink", 1, 1)),
        ("<lora:ink:0.8>", LoraTag("ink", 0.8, 0.8)),
        ("<lora:ink:.8:-0.5>", LoraTag("ink", 0.8, -0.5)),
        ("<lora:ink:unet=0.5>", LoraTag("ink", 1, 0.5)),
        ("<lora:ink:te=0.2:unet=0.5>", LoraTag("ink", 0.2, 0.5)),
        ("<lyco:in/ink fine:1>", LoraTag("in/ink fine", 1, 1)),
    ],
)
def test_a_tag_says_how_much_of_which_file(tag: str, expected: LoraTag) -> None:
    assert take_lora_tags(f"a cat {tag}, sitting") == ("a cat , sitting", (expected,))


def test_several_tags_keep_their_order() -> None:
    assert [tag.name for tag in take_lora_tags("<lora:b:1> and <lora:a:1>")[1]] == ["b", "a"]


def test_a_tag_in_a_comment_says_nothing() -> None:
    assert take_lora_tags("a cat # <lora:a:1>") == ("a cat ", ())


def test_other_angles_stay_text() -> None:
    assert take_lora_tags("<3 and <b:c>") == ("<3 and <b:c>", ())


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("<lora:a:much>", "weights in <lora:a:much> are not numbers"),
        ("<lora:a:dyn=4>", "says 'dyn'; known are te and unet"),
        ("<hypernet:a:1>", "hypernetworks are not supported"),
    ],
)
def test_what_cannot_be_done_is_said(tag: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        take_lora_tags(tag)

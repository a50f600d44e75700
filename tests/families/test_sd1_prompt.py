from __future__ import annotations

import pytest
import torch

from modules.core.errors import BadRequest
from modules.families.unet.family import UnetFamily
from modules.text.chunks import chunks


def ids_of(prompt: str) -> torch.Tensor:
    return torch.tensor([chunks(prompt)[0].ids])


def test_an_unweighted_prompt_is_exactly_transformers_own_answer(tiny: UnetFamily) -> None:
    expected = tiny.text_encoder(ids_of("a red cat")).last_hidden_state
    assert torch.equal(tiny.encode_prompt("a red cat", 1).embeddings, expected)


def test_clip_skip_two_is_the_layer_before_the_last_normalised(tiny: UnetFamily) -> None:
    hidden = tiny.text_encoder(ids_of("a cat"), output_hidden_states=True).hidden_states[-2]
    expected = tiny.text_encoder.final_layer_norm(hidden)
    assert torch.equal(tiny.encode_prompt("a cat", 2).embeddings, expected)
    assert not torch.allclose(tiny.encode_prompt("a cat", 1).embeddings, expected)


def test_a_clip_skip_that_leaves_no_layer_is_refused(tiny: UnetFamily) -> None:
    with pytest.raises(BadRequest, match="clip skip 3 leaves no layer: this checkpoint's text encoder has 2"):
        tiny.encode_prompt("a cat", 3)


def test_weights_scale_tokens_and_keep_the_mean(tiny: UnetFamily) -> None:
    plain = tiny.encode_prompt("a red cat", 1).embeddings
    weighted = tiny.encode_prompt("a (red:1.5) cat", 1).embeddings
    weights = torch.ones(77)
    weights[2] = 1.5
    scaled = plain * weights[None, :, None]
    torch.testing.assert_close(weighted, scaled * (plain.mean() / scaled.mean()))
    assert weighted.mean() == pytest.approx(float(plain.mean()), rel=1e-4)
    assert not torch.allclose(weighted, plain)


def test_each_window_is_weighted_for_itself(tiny: UnetFamily) -> None:
    both = tiny.encode_prompt("(cat:1.4) BREAK dog", 1).embeddings
    torch.testing.assert_close(both[:, :77], tiny.encode_prompt("(cat:1.4)", 1).embeddings)
    torch.testing.assert_close(both[:, 77:], tiny.encode_prompt("dog", 1).embeddings)


def test_a_long_prompt_takes_more_windows(tiny: UnetFamily) -> None:
    assert tiny.encode_prompt("cat " * 100, 1).embeddings.shape == (1, 154, 32)


def test_the_empty_prompt_is_one_window(tiny: UnetFamily) -> None:
    assert tiny.encode_prompt("", 1).embeddings.shape == (1, 77, 32)

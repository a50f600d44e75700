"""Looking at cross-attention: exact columns of the softmax, and nothing changes by being looked at."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from modules.attention.base import KERNELS
from modules.attention.lse import fused, log_sum_exp
from modules.attention.watching import watching
from modules.core.errors import BadRequest
from modules.core.moments import WordAttention
from tests.checkpoints import tiny_unet

torch.set_num_threads(1)


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_the_fused_kernel_says_the_same_with_and_without_its_sums() -> None:
    q, k, v = (randn(2, tokens, 3, 40).transpose(1, 2) for tokens in (300, 77, 77))
    mixed, lse = fused(q, k, v)
    assert torch.equal(mixed, KERNELS["sdpa"].compute(q, k, v))
    torch.testing.assert_close(lse, log_sum_exp(q, k), atol=1e-5, rtol=0)


@pytest.mark.parametrize("sums", [lambda q, k: fused(q, k, k)[1], log_sum_exp], ids=["fused", "computed"])
def test_the_shares_are_the_softmax_and_add_up_to_one(sums: Any) -> None:
    q, k = 3 * randn(2, 3, 300, 40), randn(2, 3, 154, 40) + 0.1
    look = WordAttention("layer", k[:, 0], q, k, sums(q, k))
    explicit = (q @ k.transpose(-1, -2) / 40**0.5).softmax(-1).mean(1).transpose(1, 2)  # (rows, tokens, places)
    found = look.probabilities([0, 1], range(154))
    assert (found - explicit).abs().max() < 1e-5
    assert (found.sum(1) - 1).abs().max() < 1e-5
    torch.testing.assert_close(look.probabilities([1], [5, 9]), found[1:, [5, 9]])


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", KERNELS)
def test_a_network_that_is_watched_answers_the_same_to_the_bit(name: str, device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA card here")
    if reason := KERNELS[name].why_not(device):
        pytest.skip(reason)
    torch.manual_seed(0)
    kind = torch.float16 if device == "cuda" else torch.float32  # as xformers wants it
    network: Any = tiny_unet().eval().to(device, kind)
    KERNELS[name].use(network)
    layers = [layer for layer, _ in network.named_modules() if layer.endswith("attn2")]
    words, x = randn(2, 77, 32).to(device, kind), randn(2, 4, 12, 16).to(device, kind)
    seen: list[WordAttention] = []
    with torch.no_grad():
        alone = network(x, 500, words).sample
        with watching(network, seen.append, layers[1:]):
            watched = network(x, 500, words).sample
        network(x, 400, words)
    assert torch.equal(alone, watched)
    assert sorted(look.layer for look in seen) == sorted(layers[1:]), "each layer once, and none after the end"
    assert all(look.words is words for look in seen)


def test_a_kernel_of_somebody_else_cannot_be_watched() -> None:
    network: Any = tiny_unet().eval()
    (layer, *_) = [layer for layer, _ in network.named_modules() if layer.endswith("attn2")]
    with pytest.raises(BadRequest, match="cannot be watched"), watching(network, print, [layer]):
        pass

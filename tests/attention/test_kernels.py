from __future__ import annotations

from typing import Any
from weakref import ref

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from modules.attention.base import KERNELS
from modules.attention.lse import fused, log_sum_exp
from modules.attention.sdpa import in_vectors
from tests.checkpoints import tiny_unet, tiny_vae

torch.set_num_threads(1)
RUNNING = [name for name in KERNELS if not KERNELS[name].why_not("cpu")]


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", RUNNING)
@pytest.mark.parametrize("tokens", [1, 77, 512, 513, 1100])
def test_a_kernel_computes_attention_for_any_number_of_tokens(name: str, tokens: int) -> None:
    q, k, v = randn(2, 3, tokens, 8), randn(2, 3, 77, 8), randn(2, 3, 77, 8)
    torch.testing.assert_close(KERNELS[name].compute(q, k, v), scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("tokens", [1, 77, 80, 154, 515])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keys_that_only_fill_a_vector_count_nothing(tokens: int, dtype: torch.dtype) -> None:
    q, k, v = randn(2, 3, 64, 40).to(dtype), randn(2, 3, tokens, 40).to(dtype), randn(2, 3, tokens, 40).to(dtype) + 9
    more, _, mask = in_vectors(k, v)
    assert (more.shape[2], mask is None) == {1: (16, False), 77: (80, False), 154: (160, False)}.get(
        tokens, (tokens, True)
    )
    found, (watched, lse) = KERNELS["sdpa"].compute(q, k, v), fused(q, k, v)
    torch.testing.assert_close(found, scaled_dot_product_attention(q, k, v))
    torch.testing.assert_close(lse, log_sum_exp(q, k), atol=2e-2, rtol=2e-2)
    assert torch.equal(watched, found)


@pytest.mark.parametrize("name", RUNNING)
@pytest.mark.parametrize("build", [tiny_unet, tiny_vae])
def test_a_network_answers_the_same_with_every_kernel(name: str, build: Any) -> None:
    """As with diffusers' own: self- and cross-attention of the U-Net, the VAE's attention over a picture."""
    torch.manual_seed(0)
    network = build().eval()

    def answer() -> torch.Tensor:
        with torch.no_grad():
            if "Autoencoder" in type(network).__name__:
                found: torch.Tensor = network.decode(randn(1, 4, 8, 6)).sample
            else:
                found = network(randn(2, 4, 8, 6), 500, randn(2, 77, 32)).sample
            return found

    expected = answer()
    KERNELS[name].use(network)
    torch.testing.assert_close(answer(), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["flash", "sage", "cudnn"])
def test_what_a_fused_kernel_of_cards_cannot_take_goes_to_pytorchs_own(name: str) -> None:
    """A VAE in fp32, and its one head of 512 in half precision."""
    for q in (randn(1, 1, 8, 40), randn(1, 1, 8, 512).bfloat16()):
        assert torch.equal(KERNELS[name].compute(q, q, q), KERNELS["sdpa"].compute(q, q, q))


def test_chunked_leaves_the_precision_of_other_products_as_it_was() -> None:
    q = randn(1, 1, 8, 8).bfloat16()
    KERNELS["chunked"].compute(q, q, q)
    assert torch.get_float32_matmul_precision() == "highest"


def test_keys_and_values_of_words_are_computed_again_only_for_other_words() -> None:
    torch.manual_seed(0)
    network: Any = tiny_unet().eval()
    calls = []
    for name, module in network.named_modules():
        if name.endswith("attn2.to_k"):
            module.register_forward_hook(lambda *_: calls.append(1))
    layers = sum(name.endswith("attn2.to_k") for name, _ in network.named_modules())
    KERNELS["sdpa"].use(network)
    words, others = randn(2, 77, 32), randn(2, 77, 32) + 1
    with torch.no_grad():
        first = [network(randn(2, 4, 8, 6), step, words).sample for step in (500, 400)]
        assert len(calls) == layers
        between = network(randn(2, 4, 8, 6), 500, others).sample
        assert len(calls) == 2 * layers
        assert torch.equal(network(randn(2, 4, 8, 6), 500, words).sample, first[0])
    assert not torch.equal(between, first[0])


def counted(network: Any, layer: str) -> list[int]:
    """Grows by one with each call of a layer of this name."""
    calls: list[int] = []
    for name, module in network.named_modules():
        if name.endswith(layer):
            module.register_forward_hook(lambda *_: calls.append(1))
    return calls


def test_a_prompt_and_a_negative_prompt_of_another_length_take_turns() -> None:
    network: Any = tiny_unet().eval()
    KERNELS["sdpa"].use(network)
    calls = counted(network, "attn2.to_k")
    prompts = randn(1, 154, 32), randn(1, 77, 32)
    with torch.no_grad():
        for step in (500, 400, 300):
            for words in prompts:
                network(randn(1, 4, 8, 6), step, words)
        once = len(calls)
        network(randn(1, 4, 8, 6), 200, randn(1, 77, 32))
    layers = sum(name.endswith("attn2.to_k") for name, _ in network.named_modules())
    assert (once, len(calls)) == (2 * layers, 3 * layers)


def test_what_a_self_attention_is_given_instead_of_its_own_tokens_is_not_kept() -> None:
    network: Any = tiny_unet().eval()
    KERNELS["sdpa"].use(network)
    layer = next(module for name, module in network.named_modules() if name.endswith("attn1"))
    features = randn(1, 48, layer.query_dim)
    gone = ref(features)
    with torch.no_grad():
        layer(randn(1, 48, layer.query_dim), encoder_hidden_states=features)
    del features
    assert gone() is None

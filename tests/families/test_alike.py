"""Rows that are equal are computed once until they meet words, and answered as if each had been."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.core.family import Conditioning
from modules.families.unet.alike import as_one, is_one
from modules.families.unet.quick import has_one_dnn, quicken, waits_for_words
from tests.checkpoints import KINDS, load_family, tiny_checkpoint, tiny_networks, tiny_unet

torch.set_num_threads(1)
pytestmark = pytest.mark.skipif(not has_one_dnn(), reason="this torch has no oneDNN")


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def unet() -> Any:
    torch.manual_seed(0)
    network = tiny_unet().eval()
    network.set_attn_processor(kernel())
    quicken(network)
    return network


def kernel() -> Any:
    from modules.attention.processor import KernelProcessor
    from modules.attention.sdpa import Sdpa

    return KernelProcessor(Sdpa().compute)


@torch.no_grad()
def answer(network: Any, x: Tensor, rows: int = 3) -> Tensor:
    found: Tensor = network(x, 500, randn(rows, 77, 32)).sample
    return found


def rows_seen(network: Any, name: str, x: Tensor) -> int:
    """How many rows a layer computes. Its forward is watched from outside of PyTorch's hooks, which ask for all."""
    layer: Any = network.get_submodule(name)
    seen: list[int] = []
    forward = layer.forward

    def watched(x: Tensor, *args: Any, **named: Any) -> Any:
        seen.append(len(x))
        return forward(x, *args, **named)

    layer.forward = watched
    try:
        answer(network, x)
    finally:
        del layer.forward
    return seen[-1]


EARLY = ("resnets.0.conv1", "attentions.0.transformer_blocks.0.attn1.to_q")
LATE = "attentions.0.transformer_blocks.0.attn2.to_q"


def test_equal_rows_are_one_in_memory_and_others_are_not() -> None:
    one = randn(1, 4, 8, 6)
    assert is_one(as_one(one.repeat(3, 1, 1, 1)))
    assert torch.equal(as_one(one.repeat(3, 1, 1, 1)), one.repeat(3, 1, 1, 1))
    assert not is_one(as_one(torch.cat([one, one, one + 1])))
    assert not is_one(as_one(one))


def test_they_are_answered_as_if_each_had_been_computed(unet: Any) -> None:
    x = randn(1, 4, 8, 6).repeat(3, 1, 1, 1)
    expected = answer(unet, x)
    torch.testing.assert_close(answer(unet, as_one(x)), expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(expected[0], expected[1], atol=1e-3)  # the words differ


@pytest.mark.parametrize("name", EARLY)
def test_a_layer_before_the_first_words_computes_one_of_them(unet: Any, name: str) -> None:
    x = randn(1, 4, 8, 6).repeat(3, 1, 1, 1)
    assert rows_seen(unet, f"down_blocks.0.{name}", as_one(x)) == 1
    assert rows_seen(unet, f"down_blocks.0.{name}", x) == 3
    assert rows_seen(unet, f"down_blocks.0.{LATE}", as_one(x)) == 3


@pytest.mark.parametrize("name", EARLY)
def test_who_listens_to_a_layer_hears_all_rows(unet: Any, name: str) -> None:
    heard: list[int] = []
    unet.get_submodule(f"down_blocks.0.{name}").register_forward_hook(lambda _, __, out: heard.append(len(out)))
    x = randn(1, 4, 8, 6).repeat(3, 1, 1, 1)
    torch.testing.assert_close(answer(unet, as_one(x)), answer(unet, x), atol=1e-5, rtol=1e-4)
    assert heard == [3, 3]


def test_who_listens_to_an_attention_hears_its_answer_alone(unet: Any) -> None:
    """Not what it is added to in the same pass when nobody listens."""
    layer = unet.get_submodule("down_blocks.0.attentions.0.transformer_blocks.0.attn2")
    layer.register_forward_hook(lambda _, __, out: out * 0)
    layer.to_out[0].weight.data.mul_(100)
    silent = answer(unet, randn(3, 4, 8, 6))
    layer.to_out[0].weight.data.mul_(0)
    layer.to_out[0].bias.data.mul_(0)
    layer._forward_hooks.clear()
    torch.testing.assert_close(answer(unet, randn(3, 4, 8, 6)), silent, atol=1e-5, rtol=1e-4)


def test_a_step_of_guidance_is_such_a_batch_and_two_pictures_are_not(tmp_path: Path) -> None:
    family = load_family(tiny_checkpoint(tmp_path / "a.safetensors"))
    words = [family.encode_prompt(text, 1).embeddings for text in ("a cat", "")]
    x = randn(1, 4, 8, 8)
    seen: list[bool] = []
    family.unet.conv_in.register_forward_pre_hook(lambda _, given: seen.append(is_one(given[0])))
    both = family.denoise(x.repeat(2, 1, 1, 1), 3.0, Conditioning(torch.cat(words)))
    alone = [family.denoise(x, 3.0, Conditioning(each)) for each in words]
    family.denoise(torch.cat([x, x + 1]), 3.0, Conditioning(torch.cat(words)))
    assert seen == [True, False, False, False]
    torch.testing.assert_close(both, torch.cat(alone), atol=3e-4, rtol=1e-3)
    assert not torch.allclose(both[0], both[1], atol=1e-2)


def test_a_network_whose_first_level_knows_the_words_otherwise_computes_all_rows() -> None:
    """SDXL tells all its layers what the words say."""
    networks = tiny_networks(KINDS["sdxl"])
    quicken(networks["unet"])
    assert not waits_for_words(networks["unet"])

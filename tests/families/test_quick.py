"""Layers with fewer passes over memory compute the same sums."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D

from modules.families.unet.quick import (
    QuickConvolution,
    QuickFeedForward,
    QuickLinear,
    QuickResnet,
    QuickTransformer,
    has_one_dnn,
    quicken,
    seen_places,
)
from tests.checkpoints import KINDS, tiny_networks, tiny_unet, tiny_vae

torch.set_num_threads(1)
pytestmark = pytest.mark.skipif(not has_one_dnn(), reason="this torch has no oneDNN")


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def answers(network: Any, dtype: torch.dtype) -> torch.Tensor:
    if "Autoencoder" in type(network).__name__:
        found: torch.Tensor = network.decode(randn(1, 4, 8, 6).to(dtype)).sample
    else:
        found = network(randn(2, 4, 8, 6).to(dtype), 500, randn(2, 77, 32).to(dtype)).sample
    return found.float()


@pytest.mark.parametrize("build", [tiny_unet, tiny_vae])
def test_a_quickened_network_answers_the_same(build: Any) -> None:
    torch.manual_seed(0)
    network = build().eval()
    expected = answers(network, torch.float32)
    quicken(network)
    resnets = [module for module in network.modules() if isinstance(module, ResnetBlock2D)]
    assert resnets
    assert all(isinstance(module, QuickResnet) for module in resnets)
    torch.testing.assert_close(answers(network, torch.float32), expected, atol=1e-5, rtol=1e-4)


def test_so_does_one_with_linear_projections_and_one_that_paints_seamless_tiles() -> None:
    for seamless in (False, True):
        network = tiny_networks(KINDS["sd2"])["unet"].eval()
        for module in network.modules():
            if seamless and isinstance(module, torch.nn.Conv2d):
                module.padding_mode = "circular"
        expected = answers(network, torch.float32)
        quicken(network)
        assert any(isinstance(module, QuickTransformer) for module in network.modules())
        torch.testing.assert_close(answers(network, torch.float32), expected, atol=1e-5, rtol=1e-4)


def test_in_bf16_it_is_as_near_to_fp32_as_before() -> None:
    torch.manual_seed(0)
    network = tiny_unet().eval()
    exact = answers(network, torch.float32)
    plain = deepcopy(network).bfloat16()
    quick = deepcopy(plain)
    quicken(quick)
    assert any(isinstance(module, QuickFeedForward) for module in quick.modules())
    errors = [float((answers(each, torch.bfloat16) - exact).norm()) for each in (quick, plain)]
    assert 0 < errors[0] < 1.2 * errors[1]


def test_names_weights_and_hooks_stay() -> None:
    network = tiny_unet().eval()
    names, heard = list(network.state_dict()), []
    quicken(network)
    assert list(network.state_dict()) == names
    layer = next(module for module in network.modules() if isinstance(module, QuickLinear))
    layer.register_forward_hook(lambda *_: heard.append(1))
    before = answers(network, torch.float32)
    layer.weight.data = layer.weight.data * 3
    assert heard
    assert not torch.equal(answers(network, torch.float32), before)


CONVOLUTIONS = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 3, "padding": 1, "stride": 2},
    {"kernel_size": 1, "bias": False},
]


def convolution(**values: Any) -> torch.nn.Conv2d:
    torch.manual_seed(0)
    return torch.nn.Conv2d(8, 96, **values).to(memory_format=torch.channels_last)


@torch.no_grad()
@pytest.mark.parametrize("values", CONVOLUTIONS)
def test_a_convolution_with_more_weights_than_picture_is_a_product(values: dict[str, Any]) -> None:
    layer = convolution(**values)
    x = randn(2, 8, 4, 6)
    expected = layer(x)
    quicken(layer)
    assert isinstance(layer, QuickConvolution)
    assert seen_places(x, layer) is not None
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(
    "values",
    [{"padding_mode": "circular"}, {"groups": 2}, {"dilation": 2}, {"padding": "same"}],
)
def test_others_stay_convolutions(values: dict[str, Any]) -> None:
    layer = convolution(**{"kernel_size": 3, "padding": 1, **values})
    x = randn(2, 8, 4, 6)
    expected = layer(x)
    quicken(layer)
    assert seen_places(x, layer) is None
    assert torch.equal(layer(x), expected)


def test_so_does_one_with_a_large_picture_or_with_weights_in_another_order() -> None:
    layer = convolution(kernel_size=3, padding=1)
    assert seen_places(randn(2, 8, 6, 6), layer) is None
    layer.weight.data = layer.weight.data.contiguous()
    assert seen_places(randn(2, 8, 4, 6), layer) is None


def test_a_network_whose_feed_forwards_are_compiled_answers_the_same() -> None:
    torch.manual_seed(0)
    network = tiny_unet().eval()
    expected = answers(network, torch.float32)
    compiled: Any = type("Compiled", (FeedForward,), {"is_compiled": True})  # compiling itself takes minutes
    for module in network.modules():
        if type(module) is FeedForward:
            module.__class__ = compiled
    quicken(network)
    torch.testing.assert_close(answers(network, torch.float32), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_masks_reach_processors_that_take_them() -> None:
    """Ours take none, an extension's may."""
    torch.manual_seed(0)
    network: Any = tiny_unet().eval()
    given = randn(2, 4, 8, 6), 500, randn(2, 77, 32)
    mask = torch.arange(77).expand(2, -1) < 3
    expected = network(*given, encoder_attention_mask=mask).sample
    quicken(network)
    torch.testing.assert_close(network(*given, encoder_attention_mask=mask).sample, expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(network(*given).sample, expected, atol=1e-3)

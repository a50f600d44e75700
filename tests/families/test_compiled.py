"""Compiled layers: the same answers, one graph for all weights, a clear sentence without a compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D
from torch import nn

from modules.core.errors import BadSetting
from modules.families.unet.compiled import compile_layers, compiled
from modules.families.unet.quick import QuickLinear, has_one_dnn, quicken

torch.set_num_threads(1)


class Layers(nn.Module):
    """One of each kind that is compiled, and one that is not: a whole U-Net would take two minutes."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResnetBlock2D(in_channels=32, temb_channels=8)
        self.feed_forward: Any = FeedForward(32, activation_fn="geglu")
        self.last = nn.Linear(32, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.resnet(x, x[:, :8].mean((2, 3)))
        answer: torch.Tensor = self.last(self.feed_forward(x.flatten(2).transpose(1, 2)))
        return answer


def built(seed: int) -> Any:
    torch.manual_seed(seed)
    return Layers().eval().requires_grad_(False)


@torch.no_grad()
def answers(network: Any) -> torch.Tensor:
    x: torch.Tensor = network(torch.randn(2, 32, 8, 6, generator=torch.Generator().manual_seed(0)))
    return x


def test_without_a_compiler_the_setting_is_refused_with_what_is_missing() -> None:
    from torch._inductor import config

    none = config.patch({"cpp.cxx": ("no-such-compiler",)})
    with none, pytest.raises(BadSetting, match=r"needs a C\+\+ compiler"):
        compile_layers(built(0), "cpu")


def test_a_device_that_torch_cannot_compile_for_is_refused_by_name() -> None:
    with pytest.raises(BadSetting, match="not mps"):
        compile_layers(built(0), "mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="Triton may know this card")
def test_a_card_without_triton_is_refused() -> None:
    with pytest.raises(BadSetting, match="Triton for cuda"):
        compile_layers(built(0), "cuda")


@pytest.mark.skipif(not has_one_dnn(), reason="this torch has no oneDNN")
def test_compiled_layers_are_left_to_the_compiler() -> None:
    network = Layers()
    compile_layers(network, "cpu")
    quicken(network)
    assert type(network.feed_forward.net[2]) is type(network.resnet.time_emb_proj) is nn.Linear
    assert type(network.last) is QuickLinear


@pytest.mark.long
def test_compiled_layers_serve_every_checkpoint_and_lora_and_are_kept_on_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One test, because compiling takes long: new modules, new pointers, copies in place, a LoRA's weights."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    compiled.cache_clear()
    torch._dynamo.reset()
    first, other = built(0), built(1)
    expected = [answers(network) for network in (first, other)]
    compile_layers(first, "cpu")
    quicken(first)
    torch.testing.assert_close(answers(first), expected[0], atol=1e-4, rtol=1e-4)
    graphs = made()
    assert graphs > 0
    assert any(tmp_path.rglob("*.so"))
    compile_layers(other, "cpu")
    quicken(other)
    torch.testing.assert_close(answers(other), expected[1], atol=1e-4, rtol=1e-4)
    for name, parameter in first.named_parameters():
        parameter.data = dict(other.named_parameters())[name].data.clone()
    torch.testing.assert_close(answers(first), expected[1], atol=1e-4, rtol=1e-4)
    for name, parameter in first.named_parameters():
        parameter.copy_(dict(built(0).named_parameters())[name])
    torch.testing.assert_close(answers(first), expected[0], atol=1e-4, rtol=1e-4)
    first.resnet.conv1.weight.data += 0.1
    assert not torch.allclose(answers(first), expected[0], atol=1e-2)
    assert made() == graphs, "nothing was compiled anew"


def made() -> int:
    """Graphs compiled so far."""
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])

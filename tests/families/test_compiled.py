"""Compiled layers: the same answers, one graph for all weights, a clear sentence without a compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from modules.core.errors import BadSetting
from modules.families.unet.compiled import compile_layers, compiled
from tests.checkpoints import tiny_unet
from tests.families.test_quick import answers

torch.set_num_threads(1)


def built(seed: int) -> Any:
    torch.manual_seed(seed)
    return tiny_unet().eval().requires_grad_(False)


def test_without_a_compiler_the_setting_is_refused_with_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as inductor

    monkeypatch.setattr(inductor.cpp, "cxx", ("no-such-compiler",))
    with pytest.raises(BadSetting, match=r"needs a C\+\+ compiler"):
        compile_layers(built(0), "cpu")


def test_a_device_that_torch_cannot_compile_for_is_refused_by_name() -> None:
    with pytest.raises(BadSetting, match="not mps"):
        compile_layers(built(0), "mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="Triton may know this card")
def test_a_card_without_triton_is_refused() -> None:
    with pytest.raises(BadSetting, match="Triton for cuda"):
        compile_layers(built(0), "cuda")


@pytest.mark.long
def test_compiled_layers_serve_every_checkpoint_and_lora_and_are_kept_on_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One test, because compiling takes long: new modules, new pointers, copies in place, and weights of a LoRA."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    compiled.cache_clear()
    torch._dynamo.reset()
    first, other = built(0), built(1)
    expected = [answers(network, torch.float32) for network in (first, other)]
    compile_layers(first, "cpu")
    torch.testing.assert_close(answers(first, torch.float32), expected[0], atol=1e-4, rtol=1e-4)
    graphs = made()
    assert graphs > 0
    assert any(tmp_path.rglob("*.so"))
    compile_layers(other, "cpu")
    torch.testing.assert_close(answers(other, torch.float32), expected[1], atol=1e-4, rtol=1e-4)
    for name, parameter in first.named_parameters():
        parameter.data = dict(other.named_parameters())[name].data.clone()
    torch.testing.assert_close(answers(first, torch.float32), expected[1], atol=1e-4, rtol=1e-4)
    for name, parameter in first.named_parameters():
        parameter.copy_(dict(built(0).named_parameters())[name])
    torch.testing.assert_close(answers(first, torch.float32), expected[0], atol=1e-4, rtol=1e-4)
    first.down_blocks[0].resnets[0].conv1.weight.data += 0.1
    assert not torch.allclose(answers(first, torch.float32), expected[0], atol=1e-2)
    assert made() == graphs, "nothing was compiled anew"


def made() -> int:
    """Graphs compiled so far."""
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])

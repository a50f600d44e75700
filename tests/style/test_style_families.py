"""The style modes on other U-Nets than SD 1: a tiny SDXL, with its pooled prompts and deeper attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from modules.adapters.style_injection import decoder_layers
from modules.core.events import PictureMade
from modules.core.request import GenerationRequest
from modules.engine.style.modes import StyleModes
from modules.families.unet.family import UnetFamily
from modules.hooks.engine_host import EngineHost
from tests.checkpoints import KINDS, load_family, tiny_file_of
from tests.style.conftest import blobs, levels, png

INPUTS = {"content": png(blobs(0)), "style": png(blobs(1)), "other": png(blobs(2))}


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> UnetFamily:
    return load_family(tiny_file_of(tmp_path_factory.mktemp("sdxl") / "sdxl.safetensors", KINDS["sdxl"]))


def picture(family: UnetFamily, **values: Any) -> NDArray[np.int64]:
    request = GenerationRequest(prompt="a cat", width=64, height=48, steps=2, cfg_scale=4, seed=3, **values)
    styles = StyleModes(EngineHost([]), ())
    events = styles.instead(styles.job("job", request, INPUTS), family)
    assert events is not None
    return levels([event for event in events if isinstance(event, PictureMade)][-1])


def test_injection_finds_the_layers_of_half_the_grid(sdxl: UnetFamily) -> None:
    assert {layer.grid for layer in decoder_layers(sdxl)} == {0.5}


@pytest.mark.parametrize(
    "mode", [{"style_mode": "inject", "image": "content"}, {"style_mode": "series", "count": 2, "batch_size": 2}]
)
def test_sdxl_paints_in_the_style_it_is_shown_and_is_as_before(sdxl: UnetFamily, mode: dict[str, Any]) -> None:
    x, empty = torch.randn(1, 4, 12, 16), sdxl.encode_prompt("", 1)
    before = sdxl.denoise(x, 2.0, empty)
    one, other = picture(sdxl, style_images=("style",), **mode), picture(sdxl, style_images=("other",), **mode)
    assert np.abs(one - other).max() > 2
    assert torch.equal(sdxl.denoise(x, 2.0, empty), before)

"""Files for ControlNet as people have them: the authors' layouts, pickles, and what cannot be used."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel, T2IAdapter
from safetensors.torch import save_file
from torch import Tensor

from extensions.controlnet.networks import in_diffusers_layout, load_network
from extensions.controlnet.weights import read_weights
from modules.core.errors import BadRequest
from modules.families.ldm_keys import UNET, unet_keys
from modules.families.unet.family import UnetFamily
from tests.checkpoints import load_family, sd15_networks, tiny_unet
from tests.extensions.test_controlnet import randomised

torch.set_num_threads(1)
HINTS = (16, 32, 96, 256)  # the picture's way in, as all released networks have it


@pytest.fixture(scope="module")
def family(tiny_models: Path) -> UnetFamily:
    return load_family(tiny_models / "Stable-diffusion" / "tiny.safetensors")


@pytest.fixture(scope="module")
def network() -> ControlNetModel:
    with torch.random.fork_rng(devices=[]):
        made: ControlNetModel = randomised(
            ControlNetModel.from_unet(tiny_unet(), conditioning_embedding_out_channels=HINTS), 1
        )
    return made


def theirs(weights: Mapping[str, Tensor], prefix: str = "control_model.") -> dict[str, Tensor]:
    """The layout of lllyasviel's files, from diffusers': the names of the class ControlNet in their cldm.py."""
    own = ("controlnet_", "add_embedding")
    names = {
        name: key.removeprefix(UNET) for name, key in unet_keys([n for n in weights if not n.startswith(own)]).items()
    }
    for name in weights:
        head, _, tail = name.rpartition(".")
        block = head.rpartition(".")[2]
        if name.startswith("controlnet_down_blocks."):
            names[name] = f"zero_convs.{block}.0.{tail}"
        elif name.startswith("controlnet_mid_block."):
            names[name] = f"middle_block_out.0.{tail}"
        elif ".blocks." in name and name.startswith("controlnet_cond"):
            names[name] = f"input_hint_block.{2 + 2 * int(block)}.{tail}"
        elif name.startswith("controlnet_cond"):
            names[name] = f"input_hint_block.{0 if block == 'conv_in' else 14}.{tail}"
    assert names.keys() == weights.keys()
    return {prefix + names[name]: weight for name, weight in weights.items()}


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_network_goes_where_the_unet_computes_which_may_rest_elsewhere(
    family: UnetFamily, network: ControlNetModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file(network.state_dict(), tmp_path / "one.safetensors")
    monkeypatch.setattr(UnetFamily, "device", "meta")
    assert load_network(tmp_path / "one.safetensors", family).device.type == "meta"
    assert family.unet.device.type == "cpu"


@pytest.mark.parametrize("prefix", ["control_model.", ""])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_the_authors_layout_gives_the_same_weights(
    family: UnetFamily, network: ControlNetModel, tmp_path: Path, prefix: str, suffix: str
) -> None:
    weights = {name: weight.contiguous() for name, weight in theirs(network.state_dict(), prefix).items()}
    path = tmp_path / f"control{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save({"state_dict": weights}, path)
    loaded = load_network(path, family)
    assert same(loaded.state_dict(), network.state_dict())


def test_every_name_of_a_full_size_file_has_its_place() -> None:
    """Names and shapes of SD 1.5's: no memory is needed."""
    unet, _, _ = sd15_networks("meta")
    with torch.device("meta"):
        full = ControlNetModel.from_unet(unet, load_weights_from_unet=False)
    weights = theirs(full.state_dict())
    assert "control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight" in weights
    assert weights["control_model.input_hint_block.14.weight"].shape == (320, 256, 3, 3)
    found = in_diffusers_layout(weights, unet)
    shapes = {name: weight.shape for name, weight in full.state_dict().items()}
    assert {name: weight.shape for name, weight in found.items()} == shapes


def original_adapter(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The layout of TencentARC's .pth files: one list of blocks, two a level."""
    found = {}
    for name, weight in weights.items():
        parts = name.removeprefix("adapter.").split(".")
        if parts[0] == "body" and parts[2] == "resnets":
            parts = ["body", str(2 * int(parts[1]) + int(parts[3])), *parts[4:]]
        elif parts[0] == "body":
            parts = ["body", str(2 * int(parts[1])), *parts[2:]]
        found[".".join(parts)] = weight
    return found


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_an_adapter_in_its_authors_layout_gives_the_same_weights(
    family: UnetFamily, tmp_path: Path, suffix: str
) -> None:
    adapter = T2IAdapter(3, [32, 64], 2, 4)
    weights = original_adapter(adapter.state_dict())
    assert {"conv_in.weight", "body.0.block1.weight", "body.2.in_conv.weight", "body.3.block2.bias"} <= weights.keys()
    path = tmp_path / f"adapter{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    assert same(load_network(path, family).state_dict(), adapter.state_dict())


class Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must never be seen",)


@pytest.mark.parametrize("name", ["control.pth", "control.ckpt", "control.bin"])
def test_a_pickle_with_a_program_is_refused_and_not_run(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"control_model.x": Program()}, protocol=2))
    with pytest.raises(BadRequest, match="could run a program"):
        read_weights(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"lora_controlnet": torch.zeros(0), "input_blocks.0.0.weight": torch.zeros(1)}, "Control-LoRA"),
        ({"lora_unet_down.lora_up.weight": torch.zeros(1)}, "neither a ControlNet nor a T2I-Adapter"),
        ({"control_model.time_embed.0.weight": torch.zeros(1)}, "neither a ControlNet nor a T2I-Adapter"),
        ({"body.0.weight": torch.zeros(1)}, "no T2I-Adapter that is known here"),
    ],
)
def test_what_is_something_else_is_named(
    family: UnetFamily, tmp_path: Path, weights: dict[str, Tensor], said: str
) -> None:
    save_file(weights, tmp_path / "x.safetensors")
    with pytest.raises(BadRequest, match=said):
        load_network(tmp_path / "x.safetensors", family)


def test_a_damaged_file_is_said(family: UnetFamily, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"nothing")
    with pytest.raises(BadRequest, match="cannot be read"):
        load_network(tmp_path / "x.pth", family)

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from modules.adapters import lora
from modules.adapters.lora import WantedLora
from modules.adapters.lora_keys import change_of
from modules.core.errors import BadRequest
from modules.families.unet.family import UnetFamily
from modules.manager.adapters import Adapters
from tests.adapters import lora_files
from tests.adapters.lora_files import diffusers, kohya, kohya_sdxl, old_diffusers, touched, write_lora
from tests.checkpoints import KINDS, load_family, tiny_file_of
from tests.families import oracle, painting

torch.set_num_threads(1)
CAT = replace(painting.REQUEST, prompt="a cat")


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, UnetFamily]:
    folder = tmp_path_factory.mktemp("lora")
    return {name: load_family(tiny_file_of(folder / f"{name}.safetensors", KINDS[name])) for name in ("sd1", "sdxl")}


@pytest.fixture
def sd1(families: dict[str, UnetFamily]) -> UnetFamily:
    return families["sd1"]


def weights(family: UnetFamily) -> dict[str, Tensor]:
    return {
        f"{part}.{name}": tensor
        for part, network in family.networks.items()
        for name, tensor in network.state_dict().items()
    }


def wanted(path: Path, text: float = 1.0, denoiser: float = 1.0) -> WantedLora:
    models = path.parent.parent
    return WantedLora(Adapters((models,)).lora(path.stem), text, denoiser)


def test_the_picture_is_that_of_diffusers_with_the_same_lora(sd1: UnetFamily, tmp_path: Path) -> None:
    """diffusers' own converter from kohya's names, and peft's layers beside ours; its denoiser only: with
    transformers 5 it does not find the layers of the text encoder."""
    path = write_lora(tmp_path / "Lora" / "a.safetensors", sd1)
    with lora.applied(sd1, [wanted(path, text=0)]):
        ours = painting.picture(sd1, CAT)
    theirs = oracle_with(sd1, path)
    assert np.abs(ours - theirs).max() <= 1
    assert np.abs(painting.picture(sd1, CAT) - theirs).max() > 5


def oracle_with(family: UnetFamily, path: Path) -> np.ndarray:
    pipeline: Any = oracle.pipeline(family)
    pipeline.load_lora_weights({key: tensor for key, tensor in load_file(path).items() if "lora_unet" in key})
    try:
        return oracle.picture(family, CAT)
    finally:
        pipeline.unload_lora_weights()


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
@pytest.mark.parametrize(
    ("naming", "suffixes"),
    [
        (kohya, (".lora_down.weight", ".lora_up.weight")),
        (kohya_sdxl, (".lora_down.weight", ".lora_up.weight")),
        (diffusers, (".lora_A.weight", ".lora_B.weight")),
        (diffusers, (".lora.down.weight", ".lora.up.weight")),
        (old_diffusers, (".down.weight", ".up.weight")),
    ],
)
def test_every_way_of_naming_adds_alpha_over_rank_times_up_times_down(
    families: dict[str, UnetFamily],
    tmp_path: Path,
    name: str,
    naming: Callable[[str, str, UnetFamily], str],
    suffixes: tuple[str, str],
) -> None:
    family = families[name]
    alpha = lora_files.ALPHA if naming in (kohya, kohya_sdxl) else None
    path = write_lora(tmp_path / "Lora" / "a.safetensors", family, naming, suffixes, alpha)
    before = {key: module.weight.clone() for key, module in touched(family).items()}
    with lora.applied(family, [wanted(path, text=0.5, denoiser=2.0)]):
        for key, (down, up) in lora_files.factors(family).items():
            amount = (2.0 if key[0] == "unet" else 0.5) * ((alpha or lora_files.RANK) / lora_files.RANK)
            torch.testing.assert_close(touched(family)[key].weight, before[key] + amount * (up @ down))


def test_alpha_that_diffusers_keeps_in_the_metadata_counts(sd1: UnetFamily, tmp_path: Path) -> None:
    """What `save_lora_weights` writes for a LoRA whose alpha is not its rank."""
    said = {"lora_adapter_metadata": json.dumps({"unet.r": lora_files.RANK, "unet.lora_alpha": 1, "text_encoder.r": 2})}
    path = write_lora(
        tmp_path / "Lora" / "a.safetensors", sd1, diffusers, (".lora_A.weight", ".lora_B.weight"), None, said
    )
    before = {key: module.weight.clone() for key, module in touched(sd1).items()}
    with lora.applied(sd1, [wanted(path)]):
        for key, (down, up) in lora_files.factors(sd1).items():
            amount = 1 / lora_files.RANK if key[0] == "unet" else 1
            torch.testing.assert_close(touched(sd1)[key].weight, before[key] + amount * (up @ down))


def test_afterwards_every_weight_is_the_very_tensor_it_was(sd1: UnetFamily, tmp_path: Path) -> None:
    path = write_lora(tmp_path / "Lora" / "a.safetensors", sd1)
    before = {name: (tensor.data_ptr(), tensor.clone()) for name, tensor in weights(sd1).items()}
    with pytest.raises(ZeroDivisionError), lora.applied(sd1, [wanted(path), wanted(path, 0.5, 0.5)]):
        raise ZeroDivisionError
    for name, tensor in weights(sd1).items():
        assert tensor.data_ptr() == before[name][0]
        assert torch.equal(tensor, before[name][1])


def test_two_loras_add_up_and_weight_zero_is_none(sd1: UnetFamily, tmp_path: Path) -> None:
    path = write_lora(tmp_path / "Lora" / "a.safetensors", sd1)
    plain = painting.latents(sd1)
    made = []
    for some in ([wanted(path, 0.5, 0.5)] * 2, [wanted(path)], [wanted(path, 0, 0)]):
        with lora.applied(sd1, some):
            made.append(painting.latents(sd1))
    torch.testing.assert_close(made[0], made[1], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(made[2], plain, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(made[0], plain, atol=0.1)


def test_the_record_names_the_files_and_their_hashes(sd1: UnetFamily, tmp_path: Path) -> None:
    path = write_lora(
        tmp_path / "Lora" / "ink, fine.safetensors", sd1, metadata={"sshs_model_hash": "0123456789abcdef"}
    )
    with lora.applied(sd1, [wanted(path)]) as facts:
        assert facts == {"Lora hashes": "ink fine: 0123456789ab"}
    with lora.applied(sd1, []) as facts:
        assert facts == {}


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "a.safetensors is for SDXL, the checkpoint is SD 1.x"),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "is for SD 2.x, the checkpoint is SD 1.x"),
        ({"modelspec.architecture": "Flux.1-dev/lora"}, "is for Flux, the checkpoint is SD 1.x"),
    ],
)
def test_a_lora_of_another_family_is_refused_by_name(
    sd1: UnetFamily, tmp_path: Path, metadata: dict[str, str], words: str
) -> None:
    path = write_lora(tmp_path / "Lora" / "a.safetensors", sd1, metadata=metadata)
    with pytest.raises(BadRequest, match=words), lora.applied(sd1, [wanted(path)]):
        pass


def test_a_lora_for_other_layers_or_shapes_is_refused_and_nothing_stays_changed(
    families: dict[str, UnetFamily], tmp_path: Path
) -> None:
    sd1, sdxl = families["sd1"], families["sdxl"]
    before = {name: tensor.data_ptr() for name, tensor in weights(sd1).items()}
    good = write_lora(tmp_path / "Lora" / "good.safetensors", sd1)
    other = tmp_path / "Lora" / "other.safetensors"
    save_file({key: weight.repeat(2, 2) if weight.ndim else weight for key, weight in load_file(good).items()}, other)
    with pytest.raises(BadRequest, match="has another shape"), lora.applied(sd1, [wanted(good), wanted(other)]):
        pass
    odd = tmp_path / "Lora" / "odd.safetensors"
    save_file({"lora_unet_nothing.lora_down.weight": torch.ones(1, 1)}, odd)
    with (
        pytest.raises(BadRequest, match=r"1 of its 1 layers are not in it, 'nothing'"),
        lora.applied(sdxl, [wanted(odd)]),
    ):
        pass
    assert {name: tensor.data_ptr() for name, tensor in weights(sd1).items()} == before


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("dora_scale", "a DoRA"),
        ("lora_magnitude_vector.weight", "a DoRA"),
        ("hada_t1", "in Tucker form"),
        ("on_input", "IA"),
        ("a1.weight", "GLoRA"),
    ],
)
def test_kinds_that_cannot_be_used_are_named(sd1: UnetFamily, tmp_path: Path, key: str, words: str) -> None:
    path = tmp_path / "Lora" / "a.safetensors"
    path.parent.mkdir()
    save_file({f"lora_unet_mid_block_attentions_0_proj_in.{key}": torch.ones(1)}, path)
    with pytest.raises(BadRequest, match=words), lora.applied(sd1, [wanted(path)]):
        pass


@pytest.mark.parametrize(
    "shapes",
    [
        {"up": (100_000, 1), "down": (1, 100_000_000)},
        {"lokr_w1": (30_000, 30_000), "lokr_w2": (30_000, 30_000)},
        {"up": (64, 2), "mid": (2, 2, 9_000, 9_000), "down": (2, 64)},
        {"up": (64,), "down": (64,)},
        {"up": (), "down": ()},
        {"up": (64, 2), "down": (2, 64), "alpha": (2,)},
    ],
)
def test_shapes_that_would_take_all_memory_or_make_no_sense_are_refused(
    sd1: UnetFamily, shapes: dict[str, tuple[int, ...]]
) -> None:
    roles = {role: torch.zeros(()).expand(shape) for role, shape in shapes.items()}  # takes no memory itself
    with pytest.raises((ValueError, IndexError, TypeError, RuntimeError)):
        change_of(roles, sd1.unet.mid_block.attentions[0].transformer_blocks[0].attn1.to_q.weight)


def test_lyco_forms_add_their_products(sd1: UnetFamily, tmp_path: Path) -> None:
    layer = sd1.unet.mid_block.attentions[0].transformer_blocks[0].attn1.to_q
    name, side = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q", layer.weight.shape[0]
    a, b = torch.randn(side, 2), torch.randn(2, side)
    small, big = torch.randn(2, 2), torch.randn(side // 2, side // 2)
    other = name.replace("lora_unet_", "lycoris_")
    forms = {
        "loha": ({"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": a, "hada_w2_b": b}, (a @ b) ** 2),
        "lokr": ({"lokr_w1": small, "lokr_w2": big}, torch.kron(small, big)),
        "full": ({"diff": a @ b}, a @ b),
    }
    before = layer.weight.clone()
    for form, (tensors, change) in forms.items():
        path = tmp_path / "Lora" / f"{form}.safetensors"
        path.parent.mkdir(exist_ok=True)
        for prefix in (name, other):
            save_file({f"{prefix}.{role}": tensor.contiguous().clone() for role, tensor in tensors.items()}, path)
            with lora.applied(sd1, [wanted(path)]):
                torch.testing.assert_close(layer.weight, before + change)


def test_a_lora_of_convolutions_adds_to_their_kernels(sd1: UnetFamily, tmp_path: Path) -> None:
    conv = sd1.unet.mid_block.resnets[0].conv1
    out, into = conv.weight.shape[:2]
    down, up = torch.randn(2, into, 3, 3), torch.randn(out, 2, 1, 1)
    name = "lora_unet_mid_block_resnets_0_conv1"
    path = tmp_path / "Lora" / "a.safetensors"
    path.parent.mkdir()
    save_file({f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}, path)
    before = conv.weight.clone()
    with lora.applied(sd1, [wanted(path)]):
        torch.testing.assert_close(conv.weight, before + torch.einsum("or,rikl->oikl", up[..., 0, 0], down))
        assert conv.weight.is_contiguous(memory_format=torch.channels_last)

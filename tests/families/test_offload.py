"""Weights that come when they are called: what is on the device at which moment, and that pictures do not change."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modules.families import FAMILIES, recognise
from modules.families.device import Device
from modules.families.header import read_header
from modules.families.placement import Placement
from modules.families.unet.family import UnetFamily
from modules.families.unet.offload import Offload, cut
from tests.checkpoints import KINDS, finished, tiny_checkpoint, tiny_file_of
from tests.families import painting

CARD = Device("cpu", "fp32", True, "sdpa", apart=True)  # as if its memory were another than the computer's


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("offload") / f"{request.param}.safetensors"
    return tiny_checkpoint(path) if request.param == "sd1" else tiny_file_of(path, KINDS["sdxl"])


def load(file: Path, device: Device) -> UnetFamily:
    header = read_header(file)
    loader = FAMILIES[recognise(file.stem, header).family]
    family = finished(loader.load(file.stem, header, device, lambda: None))
    assert isinstance(family, UnetFamily)
    return family


@pytest.fixture(scope="module")
def whole(file: Path) -> torch.Tensor:
    """The picture with all weights on the device."""
    return picture(load(file, CARD))


def picture(family: UnetFamily) -> torch.Tensor:
    latents = painting.latents(family)
    return family.decode(latents)


@pytest.mark.parametrize("mode", ["parts", "blocks"])
def test_the_picture_is_the_same_bit_by_bit_in_every_mode(file: Path, whole: torch.Tensor, mode: str) -> None:
    family = load(file, replace(CARD, offload=mode))
    assert torch.equal(picture(family), whole)
    family.rest()
    assert torch.equal(picture(family), whole)


def test_a_tiny_budget_leads_to_blocks_and_the_record_says_so(file: Path) -> None:
    family = load(file, replace(CARD, budget=1))
    assert family.placement.mode == "blocks"
    assert "0.0 GB are free" in family.placement.why
    assert family.facts["Weights"] == "block by block"


def test_enough_room_leaves_all_on_the_device_and_says_nothing(file: Path) -> None:
    family = load(file, CARD)
    assert family.placement.mode == "whole"
    assert "Weights" not in family.facts


def test_part_by_part_only_the_part_that_computes_is_there(file: Path) -> None:
    family = load(file, replace(CARD, offload="parts"))
    assert not family.on_device
    cond = family.encode_prompt("a cat", 1)
    last_encoder = family.kind.encoders[-1].part
    assert family.on_device == (last_encoder,)
    shape = (1, *family.latent_shape(64, 64))
    x0 = family.denoise(torch.zeros(shape), 1.0, cond)
    assert family.on_device == ("unet",)
    family.decode(x0)
    assert family.on_device == ("vae",)
    family.encode(torch.zeros(1, 3, 64, 64))
    assert family.on_device == ("vae",)
    family.rest()
    assert not family.on_device


def watched(family: UnetFamily) -> Iterator[tuple[str, tuple[str, ...]]]:
    """For every block that computes during two calls: its name, and what is on the device meanwhile."""
    seen: list[tuple[str, tuple[str, ...]]] = []
    handles = [
        module.register_forward_hook(lambda *_, name=name: seen.append((f"unet.{name}", family.on_device)))
        for name, module in cut(family.unet)
    ]
    cond = family.encode_prompt("a cat", 1)
    for _ in range(2):
        family.denoise(torch.zeros(1, *family.latent_shape(64, 64)), 1.0, cond)
    for handle in handles:
        handle.remove()
    yield from seen


def test_block_by_block_one_computes_and_the_one_that_follows_comes(file: Path) -> None:
    family = load(file, replace(CARD, offload="blocks"))
    seen = list(watched(family))
    names = [name for name, _ in seen]
    first, second = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    assert all(here == (name,) for name, here in first)  # nobody knows yet what follows
    assert all(
        set(here) == {name, after} for (name, here), after in zip(second[:-1], names[len(first) + 1 :], strict=True)
    )
    assert len(set(names)) > 10


def test_every_weight_of_the_network_is_in_exactly_one_block(file: Path) -> None:
    unet = load(file, CARD).unet
    blocks = [id(weight) for _, block in cut(unet) for weight in block.parameters()]
    assert sorted(blocks) == sorted(id(weight) for weight in unet.parameters())


def test_the_smallest_blocks_stay_as_long_as_there_is_room(file: Path) -> None:
    family = load(file, CARD)
    sizes = {name: sum(weight.nbytes for weight in block.parameters()) for name, block in cut(family.unet)}
    room = 2 * max(sizes.values()) + sum(sizes.values()) // 2
    offload = Offload(family.networks, Placement("blocks", "", room), "cpu", "unet")
    stay = {piece.name for piece in offload.pieces if piece.stays}
    assert 0 < sum(sizes[name] for name in stay) <= sum(sizes.values()) // 2
    assert max(sizes[name] for name in stay) <= min(sizes[name] for name in sizes.keys() - stay)


def test_what_is_on_the_device_is_a_copy_and_at_home_is_the_very_weight(file: Path) -> None:
    family = load(file, replace(CARD, offload="parts"))
    weight = family.unet.conv_in.weight
    home = weight.data_ptr()
    family.denoise(torch.zeros(1, *family.latent_shape(64, 64)), 1.0, family.encode_prompt("a cat", 1))
    assert weight.data_ptr() != home
    family.rest()
    assert weight.data_ptr() == home


@pytest.mark.parametrize("mode", ["parts", "blocks"])
def test_a_vae_that_overflows_in_fp16_stays_in_fp32_when_it_leaves(file: Path, mode: str) -> None:
    family = load(file, replace(CARD, dtype="fp16", offload=mode))
    family.vae.half().decoder.conv_in.weight.data.mul_(1e5)
    latents = torch.randn(1, *family.latent_shape(64, 64))
    decoded = family.decode(latents)
    family.rest()
    assert {weight.dtype for weight in family.vae.parameters()} == {torch.float32}
    assert bool(torch.isfinite(decoded).all())
    assert torch.equal(family.decode(latents), decoded)


def test_nothing_of_a_family_that_offloads_lives_on(file: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        family = load(file, replace(CARD, offload="blocks"))
        picture(family)
        traces = [weakref.ref(family), weakref.ref(family.unet), weakref.ref(family.unet.conv_in.weight)]
        del family
        assert [trace() for trace in traces] == [None] * 3
    finally:
        gc.enable()

"""Swaps while something depends on where weights lie: they are copied into the places that are held."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import torch

from modules.families.device import Device
from modules.families.unet.family import UnetFamily
from modules.manager.index import Index
from modules.manager.manager import Manager
from tests.checkpoints import finished, tiny_checkpoint
from tests.families import painting

CPU = Device("cpu", "fp32", True, "sdpa")
GIGABYTE = 10**9


@pytest.fixture(scope="module")
def swap_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a, b, c of one shape, and wide, of another."""
    models = tmp_path_factory.mktemp("swap")
    for seed, name in enumerate("abc"):
        tiny_checkpoint(models / "Stable-diffusion" / f"{name}.safetensors", seed=seed)
    tiny_checkpoint(models / "Stable-diffusion" / "wide.safetensors", seed=3, width=64)
    return models


def use(manager: Manager, name: str) -> UnetFamily:
    family = finished(manager.use(name))
    assert isinstance(family, UnetFamily)
    return family


def manager_of(models: Path, cache: Path, budget: int = GIGABYTE) -> Manager:
    return Manager(Index((models,)), CPU, cache, budget)


def places(family: UnetFamily) -> list[int]:
    return [weight.data_ptr() for weight in family.unet.parameters()]


@pytest.fixture(scope="module")
def latents(swap_models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """What each of them paints when it was loaded alone."""
    manager = manager_of(swap_models, tmp_path_factory.mktemp("cache"), budget=0)
    return {name: painting.latents(use(manager, name)) for name in "abc"}


@pytest.mark.parametrize("budget", [0, GIGABYTE])
def test_a_held_network_keeps_its_places_and_paints_as_the_new_checkpoint(
    swap_models: Path, tmp_path: Path, latents: dict[str, torch.Tensor], budget: int
) -> None:
    manager = manager_of(swap_models, tmp_path, budget)
    first = use(manager, "a")
    first.hold("unet")
    network, before = first.unet, places(first)
    for name in "bcab":
        family = use(manager, name)
        assert family.unet is network
        assert places(family) == before
        assert family.held == {"unet"}
        assert torch.equal(painting.latents(family), latents[name])


def test_what_waits_meanwhile_has_weights_of_its_own(
    swap_models: Path, tmp_path: Path, latents: dict[str, torch.Tensor]
) -> None:
    manager = manager_of(swap_models, tmp_path)
    first = use(manager, "a")
    first.hold("unet")
    second = use(manager, "b")
    assert first.unet is not second.unet
    assert first.held == set()
    assert torch.equal(painting.latents(first), latents["a"])
    assert list(manager.use("a")) == []
    assert manager.current is first


def test_without_one_who_holds_a_swap_only_turns_pointers(swap_models: Path, tmp_path: Path) -> None:
    manager = manager_of(swap_models, tmp_path)
    first = use(manager, "a")
    network, before = first.unet, places(first)
    assert use(manager, "b").unet is not network
    assert use(manager, "a").unet is network
    assert places(first) == before


def test_a_checkpoint_of_another_shape_comes_with_its_own_modules_and_the_way_back_is_held_still(
    swap_models: Path, tmp_path: Path, latents: dict[str, torch.Tensor]
) -> None:
    manager = manager_of(swap_models, tmp_path)
    first = use(manager, "a")
    first.hold("unet")
    network, before = first.unet, places(first)
    wide = use(manager, "wide")
    assert (wide.unet is network, wide.held) == (False, set())
    assert use(manager, "a").unet is network
    assert places(first) == before
    assert torch.equal(painting.latents(first), latents["a"])


def test_holding_gives_up_what_was_shared_with_another(swap_models: Path, tmp_path: Path) -> None:
    """The same weights twice, because a VAE of another file stands in one of them."""
    (swap_models / "VAE").mkdir(exist_ok=True)
    (swap_models / "VAE" / "other.safetensors").write_bytes(
        (swap_models / "Stable-diffusion" / "b.safetensors").read_bytes()
    )
    manager = manager_of(swap_models, tmp_path)
    own = use(manager, "a")
    other = finished(manager.use("a", "other.safetensors"))
    assert isinstance(other, UnetFamily)
    assert places(own) == places(other)
    other.hold("unet")
    assert not set(places(own)) & set(places(other))
    use(manager, "b")
    assert torch.equal(own.unet.conv_in.weight, other.unet.conv_in.weight)


@pytest.mark.parametrize("budget", [0, GIGABYTE])
def test_fifty_held_swaps_leave_nothing_behind(swap_models: Path, tmp_path: Path, budget: int) -> None:
    """Fifty to those that wait; ten where each is read again, which takes longer."""
    manager = manager_of(swap_models, tmp_path, budget)
    use(manager, "a").hold("unet")
    gc.collect()
    traces = []
    for number in range(1, 51 if budget else 11):
        family = use(manager, "ab"[number % 2])
        traces += [weakref.ref(family), weakref.ref(family.vae)]
    del family
    living = {id(trace()) for trace in traces if trace() is not None}
    assert len(living) == (4 if budget else 2)


def test_a_load_that_fails_gives_the_held_network_back_to_those_that_wait(swap_models: Path, tmp_path: Path) -> None:
    manager = manager_of(swap_models, tmp_path)
    first = use(manager, "a")
    first.hold("unet")
    loading = manager.use("b")
    next(loading)
    loading.close()
    assert manager.current is None
    assert use(manager, "a") is first
    assert first.held == {"unet"}

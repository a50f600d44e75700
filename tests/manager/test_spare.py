"""A checkpoint that leaves for good gives its memory to the next one: same places, other weights, nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from modules.adapters.files import AdapterFile
from modules.adapters.lora import WantedLora, applied
from modules.core.errors import BadCheckpoint
from modules.families.device import Device
from modules.families.header import read_header
from modules.families.unet.family import UnetFamily
from modules.manager.index import Index
from modules.manager.manager import Manager
from tests.checkpoints import KINDS, finished, load_family, tiny_file_of
from tests.families import painting

GIGABYTE = 10**9


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """<kind>-a and <kind>-b of one shape, and sd1-e; sd1-c has the denoiser of sd1-b and the other parts of sd1-a."""
    models = tmp_path_factory.mktemp("spare")
    folder = models / "Stable-diffusion"
    for name, kind in KINDS.items():
        for seed, letter in enumerate("ab"):
            tiny_file_of(folder / f"{name}-{letter}.safetensors", kind, seed=seed)
    tiny_file_of(folder / "sd1-e.safetensors", KINDS["sd1"], seed=2)
    first, second = (load_file(folder / f"sd1-{letter}.safetensors") for letter in "ab")
    mixed = {key: second[key] if key.startswith("model.diffusion") else weight for key, weight in first.items()}
    save_file(mixed, folder / "sd1-c.safetensors", dict(read_header(folder / "sd1-a.safetensors").metadata))
    return models


def manager_of(models: Path, cache: Path, budget: int = 0, dtype: str = "fp32") -> Manager:
    return Manager(Index((models,)), Device("cpu", dtype, True, "sdpa"), cache, budget)


@pytest.fixture
def manager(pairs: Path, tmp_path: Path) -> Manager:
    """One that keeps nothing but what is in use."""
    return manager_of(pairs, tmp_path)


def use(manager: Manager, name: str) -> UnetFamily:
    family = finished(manager.use(name))
    assert isinstance(family, UnetFamily)
    return family


def weights(family: UnetFamily) -> dict[str, Tensor]:
    return {f"{part}.{name}": w for part, net in family.networks.items() for name, w in net.state_dict().items()}


def places(family: UnetFamily) -> dict[str, int]:
    return {name: weight.data_ptr() for name, weight in weights(family).items()}


def fresh(models: Path, name: str, dtype: str = "fp32") -> dict[str, Tensor]:
    """As nothing but the file makes them."""
    return weights(load_family(models / "Stable-diffusion" / f"{name}.safetensors", dtype))


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name], theirs[name]) and ours[name].stride() == theirs[name].stride() for name in ours
    )


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_next_checkpoint_has_its_own_weights_in_the_old_ones_places(
    pairs: Path, tmp_path: Path, kind: str, dtype: str
) -> None:
    manager = manager_of(pairs, tmp_path, dtype=dtype)
    before = places(use(manager, f"{kind}-a"))
    family = use(manager, f"{kind}-b")
    assert places(family) == before
    assert same(weights(family), fresh(pairs, f"{kind}-b", dtype))
    assert not same(weights(family), fresh(pairs, f"{kind}-a", dtype))  # the twin
    assert family.card.name == f"{kind}-b"


def test_it_paints_as_if_it_had_been_loaded_alone(pairs: Path, manager: Manager) -> None:
    alone = load_family(pairs / "Stable-diffusion" / "sd1-b.safetensors")
    use(manager, "sd1-a")
    assert torch.equal(painting.latents(use(manager, "sd1-b")), painting.latents(alone))


def test_a_family_that_somebody_still_has_is_not_written_over(pairs: Path, manager: Manager) -> None:
    kept = use(manager, "sd1-a")
    use(manager, "sd1-b")
    assert same(weights(kept), fresh(pairs, "sd1-a"))


def test_a_part_that_one_of_those_who_wait_shares_is_not_written_over(pairs: Path, tmp_path: Path) -> None:
    room = sum(weight.nbytes for weight in fresh(pairs, "sd1-a").values())
    manager = manager_of(pairs, tmp_path, budget=int(1.1 * room))
    old = places(use(manager, "sd1-a"))
    waiting = use(manager, "sd1-c")
    assert places(waiting)["vae.decoder.conv_in.weight"] == old["vae.decoder.conv_in.weight"]
    new = places(use(manager, "sd1-e"))  # for which sd1-a leaves, and sd1-c waits
    assert manager.waiting == ("sd1-c",)
    assert new["unet.conv_in.weight"] == old["unet.conv_in.weight"]
    assert new["vae.decoder.conv_in.weight"] != old["vae.decoder.conv_in.weight"]
    assert same(weights(waiting), fresh(pairs, "sd1-c"))


def test_a_part_of_another_shape_gets_memory_of_its_own(pairs: Path, manager: Manager) -> None:
    use(manager, "refiner-a")
    assert same(weights(use(manager, "sdxl-b")), fresh(pairs, "sdxl-b"))


def test_a_lora_leaves_nothing_in_the_next_checkpoint(pairs: Path, manager: Manager, tmp_path: Path) -> None:
    file = tmp_path / "lora.safetensors"
    family = use(manager, "sd1-a")
    name = "down_blocks_1_attentions_0_proj_in"
    rows = family.unet.get_submodule("down_blocks.1.attentions.0.proj_in").weight.shape[0]
    down, up = (torch.ones(shape) for shape in ((1, rows), (rows, 1)))
    tensors = {f"lora_unet_{name}.lora_down.weight": down, f"lora_unet_{name}.lora_up.weight": up}
    save_file(tensors, file)
    shapes = {key: tuple(weight.shape) for key, weight in tensors.items()}
    with applied(family, [WantedLora(AdapterFile("lora", file, "", shapes), 1, 1)]):
        assert not same(weights(family), fresh(pairs, "sd1-a"))
    del family
    assert same(weights(use(manager, "sd1-b")), fresh(pairs, "sd1-b"))


def test_a_load_that_is_given_up_halfway_leaves_nobodys_weights(pairs: Path, manager: Manager) -> None:
    use(manager, "sd1-a")
    loading = manager.use("sd1-b")
    for _ in range(20):
        next(loading)
    loading.close()
    assert manager.current is None
    assert same(weights(use(manager, "sd1-a")), fresh(pairs, "sd1-a"))


def test_a_file_that_breaks_while_it_is_read_leaves_nobodys_weights(
    pairs: Path, manager: Manager, tmp_path: Path
) -> None:
    path = pairs / "Stable-diffusion" / "sd1-d.safetensors"
    path.write_bytes((pairs / "Stable-diffusion" / "sd1-b.safetensors").read_bytes())
    use(manager, "sd1-a")
    loading = manager.use("sd1-d")
    next(loading)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(BadCheckpoint, match=r"sd1-d\.safetensors is cut off"):
        list(loading)
    path.unlink()
    assert manager.current is None
    assert same(weights(use(manager, "sd1-a")), fresh(pairs, "sd1-a"))


def test_fifty_swaps_take_no_memory(manager: Manager) -> None:
    family = use(manager, "sd1-a")
    before, network = places(family), family.vae
    del family
    for number in range(1, 51):
        use(manager, f"sd1-{'ab'[number % 2]}")
    family = use(manager, "sd1-a")
    assert places(family) == before
    assert family.vae is network
    assert len(network.decoder.conv_in._forward_hooks) == 1


def test_the_way_back_to_one_that_waits_needs_no_room_for_two(pairs: Path, tmp_path: Path) -> None:
    room = sum(weight.nbytes for weight in fresh(pairs, "sd1-a").values())
    manager = manager_of(pairs, tmp_path, budget=int(1.1 * room))
    first, second = use(manager, "sd1-a"), use(manager, "sd1-b")
    assert list(manager.use("sd1-a")) == list(manager.use("sd1-b")) == []
    assert manager.current is second
    assert manager.waiting == (first.card.name,)


def test_whoever_loads_the_first_one_in_inference_mode_may_load_the_next_without(manager: Manager, pairs: Path) -> None:
    with torch.inference_mode():
        use(manager, "sd1-a")
    second = weights(use(manager, "sd1-b"))
    fresh = weights(load_family(pairs / "Stable-diffusion" / "sd1-b.safetensors"))
    assert all(torch.equal(second[name], weight) for name, weight in fresh.items())
    with torch.inference_mode():
        assert use(manager, "sd1-a").card.name == "sd1-a"

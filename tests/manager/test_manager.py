from __future__ import annotations

import weakref
from pathlib import Path
from time import monotonic, sleep

import pytest

from modules.core.errors import BadCheckpoint, UnknownName, UnsafeFile
from modules.families.device import Device
from modules.families.unet.family import UnetFamily
from modules.manager.index import Index
from modules.manager.manager import Manager
from tests.checkpoints import finished


@pytest.fixture
def manager(models: Path, tmp_path: Path) -> Manager:
    """One that keeps nothing but what is in use."""
    return Manager(Index((models,)), Device("cpu", "fp32", True, "sdpa"), tmp_path / "cache", budget=0)


def use(manager: Manager, name: str) -> UnetFamily:
    family = finished(manager.use(name))
    assert isinstance(family, UnetFamily)
    return family


def test_nothing_is_loaded_at_first(manager: Manager) -> None:
    assert manager.current is None


def test_a_checkpoint_is_loaded_by_name(manager: Manager) -> None:
    assert use(manager, "tiny") is manager.current
    assert manager.current.card.name == "tiny"


def test_loading_says_how_far_it_is(manager: Manager) -> None:
    done, total = list(manager.use("tiny"))[-1]
    assert done == total > 4_000_000


def test_the_loaded_one_is_not_loaded_again(manager: Manager) -> None:
    family = use(manager, "tiny")
    assert list(manager.use("tiny.safetensors")) == []
    assert manager.current is family


def test_a_checkpoint_of_another_width_takes_its_place(manager: Manager) -> None:
    assert use(manager, "tiny").unet.config["block_out_channels"] == [32, 64]
    other = use(manager, "other")
    assert other.unet.config["block_out_channels"] == [64, 128]
    assert other.card.prediction == "v_prediction"


def test_nothing_of_the_old_one_remains_after_a_swap_but_the_memory_the_new_one_needs(manager: Manager) -> None:
    family = use(manager, "tiny")
    traces = [weakref.ref(part) for part in (family, family.unet, family.unet.conv_in.weight)]  # of another shape
    vae = weakref.ref(family.vae)
    del family
    new = use(manager, "other")
    assert [trace() for trace in traces] == [None] * 3
    assert vae() is new.vae


def test_the_old_one_is_gone_before_the_new_one_is_read(manager: Manager) -> None:
    trace = weakref.ref(use(manager, "tiny"))
    loading = manager.use("other")
    next(loading)
    assert trace() is None
    loading.close()


def test_a_load_that_was_given_up_leaves_nothing_and_the_next_works(manager: Manager) -> None:
    loading = manager.use("tiny")
    next(loading)
    loading.close()
    assert manager.current is None
    assert use(manager, "other").card.name == "other"


@pytest.mark.parametrize(("name", "error"), [("broken", BadCheckpoint), ("old", UnsafeFile), ("nothing", UnknownName)])
def test_what_cannot_be_loaded_leaves_the_loaded_one_in_place(
    manager: Manager, name: str, error: type[Exception]
) -> None:
    family = use(manager, "tiny")
    with pytest.raises(error):
        use(manager, name)
    assert manager.current is family


def test_a_load_that_fails_midway_leaves_nothing_and_the_old_one_loads_again(manager: Manager, models: Path) -> None:
    use(manager, "tiny")
    path = models / "Stable-diffusion" / "other.safetensors"
    loading = manager.use("other")
    next(loading)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(BadCheckpoint):
        list(loading)
    assert manager.current is None
    assert use(manager, "tiny").card.name == "tiny"


def test_a_file_that_changed_on_disk_is_loaded_again(manager: Manager, models: Path) -> None:
    family = use(manager, "tiny")
    path = models / "Stable-diffusion" / "tiny.safetensors"
    path.write_bytes(path.with_name("other.safetensors").read_bytes())
    assert use(manager, "tiny") is not family


def test_unload_gives_everything_back(manager: Manager) -> None:
    trace = weakref.ref(use(manager, "tiny"))
    manager.unload()
    assert manager.current is None
    assert trace() is None


def test_the_hash_is_among_the_facts_once_it_is_known(manager: Manager) -> None:
    family = use(manager, "tiny")
    end = monotonic() + 10
    while "Model hash" not in family.facts and monotonic() < end:
        sleep(0.01)
    assert len(family.facts["Model hash"]) == 10

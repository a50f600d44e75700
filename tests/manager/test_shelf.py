"""Checkpoints that wait in memory: what comes back, what leaves, what is held once, and that nothing leaks."""

from __future__ import annotations

import gc
import shutil
import sys
import weakref
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from modules.core.errors import BadCheckpoint, OutOfMemory, UnknownName, UnsafeFile
from modules.core.heap import keep_freed_memory, return_freed_memory, set_thresholds
from modules.core.scarcity import resident
from modules.families import FAMILIES
from modules.families.device import Device
from modules.families.header import read_header
from modules.families.unet.family import UnetFamily
from modules.manager.index import Index
from modules.manager.manager import Manager
from modules.manager.shelf import Shelf, held
from tests.checkpoints import KINDS, finished, load_family, tiny_checkpoint, tiny_file_of
from tests.families import painting

GIGABYTE = 10**9
CPU = Device("cpu", "fp32", True, "sdpa")


@pytest.fixture(scope="module")
def shelf_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a and b: other denoisers, the same VAE and text encoder; c differs in all; plus VAEs."""
    models = tmp_path_factory.mktemp("shelf")
    folder = models / "Stable-diffusion"
    a = tiny_checkpoint(folder / "a.safetensors")
    c = tiny_checkpoint(folder / "c.safetensors", seed=1)
    weights, others = load_file(a), load_file(c)
    mixed = {key: others[key] if key.startswith("model.diffusion") else weight for key, weight in weights.items()}
    save_file(mixed, folder / "b.safetensors", dict(read_header(a).metadata))
    (models / "VAE").mkdir()
    bare = {key.removeprefix("first_stage_model."): w for key, w in others.items() if key.startswith("first_stage")}
    save_file(bare, models / "VAE" / "fine.safetensors")
    (models / "VAE" / "old.pt").write_bytes(b"anything")
    return models


@pytest.fixture
def manager(shelf_models: Path, tmp_path: Path) -> Manager:
    return Manager(Index((shelf_models,)), CPU, tmp_path / "cache", budget=GIGABYTE)


def use(manager: Manager, name: str, vae: str = "automatic") -> UnetFamily:
    family = finished(manager.use(name, vae))
    assert isinstance(family, UnetFamily)
    return family


def size(family: UnetFamily) -> int:
    return held([family])


def test_the_way_back_is_the_same_object_and_reads_nothing(manager: Manager) -> None:
    first = use(manager, "a")
    use(manager, "c")
    assert list(manager.use("a")) == []
    assert manager.current is first


def test_the_least_recently_used_leaves_first(shelf_models: Path, tmp_path: Path) -> None:
    room = size(use(Manager(Index((shelf_models,)), CPU, tmp_path, budget=0), "c"))
    manager = Manager(Index((shelf_models,)), CPU, tmp_path, budget=int(1.2 * room))
    traces = {}
    for name in ("a", "c", "b"):
        traces[name] = weakref.ref(use(manager, name))
    assert traces["a"]() is not None or traces["c"]() is not None
    use(manager, "a")
    assert traces["c"]() is None
    assert traces["b"]() is not None


def test_equal_parts_are_held_once_and_others_are_not(manager: Manager) -> None:
    a, b = use(manager, "a"), use(manager, "b")
    assert a.vae.decoder.conv_in.weight.data_ptr() == b.vae.decoder.conv_in.weight.data_ptr()
    assert a.unet.conv_in.weight.data_ptr() != b.unet.conv_in.weight.data_ptr()
    assert held([a, b]) < size(a) + size(b) - held([a]) // 4
    c = use(manager, "c")
    assert held([a, c]) == size(a) + size(c)


def test_fifty_swaps_leave_nothing_behind(manager: Manager) -> None:
    traces = []
    for number in range(50):
        family = use(manager, "abc"[number % 3])
        traces += [weakref.ref(family), weakref.ref(family.unet.conv_in.weight)]
    del family
    assert len({id(trace()) for trace in traces}) == 6
    manager.unload()
    assert all(trace() is None for trace in traces)


def test_fifty_swaps_without_a_budget_leave_nothing_behind(shelf_models: Path, tmp_path: Path) -> None:
    manager = Manager(Index((shelf_models,)), CPU, tmp_path, budget=0)
    gc.collect()
    traces = [weakref.ref(use(manager, "ac"[number % 2])) for number in range(10)]
    assert [trace() is None for trace in traces] == [True] * 9 + [False]


def test_one_that_would_not_fit_alone_makes_nobody_leave(shelf_models: Path, tmp_path: Path) -> None:
    small = load_family(shelf_models / "Stable-diffusion" / "a.safetensors")
    wide = load_family(tiny_checkpoint(tmp_path / "wide.safetensors", width=64))
    shelf = Shelf(size(small))
    assert shelf.put("small", small) == []
    assert shelf.put("wide", wide) == [wide]
    assert list(shelf) == [small]


@pytest.mark.parametrize(("short", "waiting"), [(0, ("a",)), (1, ())])
def test_room_is_made_for_a_checkpoint_as_it_computes_whatever_its_file_is_in(
    shelf_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: int, waiting: tuple[str, ...]
) -> None:
    header = read_header(shelf_models / "Stable-diffusion" / "c.safetensors")
    weights = load_file(header.path)
    folder = tmp_path / "Stable-diffusion"
    folder.mkdir()
    save_file(
        {key: weight.float() for key, weight in weights.items()}, folder / "wide.safetensors", dict(header.metadata)
    )
    free = sum(2 * weight.numel() for weight in weights.values()) - short
    manager = Manager(Index((shelf_models, tmp_path)), replace(CPU, dtype="bf16"), tmp_path, budget=GIGABYTE)
    use(manager, "a")
    monkeypatch.setattr("modules.manager.manager.ram_free", lambda: free)
    use(manager, "wide")
    assert manager.waiting == waiting


@pytest.fixture
def as_the_worker_does() -> Iterator[None]:
    """Memory that is given back stays in the heap."""
    keep_freed_memory()
    yield
    set_thresholds(32 << 20, 64 << 20)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc keeps so much")
@pytest.mark.usefixtures("as_the_worker_does")
def test_no_more_leave_than_make_room_though_what_they_leave_stays_in_the_heap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate("abcd"):
        tiny_checkpoint(tmp_path / "Stable-diffusion" / f"{name}.safetensors", seed=seed, width=64)
    manager = Manager(Index((tmp_path,)), CPU, tmp_path / "cache", budget=GIGABYTE)
    for name in "abc":
        family = use(manager, name)
    return_freed_memory()
    all_there_is = resident() + size(family) // 2
    del family
    monkeypatch.setattr("modules.manager.manager.ram_free", lambda: all_there_is - resident())
    use(manager, "d")
    assert manager.waiting == ("b", "c")


@pytest.mark.parametrize(("short", "waiting"), [(0, ("a",)), (1, ())])
def test_beside_a_checkpoint_there_is_room_for_the_work_on_a_picture(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, short: int, waiting: tuple[str, ...]
) -> None:
    work = use(manager, "a").placement.work
    free = iter([GIGABYTE])
    monkeypatch.setattr("modules.manager.manager.ram_free", lambda: next(free, work - short))
    use(manager, "c")
    assert work > 1_000_000
    assert manager.waiting == waiting


class Hungry:
    """The family's own loader, on a machine whose memory runs out halfway at the first tries.

    gone: at each try after the first, whether nothing of the one before was left.
    """

    def __init__(self, failures: int) -> None:
        self._loader: Any = FAMILIES["sd1"]
        self._failures = failures
        self._unet: Any = lambda: None
        self.tries = 0
        self.gone: list[bool] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def load(self, *arguments: Any) -> Generator[tuple[int, int], None, Any]:
        self.gone += [self._unet() is None] if self.tries else []
        self.tries += 1
        loading = self._loader.load(*arguments)
        if self.tries <= self._failures:
            yield next(loading)
            self._unet = weakref.ref(loading.gi_yieldfrom.gi_frame.f_locals["networks"]["unet"])
            loading.throw(RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"))
        return (yield from loading)


@pytest.mark.parametrize(("failures", "works"), [(1, True), (2, False)])
def test_without_memory_those_that_wait_leave_and_it_is_tried_once_more(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, failures: int, works: bool
) -> None:
    trace = weakref.ref(use(manager, "a"))
    hungry = Hungry(failures)
    monkeypatch.setitem(FAMILIES._values, "sd1", hungry)
    gc.collect()
    gc.disable()
    try:
        if works:
            assert use(manager, "c").card.name == "c"
        else:
            with pytest.raises(OutOfMemory, match="not enough memory for loading c"):
                use(manager, "c")
    finally:
        gc.enable()
    assert (hungry.tries, hungry.gone) == (2, [True])
    assert trace() is None


def test_families_take_each_others_place_and_come_back_the_same(tmp_path: Path) -> None:
    for name in ("sd1", "sd2", "sdxl"):
        tiny_file_of(tmp_path / "Stable-diffusion" / f"{name}.safetensors", KINDS[name])
    manager = Manager(Index((tmp_path,)), CPU, tmp_path / "cache", budget=GIGABYTE)
    first, second = ({name: painting.latents(use(manager, name)) for name in ("sd1", "sd2", "sdxl")} for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_vae_of_another_file_takes_the_place_of_the_checkpoints(manager: Manager) -> None:
    own = use(manager, "a")
    other = use(manager, "a", "fine")
    theirs = use(manager, "c")
    assert other.facts["VAE"] == "fine.safetensors"
    assert "VAE" not in own.facts
    assert other.vae_key == theirs.vae_key != own.vae_key
    latents = torch.randn(1, 4, 8, 8)
    assert torch.equal(other.decode(latents), theirs.decode(latents))


def test_automatic_takes_the_vae_named_after_the_checkpoint(shelf_models: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(shelf_models, models)
    shutil.copy(models / "VAE" / "fine.safetensors", models / "Stable-diffusion" / "a.vae.safetensors")
    manager = Manager(Index((models,)), CPU, tmp_path / "cache", budget=0)
    assert use(manager, "a").facts["VAE"] == "a.vae.safetensors"
    assert "VAE" not in use(manager, "a", "built in").facts
    assert "VAE" not in use(manager, "c").facts


def test_a_vae_that_cannot_be_used_says_why_and_the_loaded_one_stays(manager: Manager, shelf_models: Path) -> None:
    family = use(manager, "a")
    with pytest.raises(UnknownName, match="no VAE called 'nothing'"):
        use(manager, "a", "nothing")
    with pytest.raises(UnsafeFile, match=r"old\.pt"):
        use(manager, "a", "old")
    assert manager.current is family
    bare = load_file(shelf_models / "VAE" / "fine.safetensors")
    save_file(
        {key: w for key, w in bare.items() if ".down.2." not in key and ".up.2." not in key},
        shelf_models / "VAE" / "f2.safetensors",
    )
    with pytest.raises(BadCheckpoint, match=r"f2\.safetensors makes other latents"):
        use(manager, "a", "f2")

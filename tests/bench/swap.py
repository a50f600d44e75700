"""Bench `swap`: from one checkpoint to another of the same shape, by our manager and by diffusers' `from_single_file`,
in turns in one process, in fp32 and bf16; in bf16 also with prepared copies; back to one that waits in memory; and from
a file the system has forgotten.

--checkpoints: full (two files of Stable Diffusion 1.5's size, random weights made here, 2.1 GB each), sdxl (one file of
6.9 GB under two names, so that the system can keep it in memory; needs 22 GB of memory free and as much disk) or tiny
(for the bench's own test).
"""

from __future__ import annotations

import gc
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say

LIMITS = {"fp32": 0.25, "bf16": 0.9}  # of from_single_file, promised
PREPARED_LIMIT = 0.25
PREPARING = 300  # seconds a copy may take
COLD_LIMIT, BACK_LIMIT = 1.3, 0.05  # times reading the file; seconds
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
NAMES = ("a", "b")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoints", default="full", help="full, sdxl or tiny (default: %(default)s)")
    parser.add_argument("--precisions", default="fp32,bf16", help="with commas between (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to make the files and find those of an earlier run")
    parser.add_argument("--runs", type=int, default=3, help="pairs of swaps (default: %(default)s)")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every precision."""
    facts = machine(ROOT)
    precisions = options.precisions.split(",")
    with TemporaryDirectory(prefix="taffy-bench-") as name:
        folder = options.folder or Path(name)
        write_files(folder, options.checkpoints)
        rows: list[Row] = []
        for dtype in precisions:
            rows += compared(folder, dtype, options.runs)
            last = dtype == precisions[-1]
            yield Report("swap", "From one checkpoint to another", by_panel(rows), facts, complete=last)


def write_files(folder: Path, size: str) -> None:
    """a and b, which differ in every part; of SDXL's size they are one file."""
    from tests.bench.full_size import full_size_checkpoint, full_size_sdxl
    from tests.checkpoints import tiny_checkpoint

    make: Any = {"full": full_size_checkpoint, "sdxl": full_size_sdxl, "tiny": tiny_checkpoint}[size]
    first, second = (folder / "models" / "Stable-diffusion" / f"{name}.safetensors" for name in NAMES)
    if not second.exists():
        say(f"making {first.name}")
        make(first, seed=0)
        if size == "sdxl":
            second.hardlink_to(first)
        else:
            say(f"making {second.name}")
            make(second, seed=1)


def compared(folder: Path, dtype: str, runs: int) -> list[Row]:
    """One precision: turns of ours and theirs, then the ways only we have."""
    from modules.core.heap import keep_freed_memory
    from tests.bench.rivals import write_configs

    keep_freed_memory()
    manager = manager_of(folder, dtype)
    load(manager, "a")
    if not (configs := folder / dtype).exists():
        write_configs(manager.current, configs)
    ours, theirs = turns(manager, folder, dtype, runs)
    cold, read = forgotten(manager, [path_of(folder, name) for name in NAMES])
    manager.unload()
    rows = [
        Row(f"Seconds a swap, {dtype}", "Taffy", tuple(ours), "s"),
        Row(f"Seconds a swap, {dtype}", "from_single_file", tuple(theirs), "s"),
        Row("Ours : diffusers, pair by pair", dtype, tuple(map(divided, ours, theirs)), "times", LIMITS[dtype]),
        Row("Cold: ours : reading the file", dtype, tuple(map(divided, cold, read)), "times", COLD_LIMIT),
        Row("Back to one that waits in memory", dtype, tuple(back(folder, dtype)), "s", BACK_LIMIT),
    ]
    return rows + (prepared(folder, dtype, runs) if dtype == "bf16" else [])


def prepared(folder: Path, dtype: str, runs: int) -> list[Row]:
    """With copies in the precision that is computed in."""
    manager = manager_of(folder, dtype, copies=10**11)
    for name in reversed(NAMES):
        load(manager, name)
        wait_for_copy(manager, path_of(folder, name), dtype)
    ours, theirs = turns(manager, folder, dtype, runs)
    manager.unload()
    panel, label = "Ours : diffusers, pair by pair", f"{dtype}, prepared copies"
    return [
        Row(f"Seconds a swap, {dtype}", "Taffy, prepared copies", tuple(ours), "s"),
        Row(panel, label, tuple(map(divided, ours, theirs)), "times", PREPARED_LIMIT),
    ]


def wait_for_copy(manager: Any, path: Path, dtype: str) -> None:
    """Raises BenchFailed."""
    end = perf_counter() + PREPARING
    while manager.copies.find(path, dtype) is None:
        if perf_counter() > end:
            raise BenchFailed(f"no prepared copy of {path.name} in {PREPARING} s")
        sleep(0.1)


def back(folder: Path, dtype: str) -> list[float]:
    """Seconds to one that waits in memory."""
    manager = manager_of(folder, dtype, budget=10**11)
    for name in NAMES:
        load(manager, name)
    return [seconds(partial(load, manager, NAMES[number % 2])) for number in range(10)]


def turns(manager: Any, folder: Path, dtype: str, runs: int) -> tuple[list[float], list[float]]:
    """Seconds of our swaps and of theirs."""
    from tests.bench.rivals import from_single_file

    configs = folder / dtype
    pipelines = [from_single_file(path_of(folder, "a"), configs, DTYPES[dtype])]
    ours, theirs = [], []
    for number in range(1, runs + 1):
        name = NAMES[number % 2]
        ours.append(seconds(partial(load, manager, name)))
        theirs.append(seconds(partial(swapped, pipelines, path_of(folder, name), configs, DTYPES[dtype])))
        say(f"{dtype}, pair {number}: Taffy {ours[-1]:.2f} s, from_single_file {theirs[-1]:.2f} s")
    return ours, theirs


def manager_of(folder: Path, dtype: str, budget: int = 0, copies: int = 0) -> Any:
    from modules.families.device import Device
    from modules.manager.index import Index
    from modules.manager.manager import Manager

    device = Device("cpu", dtype, True, "sdpa")
    return Manager(Index((folder / "models",)), device, folder / "cache", budget, copies)


def path_of(folder: Path, name: str) -> Path:
    return folder / "models" / "Stable-diffusion" / f"{name}.safetensors"


def divided(one: float, other: float) -> float:
    return one / other


def load(manager: Any, name: str) -> None:
    for _ in manager.use(name):
        pass


def swapped(pipelines: list[object], path: Path, configs: Path, dtype: str) -> None:
    from tests.bench.rivals import from_single_file

    pipelines.clear()
    gc.collect()
    pipelines.append(from_single_file(path, configs, dtype))


def forgotten(manager: object, paths: list[Path]) -> tuple[list[float], list[float]]:
    """Seconds of a swap to a file that is not in the system's memory, and of reading such a file; twice."""
    load(manager, NAMES[1])  # else the first may be the one in use
    cold, read = [], []
    for number in (0, 1):
        forget(paths[number])
        read.append(seconds(partial(read_through, paths[number])))
        forget(paths[number])
        cold.append(seconds(partial(load, manager, NAMES[number])))
    return cold, read


def forget(path: Path) -> None:
    """Let the system drop the file from its memory (Linux; elsewhere nothing happens)."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_through(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass


def seconds(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began


def by_panel(rows: list[Row]) -> tuple[Row, ...]:
    order = list(dict.fromkeys(row.panel for row in rows))
    return tuple(sorted(rows, key=lambda row: order.index(row.panel)))

"""Bench `swap`: from one checkpoint to another of the same shape, by our manager and by diffusers' `from_single_file`,
in turns in one process, in fp32 and bf16; back to one that waits in memory; and from a file the system has forgotten.

--checkpoints: full (two files of Stable Diffusion 1.5's size, random weights made here, 2.1 GB each in a temporary
folder) or tiny (for the bench's own test).
"""

from __future__ import annotations

import gc
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, say

LIMITS = {"fp32": 0.25, "bf16": 0.9}  # of from_single_file, promised
COLD_LIMIT, BACK_LIMIT = 1.3, 0.05  # times reading the file; seconds
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
NAMES = ("a", "b")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoints", default="full", help="full or tiny (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="pairs of swaps (default: %(default)s)")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every precision."""
    facts = machine(ROOT)
    with TemporaryDirectory(prefix="taffy-bench-") as name:
        folder = Path(name)
        write_files(folder, options.checkpoints)
        rows: list[Row] = []
        for dtype in DTYPES:
            rows += compared(folder, dtype, options.runs)
            last = dtype == list(DTYPES)[-1]
            yield Report("swap", "From one checkpoint to another", by_panel(rows), facts, complete=last)


def write_files(folder: Path, size: str) -> None:
    """a and b, which differ in every part."""
    from tests.bench.full_size import full_size_checkpoint
    from tests.checkpoints import tiny_checkpoint

    for seed, name in enumerate(NAMES):
        say(f"making {name}")
        path = folder / "models" / "Stable-diffusion" / f"{name}.safetensors"
        if size == "full":
            full_size_checkpoint(path, seed)
        else:
            tiny_checkpoint(path, seed=seed)


def compared(folder: Path, dtype: str, runs: int) -> list[Row]:
    """One precision: turns of ours and theirs, then the ways only we have."""
    from modules.core.heap import keep_freed_memory
    from modules.families.device import Device
    from modules.manager.index import Index
    from modules.manager.manager import Manager
    from tests.bench.rivals import from_single_file, write_configs

    models = folder / "models"
    manager = Manager(Index((models,)), Device("cpu", dtype, True, "sdpa"), folder / "cache", budget=0)
    keep_freed_memory()
    load(manager, "a")
    configs = folder / dtype
    write_configs(manager.current, configs)  # type: ignore[arg-type]
    paths = [models / "Stable-diffusion" / f"{name}.safetensors" for name in NAMES]
    pipelines = [from_single_file(paths[0], configs, DTYPES[dtype])]
    ours, theirs = [], []
    for number in range(1, runs + 1):
        ours.append(seconds(partial(load, manager, NAMES[number % 2])))
        theirs.append(seconds(partial(swapped, pipelines, paths[number % 2], configs, DTYPES[dtype])))
        say(f"{dtype}, pair {number}: Taffy {ours[-1]:.2f} s, from_single_file {theirs[-1]:.2f} s")
    pipelines.clear()
    cold, read = forgotten(manager, paths)
    manager.unload()
    keeping = Manager(Index((models,)), Device("cpu", dtype, True, "sdpa"), folder / "cache", budget=10**11)
    load(keeping, "a")
    load(keeping, "b")
    back = [seconds(partial(load, keeping, NAMES[number % 2])) for number in range(10)]
    return [
        Row(f"Seconds a swap, {dtype}", "Taffy", tuple(ours), "s"),
        Row(f"Seconds a swap, {dtype}", "from_single_file", tuple(theirs), "s"),
        Row("Ours : diffusers, pair by pair", dtype, tuple(map(divided, ours, theirs)), "times", LIMITS[dtype]),
        Row("Cold: ours : reading the file", dtype, tuple(map(divided, cold, read)), "times", COLD_LIMIT),
        Row("Back to one that waits in memory", dtype, tuple(back), "s", BACK_LIMIT),
    ]


def divided(one: float, other: float) -> float:
    return one / other


def load(manager: object, name: str) -> None:
    for _ in manager.use(name):  # type: ignore[attr-defined]
        pass


def swapped(pipelines: list[object], path: Path, configs: Path, dtype: str) -> None:
    from tests.bench.rivals import from_single_file

    pipelines.clear()
    gc.collect()
    pipelines.append(from_single_file(path, configs, dtype))


def forgotten(manager: object, paths: list[Path]) -> tuple[list[float], list[float]]:
    """Seconds of a swap to a file that is not in the system's memory, and of reading such a file; twice."""
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

"""What was measured about kernels on this machine, kept over restarts: nobody waits for the same benchmark twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import TypeAdapter

from modules.attention.base import KERNELS
from modules.attention.measure import DEFAULT, Result, benchmark
from modules.core.errors import CannotSave
from modules.core.paths import write_atomically

PACKAGES = ("xformers", "flash-attn", "sageattention", "numba")  # that some kernels need
Results = Mapping[str, Result]
_ROWS = TypeAdapter(dict[str, dict[str, Result]])


class Measured:
    """path: of the JSON file; deleted or damaged it is measured again. measure: what is asked then."""

    def __init__(self, path: Path, measure: Callable[[str, str, int], Results] = benchmark) -> None:
        self._path = path
        self._measure = measure

    def __call__(self, device_kind: str, dtype: str, head_size: int) -> Results:
        """Of this device, precision, number of threads, head size, the kernels there are and version of torch."""
        key = " ".join((machine(device_kind), dtype, str(head_size)))
        known = self._read()
        if key not in known:
            known[key] = self._measure(device_kind, dtype, head_size)
            rows = {key: {name: asdict(result) for name, result in results.items()} for key, results in known.items()}
            with suppress(CannotSave):  # then it is measured at the next start
                write_atomically(self._path, json.dumps(rows, indent=1).encode())
        return known[key]

    def _read(self) -> dict[str, Results]:
        with suppress(OSError, ValueError):
            rows = _ROWS.validate_json(self._path.read_bytes())
            return {key: row for key, row in rows.items() if DEFAULT in row and is_measured(row)}
        return {}


def is_measured(row: Results) -> bool:
    return all(result.seconds > 0 for result in row.values())


def machine(device_kind: str) -> str:
    """What a measurement depends on beside precision and head size."""
    import torch

    units = torch.backends.cpu.get_cpu_capability()
    title = torch.cuda.get_device_name() if device_kind == "cuda" else f"{device_kind} {units}"
    threads = f"{torch.get_num_threads()}-threads"
    kernels = [name for name in KERNELS if device_kind != "cpu" or not KERNELS[name].why_not("cpu")]  # a card is tried
    return " ".join([f"torch-{torch.__version__}", title, threads, ",".join(kernels), *_packages()])


def _packages() -> Iterator[str]:
    """Those that are there: installed later, their kernels are measured too."""
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{name}-{version(name)}"

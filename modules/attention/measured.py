"""What was measured about kernels on this machine, kept over restarts: nobody waits for the same benchmark twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from modules.attention.base import KERNELS
from modules.attention.measure import Result, benchmark
from modules.core.errors import CannotSave
from modules.core.paths import write_atomically

Results = Mapping[str, Result]


class Measured:
    """path: of the JSON file; deleted or damaged it is measured again. measure: what is asked then."""

    def __init__(self, path: Path, measure: Callable[[str, str, int], Results] = benchmark) -> None:
        self._path = path
        self._measure = measure

    def __call__(self, device_kind: str, dtype: str, head_size: int) -> Results:
        """Of this device, precision, number of threads, head size and version of torch."""
        key = " ".join((machine(device_kind), dtype, str(head_size)))
        known = self._read()
        if key not in known:
            known[key] = self._measure(device_kind, dtype, head_size)
            rows = {key: {name: asdict(result) for name, result in results.items()} for key, results in known.items()}
            with suppress(CannotSave):  # then it is measured at the next start
                write_atomically(self._path, json.dumps(rows, indent=1).encode())
        return known[key]

    def _read(self) -> dict[str, Results]:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            found = {key: {name: Result(**result) for name, result in row.items()} for key, row in rows.items()}
            return {key: results for key, results in found.items() if results.keys() <= set(KERNELS)}
        return {}


def machine(device_kind: str) -> str:
    """What a measurement depends on beside precision and head size."""
    import torch

    units = torch.backends.cpu.get_cpu_capability()
    title = torch.cuda.get_device_name() if device_kind == "cuda" else f"{device_kind} {units}"
    return f"torch-{torch.__version__} {title} {torch.get_num_threads()}-threads"

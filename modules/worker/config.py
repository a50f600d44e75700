"""What a worker must know to start: plain values, so that they can travel to another process or machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerConfig:
    """models_dirs, extension_dirs: folders as text. threads: CPU threads for arithmetic, 0 for torch's own choice.

    extensions_off: names of those not wanted. hook_seconds: how long a hook of one may take.
    ram_budget: gigabytes as text, or "auto".
    """

    models_dirs: tuple[str, ...]
    cache_dir: str
    extension_dirs: tuple[str, ...] = ()
    use_cpu: bool = False
    precision: str = "auto"
    attention: str = "automatic"
    threads: int = 0
    safe_mode: bool = False
    extensions_off: tuple[str, ...] = ()
    hook_seconds: float = 20.0
    ram_budget: str = "auto"

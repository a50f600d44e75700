"""What a worker must know to start: plain values, so that they can travel to another process or machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modules.core.settings import Settings


@dataclass(frozen=True)
class WorkerConfig:
    """models_dirs, extension_dirs: folders as text. threads: CPU threads for arithmetic, 0 for torch's own choice.

    compiled: whether layers of networks are compiled. extensions_off: names of those not wanted.
    hook_seconds: how long a hook of one may take.
    ram_budget: gigabytes as text, or "auto", for all workers. device_budget: gigabytes, 0 for all there is.
    device: which of the computer's graphics cards, from 0. devices: how many workers there are, one for each.
    offload: as `Device` has it. prepared_copies: gigabytes of disk.
    """

    models_dirs: tuple[str, ...]
    cache_dir: str
    extension_dirs: tuple[str, ...] = ()
    use_cpu: bool = False
    precision: str = "auto"
    attention: str = "automatic"
    compiled: bool = False
    threads: int = 0
    safe_mode: bool = False
    extensions_off: tuple[str, ...] = ()
    hook_seconds: float = 20.0
    ram_budget: str = "auto"
    device_budget: int = 0
    device: int = 0
    devices: int = 1
    offload: str = "automatic"
    prepared_copies: int = 0


def config_of(settings: Settings, cache: Path, extensions_off: tuple[str, ...]) -> WorkerConfig:
    """What the settings say about a worker. extensions_off: those that are switched off."""
    return WorkerConfig(
        models_dirs=tuple(str(folder) for folder in settings.models_dirs),
        cache_dir=str(cache),
        extension_dirs=tuple(str(folder) for folder in settings.extensions_dirs),
        use_cpu=settings.use_cpu,
        precision=settings.precision,
        attention=settings.attention,
        compiled=settings.compile,
        threads=settings.threads,
        safe_mode=settings.safe_mode,
        extensions_off=extensions_off,
        hook_seconds=settings.hook_seconds,
        ram_budget=settings.ram_budget,
        device_budget=settings.device_budget,
        devices=settings.devices,
        offload=settings.offload,
        prepared_copies=settings.prepared_copies,
    )

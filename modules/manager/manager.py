"""The one owner of weights: at most one checkpoint is loaded, by name."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from modules.core.family import Family
from modules.families import FAMILIES, recognise
from modules.families.device import Device
from modules.families.header import read_header
from modules.manager.hashes import Hashes
from modules.manager.index import Entry, Index
from modules.manager.memory import out_of_memory


class Manager:
    """Swaps checkpoints. The old one is released before the new one takes memory, so both never have to fit.

    If a load fails or is given up, nothing is loaded: the next `use` loads what it names.
    """

    def __init__(self, index: Index, device: Device, cache_dir: Path) -> None:
        self._index = index
        self._device = device
        self._hashes = Hashes(cache_dir / "hashes")
        self._family: Family | None = None
        self._entry: Entry | None = None

    @property
    def current(self) -> Family | None:
        return self._family

    def use(self, name: str) -> Generator[tuple[int, int], None, Family]:
        """Yields (bytes done, bytes in all) while loading; returns the family.

        Raises UnknownName, BadCheckpoint and UnsafeFile (the loaded one stays), OutOfMemory.
        """
        entry = self._index.find(name)
        if self._family is not None and entry == self._entry:
            return self._family
        header = read_header(entry.path)
        loader = FAMILIES[recognise(entry.name, header).family]
        self.unload()
        try:
            family = yield from loader.load(entry.name, header, self._device, lambda: self._hashes.known(entry.path))
        except (RuntimeError, MemoryError) as error:
            if explained := out_of_memory(error, f"loading {entry.name}"):
                raise explained from error
            raise
        self._family, self._entry = family, entry
        self._hashes.ask(entry.path)
        return family

    def unload(self) -> None:
        """Give the memory of the weights back, at once: nothing in a family refers to itself in a circle."""
        self._family = self._entry = None
        if self._device.kind == "cuda":
            import torch

            torch.cuda.empty_cache()

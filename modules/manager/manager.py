"""The one owner of weights: one checkpoint is in use, by name; others wait in memory as long as there is room."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

from modules.attention.base import KERNELS
from modules.core.errors import OutOfMemory
from modules.core.family import Family
from modules.core.scarcity import ram_free
from modules.families import FAMILIES, recognise
from modules.families.base import FamilyLoader, ShortHash, VaeFile
from modules.families.device import Device
from modules.families.header import Header, read_header
from modules.manager.adapters import Adapters
from modules.manager.hashes import Hashes
from modules.manager.heap import return_freed_memory
from modules.manager.index import Entry, Index
from modules.manager.memory import out_of_memory, ram_budget
from modules.manager.shelf import Shelf
from modules.manager.vaes import AUTOMATIC, Vaes

BITS = {"fp32": 32, "bf16": 16, "fp16": 16}


@dataclass(frozen=True)
class Choice:
    """What is loaded: a checkpoint as it was on disk, and the file its VAE came from, as that was."""

    path: Path
    size: int
    modified: int
    vae: Path | None = None
    vae_modified: int = 0


class Manager:
    """Swaps checkpoints. The one that was in use waits in RAM if the budget allows: back to it takes milliseconds.

    Before another is read, those that wait leave until there is room. If a load fails or is given up, nothing is in
    use: the next `use` loads what it names. budget: bytes for waiting checkpoints; None reads the machine.
    """

    def __init__(self, index: Index, device: Device, cache_dir: Path, budget: int | None = None) -> None:
        self._index = index
        self._device = device
        self._hashes = Hashes(cache_dir / "hashes")
        self._vaes = Vaes(index.folders)
        self.adapters = Adapters(index.folders)
        self._shelf = Shelf(ram_budget("auto") if budget is None else budget)
        self._family: Family | None = None
        self._choice: Choice | None = None

    @property
    def current(self) -> Family | None:
        return self._family

    def use(self, name: str, vae: str = AUTOMATIC) -> Generator[tuple[int, int], None, Family]:
        """Yields (bytes done, bytes in all) while loading; returns the family. vae: as `Vaes.choose` takes it.

        Raises UnknownName, BadCheckpoint and UnsafeFile (the loaded one stays), OutOfMemory.
        """
        entry = self._index.find(name)
        choice = _choice(entry, self._vaes.choose(vae, entry))
        if self._family is not None and choice == self._choice:
            return self._family
        header = read_header(entry.path)
        loader = FAMILIES[recognise(entry.name, header).family]
        other = VaeFile(read_header(choice.vae), self._hash_of(choice.vae)) if choice.vae else None
        self._put_away()
        family = self._taken(choice)
        if family is None:
            family = yield from self._loaded(entry, header, loader, other)
        self._family, self._choice = family, choice
        return_freed_memory()  # not before: the new weights take the place of the old ones
        for path in filter(None, (entry.path, choice.vae)):
            self._hashes.ask(path)
        return family

    @property
    def attention(self) -> str:
        """The kernel that is wanted: "automatic" or a name."""
        return self._device.attention

    @property
    def waiting(self) -> tuple[str, ...]:
        """Names of the checkpoints that wait in RAM, the one used longest ago first."""
        return tuple(family.card.name for family in self._shelf)

    @property
    def ram_budget(self) -> int:
        """Bytes they may take."""
        return self._shelf.budget

    def attend(self, kernel: str) -> None:
        """From now on compute attention with this kernel: "automatic" or a name. Raises UnknownName."""
        wanted = kernel if kernel == "automatic" else KERNELS.canonical(kernel)
        self._device = replace(self._device, attention=wanted)
        for family in (*self._shelf, *filter(None, [self._family])):
            family.attend(wanted)

    def unload(self) -> None:
        """Give the memory of all weights back, at once: nothing in a family refers to itself in a circle."""
        self._family = self._choice = None
        self._shelf.clear()
        self._device.empty()
        return_freed_memory()

    def _hash_of(self, path: Path) -> ShortHash:
        return lambda: self._hashes.known(path)

    def _put_away(self) -> None:
        family, choice = self._family, self._choice
        self._family = self._choice = None
        if family is not None:
            self._shelf.put(choice, family)
        self._device.empty()

    def _taken(self, choice: Choice) -> Family | None:
        """From those that wait, back on the device."""
        family = self._shelf.take(choice)
        if family is not None and self._device.kind != "cpu":
            for network in family.networks.values():
                network.to(self._device.kind)
        return family

    def _loaded(
        self, entry: Entry, header: Header, loader: FamilyLoader, vae: VaeFile | None
    ) -> Generator[tuple[int, int], None, Family]:
        """From disk. Without memory for it all that wait leave, and it is tried once more."""
        self._make_room(header)
        try:
            return (yield from self._read(entry, header, loader, vae))
        except OutOfMemory:
            self._shelf.clear()
        self._device.empty()
        return (yield from self._read(entry, header, loader, vae))

    def _read(
        self, entry: Entry, header: Header, loader: FamilyLoader, vae: VaeFile | None
    ) -> Generator[tuple[int, int], None, Family]:
        try:
            family = yield from loader.load(entry.name, header, self._device, self._hash_of(entry.path), vae)
        except (RuntimeError, MemoryError) as error:
            if explained := out_of_memory(error, f"loading {entry.name}"):
                raise explained from error
            raise
        self._shelf.share(family)
        return family

    def _make_room(self, header: Header) -> None:
        """Those that wait leave, the oldest first, until the system has memory for the weights of a header."""
        if self._device.kind != "cpu":
            return
        stored = sum(item["data_offsets"][1] - item["data_offsets"][0] for item in header.tensors.values())
        wanted = stored * BITS[self._device.dtype] / 16
        while (free := ram_free()) is not None and free < wanted and self._shelf.drop():
            continue


def _choice(entry: Entry, vae: Path | None) -> Choice:
    modified = vae.stat().st_mtime_ns if vae else 0
    return Choice(entry.path, entry.size, entry.modified, vae, modified)

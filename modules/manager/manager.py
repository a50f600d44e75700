"""The one owner of weights: one checkpoint is in use, by name; others wait in memory as long as there is room."""

from __future__ import annotations

import logging
import math
import weakref
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from modules.core.errors import BadCheckpoint, OutOfMemory
from modules.core.family import Family
from modules.core.heap import return_freed_memory
from modules.core.scarcity import is_lack_of_memory, ram_free
from modules.families import FAMILIES, recognise
from modules.families.base import FamilyLoader, Prepares, ShortHash, VaeFile, held_by, placement_of
from modules.families.device import Device
from modules.families.header import Header, read_header
from modules.families.placement import MODES, WHOLE
from modules.families.spare import Spare, spare_of
from modules.manager.adapters import Adapters
from modules.manager.hashes import Hashes
from modules.manager.index import Entry, Index
from modules.manager.memory import out_of_memory, ram_budget
from modules.manager.prepared import PreparedCopies
from modules.manager.shelf import Shelf
from modules.manager.swap import exchange
from modules.manager.vaes import AUTOMATIC, Vaes

log = logging.getLogger(__name__)
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}  # of a number


@dataclass(frozen=True)
class Choice:
    """What is loaded: a checkpoint as it was on disk, and the file its VAE came from, as that was."""

    path: Path
    size: int
    modified: int
    vae: Path | None = None
    vae_modified: int = 0


@dataclass(frozen=True)
class Wanted:
    """What is to be loaded. vae: from another file."""

    entry: Entry
    header: Header
    loader: FamilyLoader
    vae: VaeFile | None
    choice: Choice


@dataclass
class Way:
    """What the one that was in use has left. held: itself, while something depends on the places of its weights.

    spare: networks that may be written over.
    """

    held: Family | None = None
    spare: Spare = field(default_factory=Spare)


class Manager:
    """Swaps checkpoints. The one that was in use waits in RAM if the budget allows: back to it takes milliseconds.

    Before another is read, those that wait leave until there is room. If a load fails or is given up, nothing is in
    use: the next `use` loads what it names. budget: bytes for waiting checkpoints; None reads the machine. copies:
    bytes on disk for prepared copies.
    """

    def __init__(
        self, index: Index, device: Device, cache_dir: Path, budget: int | None = None, copies: int = 0
    ) -> None:
        self._index = index
        self._device = device
        self._hashes = Hashes(cache_dir / "hashes")
        self._vaes = Vaes(index.folders)
        self.adapters = Adapters(index.folders)
        self.copies = PreparedCopies(cache_dir / "prepared", copies, self._hashes)
        self._shelf = Shelf(ram_budget("auto") if budget is None else budget)
        self._tighter: dict[Choice, int] = {}
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
        wanted = Wanted(entry, header, loader, other, choice)
        family = self._shelf.take(choice)  # before another takes its place
        with self._making_way(loader) as way:
            if family is None:
                family = yield from self._loaded(wanted, way)
            if way.held is not None:
                exchange(way.held, family)
            self._onto_device(family)
        self._family, self._choice = family, choice
        if placement := placement_of(family):
            self._leave_free(placement.work)
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
        """From now on compute attention with this kernel: "automatic" or a name."""
        self._device = replace(self._device, attention=kernel)
        for family in (*self._shelf, *filter(None, [self._family])):
            family.attend(kernel)

    def unload(self) -> None:
        """Give the memory of all weights back, at once: nothing in a family refers to itself in a circle."""
        self._family = self._choice = None
        self._shelf.clear()
        self._device.empty()
        return_freed_memory()

    @property
    def can_do_with_less(self) -> bool:
        """Whether another try has a hope when memory ran out: something waits, or more could leave the device."""
        return bool(self.waiting) or self._can_tighten

    def do_with_less(self) -> None:
        """Nothing is loaded or waits any more; the checkpoint that was in use will take less of the device."""
        if self._can_tighten and self._choice:
            log.warning("there was not enough memory on the device: once more with fewer weights on it")
            self._tighten(self._choice)
        self.unload()

    @property
    def tried(self) -> str:
        """How far memory was saved already, for a sentence."""
        placement = placement_of(self._family)
        return "" if placement is None or placement.mode == WHOLE else f", with its weights {placement.title}"

    @property
    def _can_tighten(self) -> bool:
        placement = placement_of(self._family)
        return self._device.apart and placement is not None and placement.mode != MODES[-1]

    def _hash_of(self, path: Path) -> ShortHash:
        return lambda: self._hashes.known(path)

    @contextmanager
    def _making_way(self, loader: FamilyLoader) -> Iterator[Way]:
        """The one in use waits, now or, if something depends on the places of its weights, when the next one is there.

        loader: of the next one.
        """
        family, choice = self._family, self._choice
        self._family = self._choice = None
        way = Way()
        if held_by(family):
            way.held = family
        elif family is not None:
            left = self._shelf.put(choice, family)
            del family
            way.spare = self._spare(left, loader)
        self._device.empty()
        try:
            yield way
        finally:
            way.spare.clear()
            if way.held is not None:
                self._shelf.put(choice, way.held)
                self._device.empty()

    def _spare(self, left: list[Family], loader: FamilyLoader) -> Spare:
        """The networks of one that leaves, if it is of the next one's family and nobody knows it any more."""
        fitting = [family for family in left if FAMILIES[family.card.family] is loader]
        left.clear()
        if not fitting or self._device.kind != "cpu":
            return Spare()
        waiting = [network for family in self._shelf for network in family.networks.values()]
        spare, trace = spare_of(fitting[-1], waiting), weakref.ref(fitting[-1])
        fitting.clear()
        return spare if trace() is None else Spare()

    def _onto_device(self, family: Family) -> None:
        """What was in RAM, unless its weights come when they are called."""
        placement = placement_of(family)
        if self._device.kind == "cpu" or (placement is not None and placement.mode != WHOLE):
            return
        for network in family.networks.values():
            network.to(self._device.kind)

    def _loaded(self, wanted: Wanted, way: Way) -> Generator[tuple[int, int], None, Family]:
        """From disk. Without memory for it all that wait leave, and it is tried once more, with less on the device."""
        self._make_room(wanted.header, way.spare.size)
        try:
            return (yield from self._read(wanted, way))
        except OutOfMemory:
            self._shelf.clear()
            way.spare.clear()
        self._device.empty()
        self._tighten(wanted.choice)
        return (yield from self._read(wanted, way))

    def _read(self, wanted: Wanted, way: Way) -> Generator[tuple[int, int], None, Family]:
        entry, home = wanted.entry, "cpu" if way.held is not None else ""
        device = replace(self._device, home=home, tighter=self._tighter.get(wanted.choice, 0))
        copying = self._copying(wanted)
        copy = self.copies.find(entry.path, device.dtype) if copying else None
        try:
            family = yield from self._from(wanted, copy, device, way.spare)
        except (RuntimeError, MemoryError) as error:
            if is_lack_of_memory(error):
                raise out_of_memory(f"loading {entry.name}", self._device.kind) from error
            raise
        if copying:
            self.copies.ask(entry.path, device.dtype, partial(copying.prepare, wanted.header, self._device))
        self._shelf.share(family)
        return family

    def _from(
        self, wanted: Wanted, copy: Header | None, device: Device, spare: Spare
    ) -> Generator[tuple[int, int], None, Family]:
        """From its prepared copy, if there is one that can be used."""
        name, short_hash, load = wanted.entry.name, self._hash_of(wanted.entry.path), wanted.loader.load
        if copy is not None:
            try:
                header = replace(wanted.header, prepared=copy)
                return (yield from load(name, header, device, short_hash, wanted.vae, spare))
            except BadCheckpoint as error:
                self.copies.drop(copy.path, error.message)
        return (yield from load(name, wanted.header, device, short_hash, wanted.vae, spare))

    def _copying(self, wanted: Wanted) -> Prepares | None:
        """Who can make a prepared copy, where one saves work: half precision on a processor is slow to convert to."""
        if not self.copies.budget or (self._device.kind, self._device.dtype) != ("cpu", "bf16"):
            return None
        stored = {item["dtype"] for item in wanted.header.tensors.values()}
        return wanted.loader if isinstance(wanted.loader, Prepares) and stored != {"BF16"} else None

    def _tighten(self, choice: Choice) -> None:
        """From now on with less of it on the device."""
        self._tighter[choice] = self._tighter.get(choice, 0) + 1

    def _make_room(self, header: Header, spare: int) -> None:
        """For the weights of a header. spare: bytes that are at hand already."""
        numbers = sum(math.prod(item["shape"]) for item in header.tensors.values())
        self._leave_free(numbers * BYTES[self._device.dtype] - spare)

    def _leave_free(self, wanted: int) -> None:
        """Those that wait leave, the oldest first, until the system has so many bytes."""
        while self._device.kind == "cpu" and ram_free() < wanted:
            return_freed_memory()  # of pictures that were made, and of those that have just left
            if ram_free() < wanted and not self._shelf.drop():
                return


def _choice(entry: Entry, vae: Path | None) -> Choice:
    modified = vae.stat().st_mtime_ns if vae else 0
    return Choice(entry.path, entry.size, entry.modified, vae, modified)

"""Which checkpoints are on disk, by their headers alone. The list is always fresh and costs a walk over the folders."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from modules.core.errors import BadCheckpoint, BadSetting, UnknownName, UnsafeFile
from modules.core.family import CheckpointCard
from modules.core.paths import readable
from modules.families import FamilyLoader, known_families, recognise
from modules.families.header import PICKLES, read_header
from modules.manager.hashes import DIGITS, Hashes
from modules.manager.places import NAMES, YAML, hub_files, hub_snapshots, is_folder, places, visible

FOLDER = "Stable-diffusion"
SUFFIXES = PICKLES | {".safetensors"}
KNOWN = "put checkpoints into Stable-diffusion below it, others into Lora, VAE, embeddings; or name a folder called so"
LISTED = 20  # names an error message shows
Families = Callable[[], Mapping[str, FamilyLoader]]


def no_more() -> Mapping[str, FamilyLoader]:
    return {}


@dataclass(frozen=True)
class Entry:
    """One file or diffusers folder. name: path below the folder, without suffix; empty for what is no checkpoint where
    other things lie too. size: bytes. modified: another number for each version of the file and of its .yaml.

    card is None exactly if there is a problem: a sentence, and perhaps advice.
    """

    name: str
    path: Path
    size: int = 0
    modified: int = 0
    card: CheckpointCard | None = None
    problem: str = ""
    advice: str = ""


@contextmanager
def uncollected() -> Iterator[None]:
    """Headers are many small objects without cycles; looking for cycles among them takes 40 % of a scan (measured)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Index:
    """The checkpoints below `<models folder>/Stable-diffusion` of several models folders. Any thread may ask.

    more_families: those that extensions add besides the ones of this process; asked for at every scan.
    """

    def __init__(
        self, folders: Sequence[Path], hashes: Hashes | None = None, more_families: Families = no_more
    ) -> None:
        self._folders = folders
        self._hashes = hashes
        self._more_families = more_families
        self._families: Mapping[str, FamilyLoader] = {}
        self._read: dict[Path, Entry] = {}
        self._lock = Lock()

    @property
    def folders(self) -> Sequence[Path]:
        """The models folders, as they are now: whoever gave the list may change it."""
        return self._folders

    def scan(self) -> None:
        """Look at the folders again; headers are read again of files that changed, or if families came or went."""
        ours = known_families()
        families = {**ours, **self._more_families(), **ours}  # ours are asked first, and keep their names
        with self._lock, uncollected():
            if families != self._families:
                self._families, self._read = families, {}
            self._read = {entry.path: entry for models in self._folders for entry in self._within(models)}

    def entries(self) -> tuple[Entry, ...]:
        """All checkpoints as they are on disk now, each name once, the unusable ones with their reason."""
        self.scan()
        return _distinct([entry for entry in self._read.values() if entry.name])

    def find(self, name: str) -> Entry:
        """By name, file name, file name without folder or suffix, "title [hash]" or (short) hash, in any case.

        Raises UnknownName with the known names; BadCheckpoint or UnsafeFile with the reason if it cannot be used.
        """
        entries = self.entries()
        wanted = name.strip().casefold()
        bracket = re.search(r" \[([0-9a-f]+)\]$", wanted)
        title = wanted[: bracket.start()] if bracket else wanted
        digits = (bracket[1] if bracket else wanted)[:DIGITS]
        for matches in (
            lambda entry: entry.name == name,
            lambda entry: entry.name.casefold() == wanted,
            lambda entry: title in {entry.name.casefold(), f"{entry.name}{entry.path.suffix}".casefold()},
            lambda entry: title in {entry.path.name.casefold(), entry.path.stem.casefold()},
            lambda entry: self.short_hash(entry) == digits,
        ):
            for entry in filter(matches, entries):
                return _usable(entry)
        known = ", ".join(entry.name for entry in entries if entry.card) or f"none; put one into models/{FOLDER}"
        raise UnknownName(f"there is no checkpoint called {name!r:.200}", f"known: {known:.1000}")

    def short_hash(self, entry: Entry) -> str | None:
        """A1111's hash, if it has been computed."""
        return self._hashes.known(entry.path) if self._hashes else None

    def _within(self, models: Path) -> Iterator[Entry]:
        try:
            if problem := _misnamed(models):
                yield Entry(str(models), models, problem=problem, advice=KNOWN)
            for root in places(models, "checkpoint"):
                yield from self._below(root, root, frozenset({root.resolve()}))
        except BadSetting as error:
            yield Entry(str(models), models, problem=error.message, advice=error.advice)
        for name, snapshot in hub_snapshots(models):
            yield self._entry(snapshot, snapshot, name)
        for name, file in hub_files(models):
            entry = self._entry(file, file, f"{name}{file.suffix}")
            yield entry if entry.card else replace(entry, name="")

    def _below(self, root: Path, folder: Path, above: frozenset[Path]) -> Iterator[Entry]:
        """Depth first, by name. A link to a folder above is not followed; hidden files are not looked at."""
        try:
            items = sorted(item for item in folder.iterdir() if not item.name.startswith("."))
        except OSError as error:
            yield Entry(str(folder), folder, problem=f"the folder {folder} cannot be read: {error.strerror or error}")
            return
        for item in items:
            if is_folder(item) and not (item / "model_index.json").exists():
                if (real := item.resolve()) not in above:
                    yield from self._below(root, item, above | {real})
            elif is_folder(item) or _is_checkpoint(item):
                yield self._entry(root, item)

    def _entry(self, root: Path, path: Path, named: str = "") -> Entry:
        """named: for a folder that is not called so."""
        name = readable(named or path.relative_to(root).as_posix())
        entry = Entry(name if is_folder(path) else name.removesuffix(path.suffix), path)
        try:
            size, modified = _state(path)
            known = self._read.get(path)
            if known and (known.size, known.modified) == (size, modified):
                return known
            entry = replace(entry, size=size, modified=modified)
            return replace(entry, card=recognise(entry.name, read_header(path), self._families))
        except BadCheckpoint as error:
            return replace(entry, problem=error.message, advice=error.advice)
        except OSError as error:
            return replace(entry, problem=f"{path.name} cannot be read: {error.strerror or error}")


def _misnamed(models: Path) -> str:
    """A sentence if somebody named a folder in which nothing will be found. Raises BadSetting."""
    if not models.exists():
        return f"there is no models folder {models}"
    if any(True for kind in NAMES for _ in places(models, kind)):
        return ""
    if models.suffix.lower() not in YAML and (models.is_file() or any(map(_is_checkpoint, visible(models)))):
        return f"{models} has no folder that Taffy looks into"
    return ""


def _is_checkpoint(path: Path) -> bool:
    """Files named `<checkpoint>.vae.<suffix>` are VAEs, by A1111's custom."""
    return path.suffix.lower() in SUFFIXES and not path.stem.lower().endswith(".vae")


def _state(path: Path) -> tuple[int, int]:
    """Size in all, and a number that another version has not: from the times at which the files were written."""
    if is_folder(path):
        found = [file.stat() for file in path.rglob("*")]
        return sum(stat.st_size for stat in found), max(stat.st_mtime_ns for stat in found)
    state, times = path.stat(), 0
    with suppress(OSError):  # most have no .yaml
        times = path.with_suffix(".yaml").stat().st_mtime_ns
    return state.st_size, state.st_mtime_ns + times


def _distinct(entries: list[Entry]) -> tuple[Entry, ...]:
    """Of two with one name the usable one keeps it, else the first; the other is called by its file name or path."""
    names: dict[str, Path] = {}
    for entry in sorted(entries, key=lambda entry: entry.card is None):
        choices = (entry.name, f"{entry.name}{entry.path.suffix}", readable(str(entry.path)))
        names[next(name for name in choices if name not in names)] = entry.path
    name_of = {path: name for name, path in names.items()}
    return tuple(_renamed(entry, name_of[entry.path]) for entry in entries)


def _renamed(entry: Entry, name: str) -> Entry:
    return replace(entry, name=name, card=entry.card and replace(entry.card, name=name))


def _usable(entry: Entry) -> Entry:
    if entry.card is None:
        error = UnsafeFile if entry.path.suffix.lower() in PICKLES else BadCheckpoint
        raise error(entry.problem, entry.advice)
    return entry

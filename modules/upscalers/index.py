"""Which upscalers there are: the built-in ones and the files on disk, which are not loaded to be listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from modules.core.errors import BadCheckpoint, BadSetting, UnknownName, UnsafeFile
from modules.core.paths import readable, real
from modules.families.header import read_header, refuse_unreadable
from modules.manager.places import places
from modules.manager.walk import files_below
from modules.upscalers.base import UPSCALERS, Kind, Upscaler

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")  # of two files with one name the first of these has it
MAX_FILE = 4 * 2**30  # bytes; the largest network that spandrel knows has 2.5 GB


class UpscalerIndex:
    """The built-in upscalers and those below `<models folder>/<ESRGAN, SwinIR ...>`. Any thread may ask."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._read: dict[Path, Upscaler] = {}

    def entries(self) -> tuple[Upscaler, ...]:
        """All of them as they are on disk now, each name once, the unusable ones with their reason.

        Headers of files that did not change are not read again.
        """
        read = {path: self._entry(root, path) for models in self._folders for root, path in files(models)}
        self._read = read
        return (*(UPSCALERS[name] for name in UPSCALERS), *distinct(read.values()))

    def find(self, name: str, kind: Kind) -> Upscaler:
        """By name, or file name with or without its folder, in any case.

        Raises UnknownName with the known names; BadCheckpoint or UnsafeFile with the reason if it cannot be used.
        """
        entries = [entry for entry in self.entries() if entry.kind == kind]
        wanted = name.strip()
        for called in (lambda entry: {entry.name}, folded_name, file_names):
            for entry in entries:
                if {wanted, wanted.casefold()} & called(entry):
                    return usable(entry)
        known = ", ".join(entry.name for entry in entries if not entry.problem)
        raise UnknownName(f"there is no upscaler for {_THINGS[kind]} called {name!r:.200}", f"known: {known:.1000}")

    def _entry(self, root: Path, path: Path) -> Upscaler:
        entry = Upscaler(readable(path.relative_to(root).as_posix().removesuffix(path.suffix)), path=path)
        try:
            found = path.stat()
            known = self._read.get(path)
            if known and (known.size, known.modified) == (found.st_size, found.st_mtime_ns):
                return known
            entry = replace(entry, size=found.st_size, modified=found.st_mtime_ns)
            check(path, found.st_size)
        except BadCheckpoint as error:
            return replace(entry, problem=error.message, advice=error.advice)
        except OSError as error:
            return replace(entry, problem=f"{path.name} cannot be read: {error.strerror or error}")
        return entry


_THINGS = {"pixels": "pictures", "latent": "latents"}


def files(models: Path) -> Iterator[tuple[Path, Path]]:
    """Every upscaler file of a models folder, with the kind's folder it lies below; each file once."""
    seen: set[Path] = set()
    with suppress(BadSetting):  # said in the list of checkpoints
        for root in places(models, "upscaler"):
            for path in files_below(root):
                if path.suffix.lower() in SUFFIXES and (file := real(path)) not in seen:
                    seen.add(file)
                    yield root, path


def check(path: Path, size: int) -> None:
    """What a file's beginning can tell. Raises BadCheckpoint with the reason if it cannot be an upscaler."""
    refuse_unreadable(path)
    if size > MAX_FILE:
        raise BadCheckpoint(
            f"{path.name} has {size / 1e9:.1f} GB: no upscaler is larger than {MAX_FILE / 1e9:.1f} GB",
            "a checkpoint belongs into models/Stable-diffusion",
        )
    if not is_pickle(path):
        read_header(path)
    elif size == 0:
        raise BadCheckpoint(f"{path.name} is empty", "download it again")


def is_pickle(path: Path | None) -> bool:
    return path is not None and path.suffix.lower() != ".safetensors"


def distinct(entries: Iterable[Upscaler]) -> list[Upscaler]:
    """Each name once: a usable safetensors file keeps it; another is called by its file name, else by its path."""
    taken = set(UPSCALERS)
    named: dict[Path | None, str] = {}
    everyone = list(entries)
    for entry in sorted(everyone, key=lambda entry: (bool(entry.problem), is_pickle(entry.path))):
        assert entry.path is not None, "only files can have the name of another"
        choices = (entry.name, f"{entry.name}{entry.path.suffix}", readable(str(entry.path)))
        named[entry.path] = next(name for name in choices if name not in taken)
        taken.add(named[entry.path])
    return [replace(entry, name=named[entry.path]) for entry in everyone]


def folded_name(entry: Upscaler) -> set[str]:
    return {entry.name.casefold()}


def file_names(entry: Upscaler) -> set[str]:
    """With and without suffix, in small letters."""
    return {entry.path.name.casefold(), entry.path.stem.casefold()} if entry.path else set()


def usable(entry: Upscaler) -> Upscaler:
    if entry.problem:
        raise (UnsafeFile if is_pickle(entry.path) else BadCheckpoint)(entry.problem, entry.advice)
    return entry

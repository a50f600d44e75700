"""Installing extensions: from a folder, from a zip, and the packages they need. Whoever asks must have been asked."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from importlib.metadata import distributions
from io import BytesIO
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from modules.core.errors import BadExtension, CannotSave, NotThere
from modules.core.settings import ROOT, Settings
from modules.extending import Extending
from modules.hooks.manifest import FILE, Manifest, check_api, conflicts, read_manifest
from modules.installing import InstallFailed, NothingFits, run_watched, venv_python

MAX_FILES, MAX_UNPACKED = 5_000, 500_000_000  # bytes
_WINDOWS = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*[<>:\"|?*\x00-\x1f].*|.*[. ]")


class Adding:
    """Puts extensions into the last extensions folder. Nothing of them is run before they are there and whole.

    root: the folder whose .venv gets what they need.
    """

    def __init__(self, extending: Extending, settings: Settings, root: Path = ROOT) -> None:
        self._extending = extending
        self._folder = settings.extensions_dirs[-1]  # the one somebody named, else our own
        self._root = root

    def from_folder(self, folder: str) -> None:
        """Copy a folder with a manifest. Raises BadExtension, CannotSave."""
        source = Path(folder).expanduser()
        if not source.is_dir():
            raise BadExtension(f"there is no folder {folder!r:.200}")
        self._copied(source)

    def from_zip(self, data: bytes) -> None:
        """Unpack a zip with a manifest in its one folder, whatever that is called, or at its root.

        Raises BadExtension, CannotSave.
        """
        with tempfile.TemporaryDirectory() as place:
            try:
                with zipfile.ZipFile(BytesIO(data)) as archive:
                    _unpack(archive, Path(place))
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
                raise BadExtension(f"the zip cannot be read: {error}") from error
            inside = sorted((*Path(place).glob(FILE), *Path(place).glob(f"*/{FILE}")))
            if len(inside) != 1:
                raise BadExtension(f"a zip must have one folder with one {FILE}, this one has {len(inside)}")
            self._copied(inside[0].parent, called_anything=True)

    def requirements(self, name: str) -> Iterator[bytes]:
        """Install what an extension misses. Packages are added; none that is there is changed. The installer's lines.

        Raises NotThere, BadExtension before the first line.
        """
        found = next((one for one in self._extending.host.found if one.name == name), None)
        if found is None or found.manifest is None:
            raise NotThere(f"there is no extension {name!r:.60}")
        if problems := conflicts(found.manifest, _pins()):
            raise BadExtension("; ".join(problems), "ask its author for a version that fits this Taffy")
        return self._installed(found.missing)

    def _installed(self, wanted: tuple[str, ...]) -> Iterator[bytes]:
        """The last line is "done", or why not."""
        python = str(venv_python(self._root))
        shown = ""
        with tempfile.TemporaryDirectory() as place:
            pins = Path(place) / "pins.txt"
            pins.write_text(_pins(), encoding="utf-8")
            target = ["-c", str(pins), "--python", python]
            command = [python, "-m", "uv", "pip", "install", "--only-binary", ":all:", *target, *wanted]
            try:
                for line in run_watched(command, dict(os.environ)):
                    if line != shown:
                        shown = line
                        yield f"{line}\n".encode()
            except InstallFailed as error:
                yield f"{_explained(error)}\n".encode()
                return
        invalidate_caches()
        self._extending.renew()
        yield b"done\n"

    def _copied(self, source: Path, called_anything: bool = False) -> None:
        """called_anything: sites that pack a folder add a version or a branch to its name."""
        manifest = self._checked(source, called_anything)
        self._place(manifest.name, lambda to: shutil.copytree(source, to, ignore=_clutter))

    def _checked(self, folder: Path, called_anything: bool) -> Manifest:
        manifest = read_manifest(folder, called_anything)
        check_api(manifest)
        if any(one.name == manifest.name for one in self._extending.host.found):
            raise BadExtension(f"there is an extension {manifest.name} already", "remove its folder first")
        return manifest

    def _place(self, name: str, put: Callable[[Path], object]) -> None:
        target = self._folder / name
        unfinished = self._folder / f".{name}.unfinished"
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            put(unfinished)
            unfinished.replace(target)
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise CannotSave(f"the extension could not be written to {target}: {error.strerror or error}") from error
        self._extending.renew()


def _pins() -> str:
    """Everything that is installed, as lines of a list of requirements."""
    here = {canonicalize_name(one.name): one.version for one in distributions() if one.name}
    return "".join(f"{name}=={version}\n" for name, version in sorted(here.items()))


def _explained(error: InstallFailed) -> str:
    """What the installer's failure means for somebody who adds an extension."""
    if isinstance(error, NothingFits):
        return (
            "what it needs does not fit what Taffy runs on, or is not there for this Python; nothing was installed. "
            "Ask its author for a version that fits"
        )
    return f"{error.message}; {error.advice}"


def _clutter(folder: str, names: list[str]) -> set[str]:
    """What is not copied: caches, version control, and links, which could lead anywhere."""
    return {name for name in names if name in {"__pycache__", ".git", ".venv"} or (Path(folder) / name).is_symlink()}


def _unpack(archive: zipfile.ZipFile, place: Path) -> None:
    """Every member below `place`, or nothing. Raises BadExtension for names that lead elsewhere, links and bombs."""
    members = archive.infolist()
    if len(members) > MAX_FILES or sum(one.file_size for one in members) > MAX_UNPACKED:
        raise BadExtension(f"the zip is too large: at most {MAX_FILES:,} files and {MAX_UNPACKED // 10**6} MB unpacked")
    for one in members:
        path = PurePosixPath(one.filename)
        kind = stat.S_IFMT(one.external_attr >> 16)
        odd = any(part == ".." or _WINDOWS.fullmatch(part) for part in path.parts)
        if path.is_absolute() or odd or "\\" in one.filename or kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise BadExtension(f"the zip has an entry that leads outside or is no plain file: {one.filename!r:.120}")
    for one in members:
        target = place / one.filename
        if one.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(one) as source, target.open("xb") as file:
                shutil.copyfileobj(source, file, 1 << 20)

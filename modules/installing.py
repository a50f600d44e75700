"""Installs one phase of the packages into .venv, with uv or else pip, and tells how far it is.

Standard library only: it runs before there is anything else.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from modules.core.errors import TaffyError

TICK = 0.4  # seconds between two reports
UNPACKED = 2  # a wheel unpacks to about twice its size (measured: 3.2 GB of wheels make 5.8 GB of files)


class InstallFailed(TaffyError):
    """Packages could not be installed. The message says why, the advice what to do."""


class NoRoom(InstallFailed):
    """The disk is too small."""


class NothingFits(InstallFailed):
    """There is no version of a package that goes with the others and this machine."""


@dataclass(frozen=True)
class InstallProgress:
    """Bytes downloaded, of how many (0: not known yet), seconds left (None: not known yet), the tool's last line.

    Finished downloads count exactly, those under way by what lies unpacked on the disk.
    """

    done_bytes: int
    total_bytes: int
    seconds_left: float | None
    line: str


@dataclass(frozen=True)
class Install:
    """One phase: "front" and "worker" are sections of requirements.txt, "tests" is requirements-dev.txt.

    root: the folder of webui.py; .venv lies in it. backend: uv's --torch-backend; empty keeps what is there, or takes
    the build the package registry has for this platform.
    """

    root: Path
    phase: str
    backend: str = ""

    def needed(self) -> bool:
        """Whether the wanted packages differ from those of the last install that came to its end."""
        return _text(self._stamp) != self._wanted()

    def run(self) -> Generator[InstallProgress, None, None]:
        """Install. Reports about twice a second; closing it ends the installer. What arrived is kept for the next run.

        Raises InstallFailed. The stamp is written last, so an interrupted install is needed() again.
        """
        pending = self._stamp.with_suffix(".pending")
        pending.write_text(self._wanted(), encoding="utf-8")
        try:
            yield from self._with_uv(pending)
        except InstallFailed as error:
            if isinstance(error, NoRoom) or self._backend():
                raise  # pip needs the same room, and does not know where other builds of torch are
            yield InstallProgress(0, 0, None, f"trying pip, because with uv {error.message}")
            yield from self._with_pip(pending)
        shutil.rmtree(self._own_cache, ignore_errors=True)  # hard links: the packages themselves stay
        pending.replace(self._stamp)

    @property
    def _stamp(self) -> Path:
        return self.root / ".venv" / f"taffy-{self.phase}.installed"

    @property
    def _own_cache(self) -> Path:
        """uv's downloads, beside the packages: hard links work, and deleting Taffy's folder leaves nothing behind."""
        return self.root / ".venv" / "uv-cache"

    def _backend(self) -> str:
        last = re.search(r"^# torch backend: (\S+)", _text(self._stamp), re.MULTILINE)
        return self.backend or (last[1] if last else "")

    def _wanted(self) -> str:
        return f"{requirements(self.root, self.phase)}# torch backend: {self._backend()}\n"

    def _with_uv(self, pending: Path) -> Iterator[InstallProgress]:
        environment = {"UV_CACHE_DIR": str(self._own_cache), **os.environ}
        uv = [str(venv_python(self.root)), "-m", "uv", "pip"]
        target = ["-c", str(self.root / "requirements.txt"), "--python", str(venv_python(self.root))]
        backend = ["--torch-backend", self._backend()] if self._backend() else []
        install = [*uv, "install", "-r", str(pending), *target]
        if not backend and _succeeds([*install, "--check", "--offline"], environment):
            return
        plan = self.root / ".venv" / f"pylock.{self.phase}.toml"
        options = ["--only-binary", ":all:", *backend]
        for line in run_watched([*uv, "compile", str(pending), *target, *options, "-q", "-o", str(plan)], environment):
            yield InstallProgress(0, 0, None, line or "asking which packages are needed")
        download = Download(plan, Path(environment["UV_CACHE_DIR"]), self.root / ".venv")
        again = ["--reinstall-package", "torch", "--reinstall-package", "torchvision"] if backend else []
        compiled = ["--compile-bytecode"]  # uv does not by itself; imports take a third of the time afterwards
        for line in run_watched([*install, *options, *again, *compiled], environment):
            yield download.progress(line)

    def _with_pip(self, pending: Path) -> Iterator[InstallProgress]:
        quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "1"]
        command = [str(venv_python(self.root)), "-m", "pip", "install", "--only-binary", ":all:", *quiet]
        lists = ["-r", str(pending), "-c", str(self.root / "requirements.txt")]
        for line in run_watched([*command, *lists], dict(os.environ)):
            yield InstallProgress(0, 0, None, line)


class Download:
    """What uv still has to fetch, measured in its cache: wheels that are there, and the ones it is unpacking."""

    def __init__(self, plan: Path, cache: Path, venv: Path) -> None:
        import tomllib  # Python 3.11; this file must open in older ones to say so

        self.cache, self.venv = cache, venv
        self.others = set(cache.glob(".tmp*"))  # of other runs
        here = _distributions(venv.glob("lib/python*/site-packages/*.dist-info"))  # POSIX
        here |= _distributions(venv.glob("Lib/site-packages/*.dist-info"))  # Windows
        packages = tomllib.loads(plan.read_text(encoding="utf-8"))["packages"]
        sizes = {f"{each['name']}-{each['version']}": each["wheels"][0].get("size", 0) for each in packages}
        self.sizes: dict[str, int] = {name: size for name, size in sizes.items() if name not in here}
        self.total = sum(self.sizes.values())
        self.began = time.monotonic()
        self.before = self.done = self._arrived()

    def _arrived(self) -> int:
        finished = _distributions(self.cache.glob("archive-v*/*/*.dist-info")) & self.sizes.keys()
        under_way = sum(_bytes_in(path) for path in set(self.cache.glob(".tmp*")) - self.others)
        return min(self.total, sum(self.sizes[name] for name in finished) + under_way // UNPACKED)

    def progress(self, line: str) -> InstallProgress:
        """Raises NoRoom as soon as it shows that the rest will not fit."""
        self.done = max(self.done, self._arrived())
        left = self.total - self.done
        free = shutil.disk_usage(self.venv).free
        if free < left * UNPACKED:
            raise NoRoom(
                f"the disk is too small: the packages need about {left * UNPACKED / 1e9:.1f} GB more, "
                f"{free / 1e9:.1f} GB are free",
                "free some space and start again; what was downloaded is kept",
            )
        came = self.done - self.before
        seconds = left * (time.monotonic() - self.began) / came if came else None
        return InstallProgress(self.done, self.total, seconds, line)


def requirements(root: Path, phase: str) -> str:
    """The lines of one phase."""
    if phase == "tests":
        return _text(root / "requirements-dev.txt")
    return _text(root / "requirements.txt").split(f"# --- {phase} ---\n")[1].split("# ---")[0]


def venv_python(root: Path) -> Path:
    return root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def explain(output: str) -> InstallFailed:
    """What uv or pip printed before it gave up, as a sentence and advice."""
    for pattern, kind, message, advice in CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            return kind(f"the packages could not be installed: {message}", advice)
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["the installer said nothing"]
    reason = next((line for line in lines if line.lower().startswith("error")), lines[-1])
    return InstallFailed(
        f"the packages could not be installed: {reason}",
        "start again; if it stays, delete the folder .venv and start once more",
    )


MACHINE = f"Python {sys.version_info[0]}.{sys.version_info[1]} on {platform.system()} {platform.machine()}"
CAUSES: tuple[tuple[str, type[InstallFailed], str, str], ...] = (
    (
        r"no space left|os error (28|112)\b|errno 28\b|not enough space|quota exceeded",
        NoRoom,
        "the disk is full",
        "free some space and start again; what was downloaded is kept",
    ),
    (
        r"permission denied|access is denied|os error (5|13|30|32)\b|errno (13|30)\b|read-only file system",
        InstallFailed,
        "a file in .venv cannot be written",
        "end every other running Taffy, check that this folder belongs to you, and start again",
    ),
    (
        r"dns error|failed to fetch|request failed|error sending request|connection|timed out|name resolution"
        r"|max retries|network is unreachable|certificate|proxy",
        InstallFailed,
        "the package registry cannot be reached",
        "check the network (behind a proxy set HTTPS_PROXY) and start again; what was downloaded is kept",
    ),
    (
        r"no wheels|no usable wheels|requires-python|different python|no matching distribution|no solution found"
        r"|conflicting dependencies",
        NothingFits,
        f"there are no packages for {MACHINE}",
        "Taffy runs on Python 3.11 to 3.14, 64 bit, on Linux (glibc), Windows and macOS 14 or newer on Apple silicon",
    ),
)


def run_watched(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """Run a tool of .venv and yield its last line every TICK. Closing ends it. Raises InstallFailed if it fails."""
    log = Path(command[0]).parents[1] / f"taffy-{command[2]}.log"  # .venv/bin/python -m uv -> .venv/taffy-uv.log
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl+C is for us; the tool ends when we close
        )
        try:
            while process.poll() is None:
                yield _text(log).rstrip().rpartition("\n")[2].strip()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(TICK)
        finally:
            process.terminate()
            process.wait()
    if process.returncode:
        raise explain(_text(log))


def _succeeds(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    result = subprocess.run(command, check=False, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    return result.returncode == 0


def _text(path: Path) -> str:
    """What is in a file; nothing if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _distributions(folders: Iterator[Path]) -> set[str]:
    """`Foo_Bar-1.0.dist-info` -> `foo-bar-1.0`, as a lock file spells it."""
    names = (folder.name.removesuffix(".dist-info").rpartition("-") for folder in folders)
    return {f"{re.sub('[-_.]+', '-', name).lower()}-{version}" for name, _, version in names}


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # uv moves finished folders away
                total += (Path(parent) / name).stat().st_size
    return total

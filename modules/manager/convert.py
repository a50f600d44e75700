"""Pickled checkpoints as safetensors: looked at first, then converted in a process without network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep

from modules.core.errors import BadCheckpoint, UnsafeFile
from modules.families.header import PICKLES, read_header
from modules.manager.pickles import check_pickle

MAX_SECONDS = 600.0
EVERY = 0.1  # seconds
ROOT = Path(__file__).resolve().parents[2]
Tell = Callable[[int, int], None]


def ignore(done: int, total: int) -> None:
    """For those who need not know."""


def convert_safely(
    path: Path, seconds: float = MAX_SECONDS, folder: Path | None = None, tell: Tell = ignore, stem: str = ""
) -> Path:
    """Write `<name>.safetensors` beside a pickled checkpoint, or into `folder`, and return its path. The pickle stays.

    Nothing in the pickle can run: what it asks for is checked before it is opened, torch's weights_only unpickler
    opens it, and the process that does so has no network and may neither start programs nor write other files.
    tell(bytes done, bytes in all) is called several times a second; what it raises ends the process. The total is the
    pickle's size, which is about the result's. stem: another name for the result. Raises UnsafeFile, BadCheckpoint.
    """
    if path.suffix.lower() not in PICKLES:
        raise BadCheckpoint(f"{path.name} is not a pickled checkpoint ({', '.join(sorted(PICKLES))})")
    target = (folder or path.parent) / f"{stem or path.stem}.safetensors"
    if target.exists():
        raise BadCheckpoint(f"{target.name} is there already", "use it, or move it away first")
    tell(0, path.stat().st_size)
    check_pickle(path)
    part = target.with_name(f".{target.name}.part")
    try:
        _run_child(path, part, seconds, tell)
        read_header(part.rename(part.with_name(f".{target.name}.part.safetensors"))).path.replace(target)
    finally:
        for left in (part, part.with_name(f".{target.name}.part.safetensors")):
            left.unlink(missing_ok=True)
    return target


def _run_child(path: Path, part: Path, seconds: float, tell: Tell) -> None:
    command = [sys.executable, "-m", "modules.manager.convert_child", str(path.resolve()), str(part.resolve())]
    environment = {key: value for key, value in os.environ.items() if key in {"PATH", "SYSTEMROOT", "LD_LIBRARY_PATH"}}
    until, total = monotonic() + seconds, path.stat().st_size
    with TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=said)
        try:
            while process.poll() is None:
                if monotonic() > until:
                    raise BadCheckpoint(f"{path.name} could not be converted in {seconds:.0f} s")
                tell(min(part.stat().st_size, total) if part.exists() else 0, total)
                sleep(EVERY)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines() or ["it stopped without a word"]
            raise UnsafeFile(f"{path.name} could not be converted safely: {lines[-1]:.300}")

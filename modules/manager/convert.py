"""Pickled checkpoints as safetensors: looked at first, then converted in a process without network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from modules.core.errors import BadCheckpoint, UnsafeFile
from modules.families.header import PICKLES, read_header
from modules.manager.pickles import check_pickle

MAX_SECONDS = 600.0
ROOT = Path(__file__).resolve().parents[2]


def convert_safely(path: Path, seconds: float = MAX_SECONDS) -> Path:
    """Write `<name>.safetensors` beside a pickled checkpoint and return its path. The pickle stays.

    Nothing in the pickle can run: what it asks for is checked before it is opened, torch's weights_only unpickler
    opens it, and the process that does so has no network and may neither start programs nor write other files.
    Raises UnsafeFile, BadCheckpoint.
    """
    if path.suffix.lower() not in PICKLES:
        raise BadCheckpoint(f"{path.name} is not a pickled checkpoint ({', '.join(sorted(PICKLES))})")
    target = path.with_suffix(".safetensors")
    if target.exists():
        raise BadCheckpoint(f"{target.name} is there already", "use it, or move it away first")
    check_pickle(path)
    part = target.with_name(f".{target.name}.part")
    command = [sys.executable, "-m", "modules.manager.convert_child", str(path.resolve()), str(part.resolve())]
    environment = {key: value for key, value in os.environ.items() if key in {"PATH", "SYSTEMROOT", "LD_LIBRARY_PATH"}}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it stopped without a word"]
            raise UnsafeFile(f"{path.name} could not be converted safely: {lines[-1]:.300}")
        read_header(part.rename(part.with_name(f".{target.name}.part.safetensors"))).path.replace(target)
    except subprocess.TimeoutExpired as error:
        raise BadCheckpoint(f"{path.name} could not be converted in {seconds:.0f} s") from error
    finally:
        for left in (part, part.with_name(f".{target.name}.part.safetensors")):
            left.unlink(missing_ok=True)
    return target

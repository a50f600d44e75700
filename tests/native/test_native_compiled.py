from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modules.native import has_numba

pytestmark = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
TWICE = """
from numba import types
from modules.native.compiled import compiled, in_c

@compiled
def twice(x):
    return 2 * x

@in_c(types.int64(types.int64))
def called(x):
    return twice(x)

print(called.ctypes(21), called.cache_hits)
"""


def answered(tmp_path: Path) -> str:
    """By a new process: 42, and how often it found what an earlier one compiled."""
    script = tmp_path / "twice.py"
    script.write_text(TWICE)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept"), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_what_was_compiled_and_is_damaged_is_made_and_kept_again(tmp_path: Path, kind: str) -> None:
    assert answered(tmp_path) == "42 0"
    kept = list(tmp_path.glob(f"kept/**/*.{kind}"))
    assert len(kept) == 2
    for file in kept:
        file.write_bytes(file.read_bytes()[:9])
    assert answered(tmp_path) == "42 0"
    assert answered(tmp_path) == "42 1"


def test_where_nothing_can_be_kept_it_is_made_each_time(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file, not a folder")
    assert answered(tmp_path).startswith("42")

"""The extension that `new-extension` writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modules.core.errors import BadExtension
from modules.core.settings import ROOT
from modules.hooks.new import write


def test_a_new_extension_passes_its_own_test(tmp_path: Path) -> None:
    folder = write(tmp_path, "my-first")
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(ROOT), "--import-mode=importlib", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout


@pytest.mark.parametrize("name", ["", "Big", "../up", "a/b", "x" * 41])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadExtension):
        write(tmp_path, name)


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path, "one")
    with pytest.raises(BadExtension, match="already"):
        write(tmp_path, "one")

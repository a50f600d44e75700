from __future__ import annotations

import os
from pathlib import Path

import pytest

from modules.native import keep_in


def test_what_was_compiled_is_found_again_only_by_the_same_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    source = tmp_path / "code"
    source.mkdir()
    (source / "one.py").write_text("a = 1\n")

    def folder() -> str:
        keep_in(tmp_path / "kept", [source])
        return os.environ["NUMBA_CACHE_DIR"]

    first = folder()
    assert Path(first).parent == tmp_path / "kept"
    assert folder() == first
    (source / "one.py").write_text("a = 2\n")
    assert folder() != first

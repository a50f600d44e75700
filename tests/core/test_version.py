"""One version, written twice because pyproject.toml cannot import."""

from __future__ import annotations

import tomllib
from pathlib import Path

from modules.core import VERSION


def test_the_code_and_the_project_file_have_the_same_version() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == VERSION

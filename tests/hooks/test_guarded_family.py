"""Families of extensions are asked by the lists of the page, and a broken one is named and skipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from modules.hooks.engine_host import EngineHost
from modules.hooks.front_host import FrontHost
from modules.manager.index import Index
from modules.worker.tables import Tables
from tests.hooks.writing import extension

PAINTED = """
from modules.hooks import CheckpointCard
class Painted:
    def matches(self, header): return "painted.weight" in header.tensors
    def card(self, name, header): return CheckpointCard(name, "painted", 8, 4, 512, 8, 75, "epsilon", 20, 7.0)
@hookimpl
def families(): return {"painted": Painted()}
"""
BROKEN = PAINTED.replace("return CheckpointCard(name", "return nonsense(name")


@pytest.fixture
def models(tmp_path: Path, tiny_models: Path) -> Path:
    """Two checkpoints: one of our own kinds, one that only the extension knows."""
    folder = tmp_path / "models" / "Stable-diffusion"
    folder.mkdir(parents=True)
    (folder / "tiny.safetensors").symlink_to(tiny_models / "Stable-diffusion" / "tiny.safetensors")
    save_file({"painted.weight": np.zeros(4, np.float32)}, folder / "canvas.safetensors")
    return tmp_path / "models"


def listed(index: Index) -> dict[str, str]:
    """The family of each checkpoint that can be used."""
    return {entry.name: entry.card.family for entry in index.entries() if entry.card}


def test_the_page_lists_checkpoints_of_an_extensions_family(tmp_path: Path, models: Path) -> None:
    extension(tmp_path / "extensions", "painter", front=PAINTED)
    host = FrontHost([tmp_path / "extensions"])
    assert listed(Index((models,), None, host.families)) == {"canvas": "painted", "tiny": "sd1"}
    assert listed(Index((models,))) == {"tiny": "sd1"}


def test_they_come_and_go_with_the_extension(tmp_path: Path, models: Path) -> None:
    extension(tmp_path / "extensions", "painter", front=PAINTED)
    host = FrontHost([tmp_path / "extensions"])
    index = Index((models,), None, host.families)
    assert "canvas" in listed(index)
    host.switch({"painter"})
    assert listed(index) == {"tiny": "sd1"}
    host.switch(set())
    assert "canvas" in listed(index)


def test_a_family_that_fails_is_named_and_the_others_are_listed(tmp_path: Path, models: Path) -> None:
    extension(tmp_path / "extensions", "painter", front=BROKEN)
    host = FrontHost([tmp_path / "extensions"])
    index = Index((models,), None, host.families)
    assert listed(index) == {"tiny": "sd1"}
    (canvas,) = [entry for entry in index.entries() if entry.name == "canvas"]
    assert canvas.problem == "the extension 'painter' failed at reading it"
    assert "'painter' failed in families: NameError" in host.faults[0].message


def test_in_the_worker_too(tmp_path: Path, models: Path) -> None:
    extension(tmp_path / "extensions", "painter", engine=BROKEN)
    host = EngineHost([tmp_path / "extensions"])
    host.load()
    tables = Tables(host)
    tables.renew()
    index = Index((models,))
    assert listed(index) == {"tiny": "sd1"}
    assert "'painter' failed in families: NameError" in host.faults[0].message
    host.switch({"painter"})
    tables.renew()
    assert "none of its 1 tensors" in next(entry.problem for entry in index.entries() if entry.name == "canvas")

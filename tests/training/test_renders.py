"""Many pictures in one file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modules.training import renders
from modules.training.pack import Pack
from modules.training.renders import Plan, draw_all, draw_here
from modules.training.scenes import Holdouts


def test_the_file_holds_the_plans_pictures_and_goes_on_where_it_was(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renders, "load_pack", lambda path: pack)
    monkeypatch.setattr(renders, "CHUNK", 4)
    plan = Plan(seed=1, count=10, holdouts=Holdouts())
    drawn = draw_all(plan, tmp_path, tmp_path / "renders.npy", workers=1)
    expected = draw_here(drawn.scenes, pack.sprites)
    assert torch.allclose(drawn.floats(np.arange(10)), expected, atol=1 / 255)

    before = (tmp_path / "renders.npy").read_bytes()
    drawn.pictures[8:] = 0
    (tmp_path / "renders.done").write_text("8")
    draw_all(plan, tmp_path, tmp_path / "renders.npy", workers=1)
    assert (tmp_path / "renders.npy").read_bytes() == before


def test_another_seed_draws_other_scenes() -> None:
    plan = Plan(seed=1, count=10, holdouts=Holdouts())
    assert plan.scene(3) == plan.scene(3) != replace(plan, seed=2).scene(3)

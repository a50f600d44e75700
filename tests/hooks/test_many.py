"""Thirty trivial extensions cost less than a second."""

from __future__ import annotations

import time
from pathlib import Path

from modules.hooks.engine_host import EngineHost
from modules.hooks.front_host import FrontHost
from tests.hooks.writing import extension

FRONT = "@hookimpl\ndef controls(tab): return [Control('on', 'On', 'checkbox', False)]"
ENGINE = "@hookimpl\ndef after_decode(image): return None"


def seconds(folder: Path) -> float:
    began = time.process_time()
    assert FrontHost([folder]).faults == ()
    assert EngineHost([folder]).faults == ()
    return time.process_time() - began


def test_thirty_extensions_cost_less_than_a_second(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    seconds(tmp_path / "none")
    for number in range(30):
        extension(tmp_path / "thirty", f"trivial-{number}", FRONT, ENGINE)
    assert seconds(tmp_path / "thirty") - seconds(tmp_path / "none") < 1

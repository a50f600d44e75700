"""The front half: hooks that never return, controls that cannot be, switches, and packages with an entry point."""

from __future__ import annotations

import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from modules.hooks import Control
from modules.hooks.control import check_control
from modules.hooks.front_host import FrontHost
from tests.hooks.writing import extension

SLEEPS = "import threading\n@hookimpl\ndef controls(tab): threading.Event().wait()"
ONE = "@hookimpl\ndef controls(tab): return [Control('on', 'On', 'checkbox', False)]"


def test_a_hook_that_never_returns_is_left_behind_named_and_switched_off(tmp_path: Path) -> None:
    extension(tmp_path, "hangs", SLEEPS)
    extension(tmp_path, "works", ONE)
    host = FrontHost([tmp_path], seconds=0.5)
    began = time.monotonic()
    assert [one.extension for one in host.controls("txt2img")] == ["works"]
    assert [one.extension for one in host.controls("img2img")] == ["works"]
    assert time.monotonic() - began < 5
    (fault,) = list(host.faults)
    assert "'hangs' failed in controls: it took more than 0.5 seconds; it is switched off" in fault.message
    assert "wait()" in fault.traceback
    assert host.off == {"hangs"}


def test_what_is_switched_on_again_begins_without_its_old_faults(tmp_path: Path) -> None:
    place = extension(tmp_path, "mine", "@hookimpl\ndef controls(tab): raise RuntimeError")
    host = FrontHost([tmp_path])
    host.controls("txt2img")
    assert len(host.faults) == 1
    host.switch({"mine"})
    assert host.controls("txt2img") == ()
    (place / "extension.py").write_text("from modules.hooks import *\n" + ONE)
    host.switch(set())
    assert [one.name for one in host.controls("txt2img")] == ["on"]
    assert not list(host.faults)


@pytest.mark.parametrize(
    "control",
    [
        Control("a b", "A", "checkbox", False),
        Control("a", "A", "checkbox", "yes"),
        Control("a", "A", "slider", 2),
        Control("a", "A", "slider", 0.5, minimum=1, maximum=0),
        Control("a", "A", "choice", "x", choices=("y",)),
        Control("a", "A", "choice", ""),
        Control("a", "A", "text"),
        Control("a", "A", "picture", "id"),
        Control("a", "A", "nonsense"),  # type: ignore[arg-type]
    ],
)
def test_a_control_that_cannot_be_is_refused_when_it_is_registered(control: Control) -> None:
    with pytest.raises(ValueError, match="a"):
        check_control(control)


def test_an_installed_package_with_an_entry_point_is_an_extension(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extension(tmp_path, "packaged", ONE)
    (tmp_path / "packaged" / "__init__.py").touch()
    points = (
        EntryPoint("packaged", "packaged", "taffy.extensions"),
        EntryPoint("gone", "gone_away", "taffy.extensions"),
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr("modules.hooks.discover.entry_points", lambda group: points)
    host = FrontHost([])
    assert [one.extension for one in host.controls("txt2img")] == ["packaged"]
    assert ["gone_away" in fault.message for fault in host.faults] == [True]

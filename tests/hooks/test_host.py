"""The host, with real extensions of a few lines written into a folder."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from PIL import Image

from modules.core.errors import BadRequest
from modules.hooks import Desk, Family, Frame, GenerationRequest, StepState, Tab, hookimpl
from modules.hooks.engine_host import EngineHost
from modules.hooks.front_host import FrontHost

if TYPE_CHECKING:
    from torch import Tensor

LATENTS = cast("Tensor", SimpleNamespace())
STATE = StepState(GenerationRequest(), 0, 0, 20, sigma=1.0, x=LATENTS, prompt=())
FAMILY = cast("Family", SimpleNamespace())
DESK = cast("Desk", SimpleNamespace())


def write(folder: Path, name: str, code: str, half: str = "engine") -> None:
    """An extension of one file and its manifest."""
    (folder / name).mkdir(exist_ok=True)
    manifest = f'name = "{name}"\nversion = "1"\napi = ">=1.0,<2"\ndescription = "a test"\n'
    (folder / name / "extension.toml").write_text(manifest)
    text = "from dataclasses import replace\nfrom modules.hooks import *\n" + dedent(code)
    (folder / name / f"{half}.py").write_text(text)


DOUBLE = """
    @hookimpl
    def before_predict(state):
        return replace(state, sigma=state.sigma * 2)
"""
PLUS_ONE = """
    @hookimpl
    def before_predict(state):
        return replace(state, sigma=state.sigma + 1)
"""
RAISES = """
    @hookimpl
    def before_predict(state):
        raise RuntimeError("no luck")
"""


def test_each_implementation_gets_what_the_one_before_returned(tmp_path: Path) -> None:
    write(tmp_path, "a", PLUS_ONE)
    write(tmp_path, "b", DOUBLE)
    assert EngineHost([tmp_path]).fold("before_predict", STATE).sigma == (1 + 1) * 2


def test_extensions_are_called_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "a", DOUBLE)
    write(tmp_path, "b", PLUS_ONE)
    assert EngineHost([tmp_path]).fold("before_predict", STATE).sigma == 1 * 2 + 1


def test_a_moment_nobody_hooked_returns_the_very_same_state(tmp_path: Path) -> None:
    assert EngineHost([tmp_path]).fold("after_predict", STATE) is STATE


def test_none_leaves_the_state_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "a", "@hookimpl\ndef before_predict(state): return None")
    assert EngineHost([tmp_path]).fold("before_predict", STATE) is STATE


def test_a_raising_hook_is_recorded_and_the_others_work(tmp_path: Path) -> None:
    write(tmp_path, "a", RAISES)
    write(tmp_path, "b", DOUBLE)
    host = EngineHost([tmp_path])
    assert host.fold("before_predict", STATE).sigma == 2
    (fault,) = host.faults
    assert fault.extension == "a"
    assert fault.message == "the extension 'a' failed in before_predict: RuntimeError: no luck"
    assert 'raise RuntimeError("no luck")' in fault.traceback
    assert "host.py" not in fault.traceback, "authors look for their own lines"


def test_a_hook_that_fails_at_every_step_is_one_fault(tmp_path: Path) -> None:
    write(tmp_path, "a", RAISES)
    host = EngineHost([tmp_path])
    for _ in range(5):
        host.fold("before_predict", STATE)
    assert len(host.faults) == 1


@pytest.mark.parametrize(
    "code",
    [
        "import nothing_of_this_name",
        "this is not python",
        "import sys; sys.exit(1)",
        "@hookimpl\ndef before_predct(state): pass",
        "@hookimpl\ndef before_predict(state, weather): pass",
    ],
    ids=["missing package", "syntax", "exit", "no such hook", "no such argument"],
)
def test_an_extension_that_cannot_be_loaded_is_named_and_the_others_work(tmp_path: Path, code: str) -> None:
    write(tmp_path, "broken", code)
    write(tmp_path, "good", DOUBLE)
    host = EngineHost([tmp_path])
    assert [fault.extension for fault in host.faults] == ["broken"]
    assert "while it was loaded" in host.faults[0].message
    assert host.fold("before_predict", STATE).sigma == 2


def test_an_answer_of_the_wrong_type_is_a_fault_and_is_not_used(tmp_path: Path) -> None:
    write(tmp_path, "a", "@hookimpl\ndef before_predict(state): return 3")
    host = EngineHost([tmp_path])
    assert host.fold("before_predict", STATE) is STATE
    assert "answered with a int" in host.faults[0].message


def test_safe_mode_loads_no_extension(tmp_path: Path) -> None:
    write(tmp_path, "a", DOUBLE)
    assert EngineHost([tmp_path], safe_mode=True).fold("before_predict", STATE) is STATE


def test_each_half_loads_its_own_file(tmp_path: Path) -> None:
    write(tmp_path, "a", DOUBLE)
    write(tmp_path, "b", CONTROLS, half="extension")
    assert EngineHost([tmp_path]).fold("before_predict", STATE).sigma == 2
    assert [control.extension for control in FrontHost([tmp_path]).controls("txt2img")] == ["b"]


def test_a_hook_in_the_file_of_the_other_half_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", DOUBLE, half="extension")
    (fault,) = FrontHost([tmp_path]).faults
    assert "before_predict belongs into engine.py" in fault.message


def test_hidden_folders_are_no_extensions(tmp_path: Path) -> None:
    write(tmp_path, ".git", DOUBLE)
    write(tmp_path, "__pycache__", DOUBLE)
    assert EngineHost([tmp_path]).fold("before_predict", STATE) is STATE


def test_a_second_extension_of_the_same_name_is_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, "a", DOUBLE)
    host = EngineHost([tmp_path / "one", tmp_path / "two"])
    assert host.fold("before_predict", STATE).sigma == 2
    assert [fault.extension for fault in host.faults] == ["a"]


def test_an_extension_imports_its_own_files_and_sys_path_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "a", "from .numbers import FACTOR\n" + dedent(DOUBLE).replace("2", "FACTOR"))
    (tmp_path / "a" / "numbers.py").write_text("FACTOR = 5")
    before = list(sys.path)
    assert EngineHost([tmp_path]).fold("before_predict", STATE).sigma == 5
    assert sys.path == before


def test_after_step_is_shown_to_everybody(tmp_path: Path) -> None:
    write(tmp_path, "a", RAISES.replace("before_predict", "after_step"))
    write(tmp_path, "b", f"@hookimpl\ndef after_step(state): open({str(tmp_path / 'seen')!r}, 'w').close()")
    EngineHost([tmp_path]).notice("after_step", STATE)
    assert (tmp_path / "seen").exists()


def test_after_save_gets_the_id_and_the_request(tmp_path: Path) -> None:
    code = f"@hookimpl\ndef after_save(picture_id, request): open({str(tmp_path)!r} + '/' + picture_id, 'w').close()"
    write(tmp_path, "a", code, half="extension")
    FrontHost([tmp_path]).saved("picture-7", GenerationRequest(), lambda name: DESK)
    assert (tmp_path / "picture-7").exists()


def test_images_pass_through_everybody(tmp_path: Path) -> None:
    code = "@hookimpl\ndef after_decode(image): return image.{}"
    write(tmp_path, "a", code.format("crop((0, 0, 4, 2))"))
    write(tmp_path, "b", code.format("transpose(2)"))
    image = EngineHost([tmp_path]).change_image(Image.new("RGB", (8, 8)), GenerationRequest())
    assert image.size == (2, 4)


def test_the_first_preview_is_shown_and_an_extension_comes_before_the_built_in_one(tmp_path: Path) -> None:
    class BuiltIn:
        @hookimpl
        def show_step(self) -> Frame:
            return Frame(b"", 1, 1, "built-in")

    host = EngineHost([tmp_path])
    host.register(BuiltIn(), "preview")
    write(tmp_path, "a", "@hookimpl\ndef show_step(): return None")
    host.load()
    write(tmp_path, "b", "@hookimpl\ndef show_step(): return Frame(b'', 1, 1, 'mine')")
    other = EngineHost([tmp_path])
    other.register(BuiltIn(), "preview")
    methods = [frame.method for frame in (host.show_step(STATE, FAMILY), other.show_step(STATE, FAMILY)) if frame]
    assert methods == ["built-in", "mine"]


def test_nobody_to_show_a_step_means_no_frame(tmp_path: Path) -> None:
    assert EngineHost([tmp_path]).show_step(STATE, FAMILY) is None


def test_errors_of_built_in_plugins_pass_through(tmp_path: Path) -> None:
    class BuiltIn:
        @hookimpl
        def before_predict(self) -> StepState:
            raise BadRequest("a sentence")

    host = EngineHost([tmp_path])
    host.register(BuiltIn(), "technique")
    with pytest.raises(BadRequest, match="a sentence"):
        host.fold("before_predict", STATE)


CONTROLS = """
    @hookimpl
    def controls(tab):
        return [Control("amount", "Amount", "slider", 0.5)] if tab == "txt2img" else []
"""


def test_controls_carry_the_name_of_their_extension(tmp_path: Path) -> None:
    write(tmp_path, "grain", CONTROLS, half="extension")
    write(tmp_path, "nonsense", "@hookimpl\ndef controls(tab): return ['a slider']", half="extension")
    host = FrontHost([tmp_path])
    (control,) = host.controls("txt2img")
    assert (control.extension, control.name) == ("grain", "amount")
    assert host.controls("img2img") == ()
    assert [fault.extension for fault in host.faults] == ["nonsense"]


def test_tabs_stand_in_their_order_and_one_that_cannot_be_built_is_recorded(tmp_path: Path) -> None:
    built: list[Desk] = []

    class BuiltIn:
        @hookimpl
        def tabs(self) -> list[Tab]:
            return [Tab("txt2img", "txt2img", 10, built.append)]

    write(tmp_path, "a", "@hookimpl\ndef tabs(): return [Tab('a', 'First', 5, lambda page: 1 / 0)]", half="extension")
    host = FrontHost([tmp_path])
    host.register(BuiltIn(), "txt2img")
    tabs = host.tabs()
    for tab in tabs:
        host.build(tab, DESK)
    assert [tab.label for tab in tabs] == ["First", "txt2img"]
    assert built == [DESK]
    assert "tab 'First'" in host.faults[0].message


def test_a_changed_state_is_a_new_value(tmp_path: Path) -> None:
    write(tmp_path, "a", DOUBLE)
    assert EngineHost([tmp_path]).fold("before_predict", STATE) == replace(STATE, sigma=2)
    assert STATE.sigma == 1

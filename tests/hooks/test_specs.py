"""What every hook must have, and what built-in extensions may import."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from modules.core.settings import ROOT
from modules.hooks import specs
from modules.hooks.reference import PAGE, SAMPLES, reference

HOOKS = sorted(name for name, value in vars(specs).items() if hasattr(value, f"{specs.PROJECT}_spec"))
OUR_EXTENSIONS = sorted((ROOT / "extensions").glob("*/*.py"))
TESTS = ast.parse((Path(__file__).parent / "test_samples.py").read_text(encoding="utf-8"))


def test_each_hook_belongs_to_a_half() -> None:
    assert sorted([*specs.FRONT, *specs.ENGINE, *specs.BOTH]) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_sentence_and_at_most_four_parameters(hook: str) -> None:
    function = getattr(specs, hook)
    assert (function.__doc__ or "").strip().endswith((".", ".)"))
    assert len(inspect.signature(function).parameters) <= 4


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_sample_and_a_test_of_it(hook: str) -> None:
    code = (SAMPLES / f"{hook}.py").read_text(encoding="utf-8")
    assert f"@hookimpl\ndef {hook}(" in code
    assert f"test_{hook}" in {node.name for node in TESTS.body if isinstance(node, ast.FunctionDef)}


def test_the_reference_is_what_the_specs_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run: python -m modules.hooks.reference"


@pytest.mark.parametrize("file", OUR_EXTENSIONS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_our_own_extensions_import_the_public_door_only(file: Path) -> None:
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    assert {name for name in names if name.partition(".")[0] in {"modules", "tests", "webui"}} <= {"modules.hooks"}

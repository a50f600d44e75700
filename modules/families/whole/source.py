"""What diffusers' own source says about its pipelines, read as text: the front process may not import it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_TEXT_TO_PICTURE = re.compile(
    r"AUTO_TEXT2IMAGE_PIPELINES_MAPPING(?: = OrderedDict\((.*?)\n\)|\[[^\]]*\] = (\w+))", re.DOTALL
)
_MORE_PICTURES = ("Control", "PAG")  # want a picture beside words, or are another way to run a folder


@dataclass(frozen=True)
class Call:
    """How a pipeline is called: its arguments' names, and those defaults that are plain values."""

    arguments: frozenset[str] = frozenset()
    defaults: dict[str, object] = field(default_factory=dict)

    def number(self, name: str, otherwise: float) -> float:
        """A default that is a number."""
        value = self.defaults.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else otherwise


def package() -> Path | None:
    """The folder of diffusers; None before it is installed."""
    spec = find_spec("diffusers")
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


@cache
def text_to_picture() -> frozenset[str]:
    """The classes that diffusers lists as making pictures from words alone. Empty before it is installed."""
    folder = package()
    if folder is None:
        return frozenset()
    text = (folder / "pipelines" / "auto_pipeline.py").read_text(encoding="utf-8")
    listed = " ".join(block or one for block, one in _TEXT_TO_PICTURE.findall(text))
    names = re.findall(r"\b(\w+Pipeline)\b", listed)
    return frozenset(name for name in names if not any(word in name for word in _MORE_PICTURES))


@cache
def libraries() -> frozenset[str]:
    """What a model_index.json may name as the home of a part: nothing but these two and diffusers' own pipelines."""
    folder = package()
    own = [item.name for item in (folder / "pipelines").iterdir() if item.is_dir()] if folder else []
    return frozenset({"diffusers", "transformers", *own})


@cache
def call_of(pipeline: str) -> Call:
    """Of a class by name; empty if its source is not found."""
    folder = package()
    for path in sorted((folder / "pipelines").rglob("pipeline_*.py")) if folder else ():
        text = path.read_text(encoding="utf-8")
        if f"class {pipeline}(" in text:
            return _call_in(ast.parse(text), pipeline)
    return Call()


def _call_in(tree: ast.Module, pipeline: str) -> Call:
    for item in tree.body:
        if isinstance(item, ast.ClassDef) and item.name == pipeline:
            for method in item.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__call__":
                    return _signature(method.args)
    return Call()


def _signature(arguments: ast.arguments) -> Call:
    named = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    last = [*arguments.defaults, *arguments.kw_defaults]
    values = zip(reversed(named), reversed(last), strict=False)
    return Call(frozenset(named), {name: value.value for name, value in values if isinstance(value, ast.Constant)})

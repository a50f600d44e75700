"""Bench `extensions`: what thirty trivial extensions add to the start, to the page and to the first picture.

Starts with and without them take turns, so that what else the machine does touches both.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, say, started

MANY = 30
LIMIT = 1.0  # second, promised for all of them together
FRONT = """from modules.hooks import Control, hookimpl


@hookimpl
def controls(tab):
    return [Control("on", "On", "checkbox", False)] if tab == "txt2img" else []
"""
ENGINE = """from modules.hooks import hookimpl


@hookimpl
def after_decode(image):
    return None
"""
MANIFEST = 'name = "{name}"\nversion = "1"\napi = ">=1.0,<2"\ndescription = "A trivial one"\n'
Times = list[tuple[float, float]]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=5, help="pairs of starts (default 5)")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every pair. The first start only warms the disk and does not count."""
    facts = machine(ROOT)
    none: Times = []
    many: Times = []
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        place = Path(folder)
        (place / "none").mkdir()
        write(place / "many", MANY)
        started(place / "warm", ["--extensions-dir", str(place / "many")], "")
        for number in range(options.runs):
            for name, times in (("none", none), ("many", many)):
                times.append(started(place / f"{name}-{number}", ["--extensions-dir", str(place / name)], ""))
            say(f"pair {number + 1}: page {added(none, many, 0)[-1]:+.2f} s, picture {added(none, many, 1)[-1]:+.2f} s")
            yield report(none, many, facts, complete=number + 1 == options.runs)


def write(folder: Path, count: int) -> None:
    """So many extensions with both halves."""
    for number in range(count):
        name = f"trivial-{number}"
        (folder / name).mkdir(parents=True)
        for file, text in (("extension.toml", MANIFEST), ("extension.py", FRONT), ("engine.py", ENGINE)):
            (folder / name / file).write_text(text.replace("{name}", name), encoding="utf-8")


def added(none: Times, many: Times, which: int) -> tuple[float, ...]:
    """How much longer each start with them took than the one before it without."""
    return tuple(other[which] - one[which] for one, other in zip(none, many, strict=True))


def report(none: Times, many: Times, facts: dict[str, str], complete: bool) -> Report:
    rows = [
        Row(f"Added by {MANY} extensions", label, added(none, many, which), "s", LIMIT)
        for which, label in enumerate(("to the page", "to the first picture"))
    ]
    rows += [
        Row("From the start of the process", f"{label}, {name}", tuple(one[which] for one in times), "s")
        for which, label in enumerate(("page", "first picture"))
        for name, times in (("none", none), (f"{MANY} extensions", many))
    ]
    return Report("extensions", f"The start with {MANY} trivial extensions", tuple(rows), facts, complete)

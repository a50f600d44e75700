"""`python -m tests.bench NAME`: measure one thing, show a table, write JSON and a plot. NAME: start, step, fast,
preview, page, upscale, style, kill, load, swap, memory, inside, copies or extensions."""

from __future__ import annotations

import json
import logging
import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path

from modules.bootstrap import ensure
from modules.core.errors import TaffyError
from modules.core.paths import write_atomically
from tests.bench.plot import plot
from tests.bench.report import Report, as_json, table
from tests.bench.start import ROOT, BenchFailed

BENCHES = (
    "start", "step", "fast", "preview", "page", "upscale", "style", "kill", "swap", "memory", "load", "inside",
    "copies", "extensions",
)  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m tests.bench", description=__doc__)
    benches = parser.add_subparsers(required=True, metavar="NAME")
    for name in BENCHES:
        bench = import_module(f"tests.bench.{name}")  # only now: they need the packages in .venv
        one = benches.add_parser(name, description=bench.__doc__, formatter_class=RawDescriptionHelpFormatter)
        one.add_argument("--out", type=Path, default=ROOT / "bench-results", help="folder for JSON and plot")
        bench.add_arguments(one)
        one.set_defaults(run=bench.run)
    options = parser.parse_args(arguments)
    return show(options.run(options), options.out)


def show(reports: Iterable[Report], folder: Path) -> int:
    """Write every report over the one before, so that a bench that is broken off leaves what it has; print the last."""
    report = None
    try:
        for report in reports:
            write(report, folder)
    except KeyboardInterrupt:
        print("\nstopped")
    if report is None:
        return 130
    print(f"\n{table(report)}\n\nwritten to {folder / report.name}.json and .svg")
    return 0 if report.complete else 130


def write(report: Report, folder: Path) -> None:
    """<name>.json and <name>.svg."""
    write_atomically(folder / f"{report.name}.json", (json.dumps(as_json(report), indent=1) + "\n").encode())
    write_atomically(folder / f"{report.name}.svg", plot(report).encode())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends servers and temporary folders, as Ctrl+C does
    logging.getLogger("xformers").setLevel(logging.ERROR)  # it warns at each import of diffusers
    try:
        ensure(ROOT, ["front", "worker"], ["-m", "tests.bench", *sys.argv[1:]])
        sys.exit(main(sys.argv[1:]))
    except (BenchFailed, TaffyError) as problem:
        sys.exit(f"{problem}")

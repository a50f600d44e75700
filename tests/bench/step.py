"""Bench `step`: seconds for each network step of our loop, the share spent outside network and VAE calls, and the same
weights in diffusers' own pipeline, in turns in one process: same dtype, channels_last, sampler, size, guidance.

--checkpoints: starter (20 steps), full (Stable Diffusion 1.5's size, random weights made here, 2.1 GB in a temporary
folder; 3 steps), tiny (for the bench's own test).
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say
from tests.bench.turns import STEPS, Pair, Turns

SHARE_LIMIT = 2.0  # % of a step, promised for the full size


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoints", default="starter,full", help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs (default: %(default)s)")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every pair."""
    facts = machine(ROOT)
    rows: list[Row] = []
    names = options.checkpoints.split(",")
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        for name in names:
            turns = Turns(name, models_with(name, Path(folder)), Path(folder), options)
            facts[name] = ", ".join(turns.family.facts[key] for key in ("Precision", "Attention", "Device"))
            pairs: list[Pair] = []
            for number in range(1, options.runs + 1):
                pairs.append(turns.pair(number))
                last = name == names[-1] and number == options.runs
                title = "A step of our loop, and of diffusers' pipeline"
                yield Report("step", title, by_panel([*rows, *rows_of(name, pairs)]), facts, complete=last)
            rows += rows_of(name, pairs)
            turns.manager.unload()


def models_with(name: str, folder: Path) -> Path:
    """A models folder that has the checkpoint, which is made if it has to be."""
    models = ROOT / "models" if name == "starter" else folder / name
    path = models / "Stable-diffusion" / f"{name}.safetensors"
    if name == "full":
        from tests.bench.full_size import full_size_checkpoint

        say("making the full-size checkpoint")
        full_size_checkpoint(path)
    elif name == "tiny":
        from tests.checkpoints import tiny_checkpoint

        tiny_checkpoint(path)
    if name not in STEPS or not path.exists():
        raise BenchFailed(f"there is no checkpoint {name} for this bench: {path}")
    return models


def rows_of(name: str, pairs: list[Pair]) -> list[Row]:
    """The rows of one checkpoint. Ratios are taken within each pair."""
    step, ratio = f"Seconds a step, {name}", "Ours : diffusers, pair by pair"
    return [
        Row(step, "Taffy", tuple(pair.our_step for pair in pairs), "s"),
        Row(step, "diffusers' pipeline", tuple(pair.their_step for pair in pairs), "s"),
        Row(ratio, f"{name}, a step", tuple(pair.our_step / pair.their_step for pair in pairs), "times"),
        Row(ratio, f"{name}, a picture", tuple(pair.our_picture / pair.their_picture for pair in pairs), "times"),
        Row(
            "Outside network and VAE calls",
            f"{name}, share of a step",
            tuple(pair.share for pair in pairs),
            "%",
            SHARE_LIMIT if name == "full" else None,
        ),
    ]


def by_panel(rows: list[Row]) -> tuple[Row, ...]:
    """Rows of a panel side by side, panels in order of appearance."""
    order = list(dict.fromkeys(row.panel for row in rows))
    return tuple(sorted(rows, key=lambda row: order.index(row.panel)))

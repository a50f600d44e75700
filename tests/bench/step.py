"""Bench `step`: seconds for each network step of our loop, the share spent outside network and VAE calls, and the same
weights in diffusers' own pipeline, in turns in one process: same dtype, channels_last, sampler, size, guidance.

--checkpoints: starter (20 steps), full and sdxl (Stable Diffusion 1.5's and SDXL's size, random weights made here, 2.1
and 6.9 GB; 3 steps), tiny and tiny-xl (for the bench's own test).
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from operator import truediv
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.matrices import flops, peak, shares
from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say
from tests.bench.turns import STEPS, Pair, Turns

SHARE_LIMIT = 2.0  # % of a step, promised for the full sizes
STEP_LIMIT, FAST_LIMIT = (
    0.8,
    0.55,
)  # of diffusers' step and of the exact steps, promised for Stable Diffusion 1.5's size
FULL = frozenset({"full", "sdxl"})


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoints", default="starter,full", help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs (default: %(default)s)")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=0, help="of a picture (default: 20 of the starter, else 2 or 3)")
    parser.add_argument("--fast", type=int, default=0, help="also measure fast mode with every N-th step whole")
    parser.add_argument(
        "--others", action="store_true", help="also diffusers' default precision, and OpenVINO if there"
    )
    parser.add_argument("--kinds", action="store_true", help="also where the time of a step goes, by kind of operator")
    parser.add_argument("--made", type=Path, help="folder to make the checkpoints in and keep them for the next time")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every pair."""
    facts = machine(ROOT)
    rows: list[Row] = []
    names = options.checkpoints.split(",")
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        for name in names:
            turns = Turns(name, models_with(name, options.made or Path(folder)), Path(folder), options)
            facts[name] = ", ".join(turns.family.facts[key] for key in ("Precision", "Attention", "Device"))
            best, asked = limits_of(turns)
            facts[f"{name}, of a step"] = (
                f"{asked / 1e9:.0f} GFLOP; matrix products here reach {best / 1e9:.0f} a second"
            )
            rows += kinds_of(turns) if options.kinds else []
            pairs: list[Pair] = []
            for number in range(1, options.runs + 1):
                pairs.append(turns.pair(number))
                last = name == names[-1] and number == options.runs
                title = "A step of our loop, and of diffusers' pipeline"
                found = rows_of(name, pairs, asked / best)
                yield Report("step", title, by_panel([*rows, *found]), facts, complete=last)
            rows += found
            turns.manager.unload()


def models_with(name: str, folder: Path) -> Path:
    """A models folder that has the checkpoint, which is made if it has to be."""
    models = ROOT / "models" if name == "starter" else folder / name
    path = models / "Stable-diffusion" / f"{name}.safetensors"
    if not path.exists():
        make(name, path)
    if name not in STEPS or not path.exists():
        raise BenchFailed(f"there is no checkpoint {name} for this bench: {path}")
    return models


def make(name: str, path: Path) -> None:
    """Write a checkpoint of this name, if there is such a one."""
    from tests.bench.full_size import full_size_checkpoint, full_size_sdxl
    from tests.checkpoints import KINDS, tiny_checkpoint, tiny_file_of

    makers: dict[str, Callable[[Path], object]] = {
        "full": full_size_checkpoint,
        "sdxl": full_size_sdxl,
        "tiny": tiny_checkpoint,
        "tiny-xl": lambda path: tiny_file_of(path, KINDS["sdxl"]),
    }
    if name in makers:
        say(f"making the checkpoint {name}")
        makers[name](path)


def limits_of(turns: Turns) -> tuple[float, float]:
    """FLOP a second that matrix products reach here, and FLOP of a step."""
    x, _, words = turns.inputs
    return peak(turns.family.device, words.dtype), flops(turns.family.unet, x, words, **turns.more)


def kinds_of(turns: Turns) -> list[Row]:
    """Where the time of a step goes, in ours and in diffusers' own layers."""
    sides = {"Taffy": turns.family.unet, "diffusers": turns.pipeline.unet}
    return [
        Row(f"Where a step goes, {turns.name}, {side}", kind, (percent,), "%")
        for side, unet in sides.items()
        for kind, percent in shares(turns.call_of(unet)).items()
    ]


def rows_of(name: str, pairs: list[Pair], least: float) -> list[Row]:
    """The rows of one checkpoint. Ratios are taken within each pair. least: seconds a step at the machine's best."""
    step, ratio, share = f"Seconds a step, {name}", "Ours : diffusers, pair by pair", "Share of the matrix peak"
    ours, theirs = (tuple(pair.our_step for pair in pairs), tuple(pair.their_step for pair in pairs))
    others = [Row(step, other, tuple(pair.others[other] for pair in pairs), "s") for other in pairs[0].others]
    fast = tuple(pair.fast for pair in pairs if pair.fast is not None)
    is_full = name in FULL
    return [
        Row(step, "Taffy", ours, "s"),
        Row(step, "diffusers' pipeline", theirs, "s"),
        *others,
        Row(ratio, f"{name}, a step", tuple(map(truediv, ours, theirs)), "times", STEP_LIMIT if is_full else None),
        Row(ratio, f"{name}, a picture", tuple(pair.our_picture / pair.their_picture for pair in pairs), "times"),
        *(
            Row("Ours : others", f"{name}, {row.label}", tuple(map(truediv, ours, row.values)), "times")
            for row in others
        ),
        Row(share, f"{name}, Taffy", tuple(100 * least / seconds for seconds in ours), "%"),
        Row(share, f"{name}, diffusers", tuple(100 * least / seconds for seconds in theirs), "%"),
        Row("Fast mode : exact", f"{name}, all steps", fast, "times", FAST_LIMIT if is_full else None),
        Row(
            "Outside network and VAE calls",
            f"{name}, share of a step",
            tuple(pair.share for pair in pairs),
            "%",
            SHARE_LIMIT if is_full else None,
        ),
    ]


def by_panel(rows: list[Row]) -> tuple[Row, ...]:
    """Rows of a panel side by side, panels in order of appearance."""
    order = list(dict.fromkeys(row.panel for row in rows))
    return tuple(sorted(rows, key=lambda row: order.index(row.panel)))

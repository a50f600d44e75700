"""Bench `upscale`: a network of ESRGAN's size (23 blocks, 16.7 million random weights written here) in our tiles and in
spandrel's own untiled call: the time in turns, and how much memory each takes as the picture grows.

Every piece runs in a process of its own and is kept in OUT/upscale: a bench that was broken off goes on where it was;
without that folder it measures anew. Memory is what the peak of resident memory (Linux) grew by, network loaded and
warm. "Work" is that without the pictures that went in and came out, before its bytes are made at the end. Nearly all of
it is needed at the end of the network, so it is measured as the picture grows with fewer blocks, which are sooner done,
and at one size with all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modules.core.paths import write_atomically
from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say

SIDES = "512,1024,2000"  # 8000 x 8000 is the largest picture there may be
UNTILED = "512,1024"
TITLE = "Pictures made 4 times larger by a network of ESRGAN's size"
MEGABYTE = 1e6
Piece = Mapping[str, Any]  # a task for `upscale_piece.py`: what, blocks, side, number, and the options
Found = list[tuple[Piece, Mapping[str, Any]]]  # pieces with what they said


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--sides", default=SIDES, help="pixels of square pictures for the memory (%(default)s)")
    parser.add_argument("--untiled", default=UNTILED, help="the same for spandrel's untiled call (%(default)s)")
    parser.add_argument("--side", type=int, default=512, help="of the picture for the time (default: %(default)s)")
    parser.add_argument("--blocks", type=int, default=23, help="of the network (default: %(default)s)")
    parser.add_argument("--memory-blocks", type=int, default=1, help="the same where memory grows (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs (default: %(default)s)")
    parser.add_argument("--budget", type=int, default=0, help="bytes for a tile's work; 0: Taffy's own choice")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every piece."""
    facts = machine(ROOT)
    wanted = pieces(options)
    found: Found = []
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        for blocks in {options.blocks, options.memory_blocks}:
            write_network(Path(folder), blocks)
        for piece in wanted:
            said = kept_or_measured(piece, Path(folder), options.out / "upscale")
            facts |= said["facts"]
            found.append((piece, said))
            yield Report("upscale", TITLE, rows(found), facts, complete=len(found) == len(wanted))


def pieces(options: Namespace) -> list[Piece]:
    """What is measured, in order."""
    same = {name: getattr(options, name) for name in ("budget", "precision", "use_cpu")}
    real, few = options.blocks, options.memory_blocks
    wanted = [("turns", real, options.side, number + 1) for number in range(options.runs)]
    wanted.append(("tiled", real, options.side, 1))
    wanted += [("tiled", few, int(side), 1) for side in options.sides.split(",") if side]
    wanted += [("untiled", few, int(side), 1) for side in options.untiled.split(",") if side]
    names = ("what", "blocks", "side", "number")
    return [{**dict(zip(names, one, strict=True)), **same} for one in dict.fromkeys(wanted)]


def kept_or_measured(piece: Piece, models: Path, folder: Path) -> Mapping[str, Any]:
    """What a piece said when it was measured, now or earlier. Raises BenchFailed."""
    name = "-".join(str(piece[part]) for part in ("what", "blocks", "side", "number"))
    path = folder / f"{name}.json"
    if path.exists() and (kept := json.loads(path.read_text()))["piece"] == piece:
        say(f"{name}: kept")
        return dict(kept["said"])
    say(name)
    command = [sys.executable, "-m", "tests.bench.upscale_piece", json.dumps({**piece, "models": str(models)})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(done.stderr[-2000:])
    said: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    write_atomically(path, json.dumps({"piece": piece, "said": said}, indent=1).encode())
    return said


def rows(found: Found) -> tuple[Row, ...]:
    turns = [(piece, said) for piece, said in found if piece["what"] == "turns"]
    memory = [(piece, said) for piece, said in found if piece["what"] != "turns"]
    return (*times(turns), *grown("work", "work alone", memory), *grown("growth", "the pictures included", memory))


def times(turns: Found) -> Iterator[Row]:
    if not turns:
        return
    side = turns[0][0]["side"]
    ours, theirs = (tuple(said[name] for _, said in turns) for name in ("ours", "theirs"))
    panel = f"Seconds, {side} -> {4 * side}"
    yield Row(panel, "Taffy, tiled", ours, "s")
    yield Row(panel, "spandrel, untiled", theirs, "s")
    ratios = tuple(one / other for one, other in zip(ours, theirs, strict=True))
    yield Row("Ours : spandrel, pair by pair", "a picture", ratios, "times")


def grown(name: str, words: str, memory: Found) -> Iterator[Row]:
    whose = {"tiled": "Taffy", "untiled": "spandrel"}
    for piece, said in memory:
        label = f"{whose[piece['what']]}, {piece['blocks']} blocks, {piece['side']} -> {4 * piece['side']}"
        yield Row(f"Peak memory, {words}", label, (said[name] / MEGABYTE,), "MB")


def write_network(models: Path, blocks: int) -> Path:
    """models/ESRGAN/bench<blocks>.safetensors, in half precision, seeded."""
    import torch
    from safetensors.torch import save_file
    from spandrel.architectures.ESRGAN import ESRGAN

    say(f"writing a network of {blocks} blocks")
    generator = torch.Generator().manual_seed(0)
    weights = ESRGAN(num_blocks=blocks, scale=4).half().state_dict()
    for weight in weights.values():
        if weight.ndim > 1:
            weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)
    path = models / "ESRGAN" / f"bench{blocks}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
    return path

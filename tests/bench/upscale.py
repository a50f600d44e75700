"""Bench `upscale`: a network of ESRGAN's size (23 blocks, 16.7 million random weights written here) in our tiles and in
spandrel's own untiled call, in turns; and how much memory our work takes as the picture grows.

Each picture for the memory is made in a process of its own, which reads its RssAnon every few milliseconds (Linux).
"Work" is the growth without what has to grow: the picture that went in, the one that comes out, and its bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter
from typing import Any

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say

SIDES = "512,1024,2048"
TITLE = "Pictures made larger: a network of ESRGAN's size"
MEGABYTE = 1e6


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--sides", default=SIDES, help="pixels of the square pictures for the memory (%(default)s)")
    parser.add_argument("--side", type=int, default=512, help="of the picture for the time; becomes 4x (%(default)s)")
    parser.add_argument("--blocks", type=int, default=23, help="of the network (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs (default: %(default)s)")
    parser.add_argument("--budget", type=int, default=0, help="bytes for a tile's work; 0: Taffy's own choice")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every picture for the memory, and after every pair."""
    facts = machine(ROOT)
    sides = [int(side) for side in options.sides.split(",")]
    growth: list[Row] = []
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        models = Path(folder)
        write_network(models, options.blocks)
        for side in sides:
            said = measured(models, side, options)
            growth += rows_of(side, said)
            facts[f"{side} pixels"] = f"{said['steps']} tiles, {said['seconds']:.0f} s"
            yield Report("upscale", TITLE, by_panel(growth), facts)
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(1, options.runs + 1):
            pair = turns(models, options, number)
            ours.append(pair["ours"])
            theirs.append(pair["theirs"])
            facts |= pair["facts"]
            rows = (*by_panel(growth), *times(options.side, ours, theirs))
            yield Report("upscale", TITLE, rows, facts, complete=number == options.runs)


def rows_of(side: int, said: dict[str, Any]) -> list[Row]:
    label = f"{side} -> {said['width']}"
    return [
        Row("Peak memory, work alone", label, (said["work"] / MEGABYTE,), "MB"),
        Row("Peak memory, the pictures included", label, (said["growth"] / MEGABYTE,), "MB"),
    ]


def by_panel(rows: list[Row]) -> tuple[Row, ...]:
    order = list(dict.fromkeys(row.panel for row in rows))
    return tuple(sorted(rows, key=lambda row: order.index(row.panel)))


def times(side: int, ours: list[float], theirs: list[float]) -> tuple[Row, ...]:
    panel, ratio = f"Seconds, {side} -> {4 * side}", "Ours : spandrel, pair by pair"
    return (
        Row(panel, "Taffy, tiled", tuple(ours), "s"),
        Row(panel, "spandrel, untiled", tuple(theirs), "s"),
        Row(ratio, "a picture", tuple(one / other for one, other in zip(ours, theirs, strict=True)), "times"),
    )


def write_network(models: Path, blocks: int) -> Path:
    """models/ESRGAN/bench.safetensors, in half precision, seeded."""
    import torch
    from safetensors.torch import save_file
    from spandrel.architectures.ESRGAN import ESRGAN

    say(f"writing a network of {blocks} blocks")
    generator = torch.Generator().manual_seed(0)
    weights = ESRGAN(num_blocks=blocks, scale=4).half().state_dict()
    for weight in weights.values():
        if weight.ndim > 1:
            weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)
    path = models / "ESRGAN" / "bench.safetensors"
    path.parent.mkdir(parents=True)
    save_file(weights, path)
    return path


def measured(models: Path, side: int, options: Namespace) -> dict[str, Any]:
    """One picture in a process of its own. Raises BenchFailed."""
    say(f"memory: {side} pixels")
    task = {"models": str(models), "side": side, "factor": 4 if side * side * 16 <= 64_000_000 else 2}
    task |= {name: getattr(options, name) for name in ("budget", "precision", "use_cpu")}
    command = [sys.executable, "-m", "tests.bench.upscale", json.dumps(task)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(done.stderr[-2000:])
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def watched(task: dict[str, Any]) -> dict[str, Any]:
    """Runs inside that process. Bytes of growth over what was there with the network loaded and warm."""
    upscalers = upscalers_on(Path(task["models"]), task["budget"], task["precision"], task["use_cpu"])
    finish(upscalers, noise(96), 4)
    before, peak, ended = anonymous(), [0], Event()

    def look() -> None:
        while not ended.wait(0.005):
            peak[0] = max(peak[0], anonymous())

    watching = Thread(target=look)
    watching.start()
    began = perf_counter()
    picture = noise(task["side"])
    larger, steps = finish(upscalers, picture, task["factor"])
    rgb = larger.tobytes()
    seconds = perf_counter() - began
    ended.set()
    watching.join()
    pictures = (
        4 * picture.width * picture.height + 4 * larger.width * larger.height + len(rgb)
    )  # Pillow: 4 bytes a pixel
    growth = max(peak[0], anonymous()) - before
    return {"growth": growth, "work": growth - pictures, "width": larger.width, "steps": steps, "seconds": seconds}


def turns(models: Path, options: Namespace, number: int) -> dict[str, Any]:
    """Seconds of both for one picture, the other one first every other time."""
    import torch

    upscalers = upscalers_on(models, options.budget, options.precision, options.use_cpu)
    finish(upscalers, noise(96), 4)
    network = upscalers.network("bench")
    assert network is not None, "it was used just now"
    picture = noise(options.side)
    pixels = torch.rand(1, 3, options.side, options.side)

    def ours() -> None:
        finish(upscalers, picture, 4)

    def theirs() -> None:
        network(pixels).float().cpu()

    seconds = {}
    for name, work in [("ours", ours), ("theirs", theirs)][:: 1 if number % 2 else -1]:
        began = perf_counter()
        work()
        seconds[name] = perf_counter() - began
    say(f"pair {number}: Taffy {seconds['ours']:.1f} s, spandrel {seconds['theirs']:.1f} s")
    return {**seconds, "facts": {"network": f"{network.title}, {network.dtype}", "device": network.model.device.type}}


def upscalers_on(models: Path, budget: int, precision: str, use_cpu: bool) -> Any:
    from modules.families.device import pick_device
    from modules.upscalers.index import UpscalerIndex
    from modules.upscalers.upscalers import Upscalers

    return Upscalers(UpscalerIndex([models]), pick_device(use_cpu, precision, "automatic"), budget)


def finish(upscalers: Any, picture: Any, factor: int) -> tuple[Any, int]:
    """The larger picture, and in how many tiles it was made."""
    working = upscalers.upscale(picture, "bench", factor * picture.width, factor * picture.height)
    steps = 0
    while True:
        try:
            steps = next(working).steps
        except StopIteration as stop:
            return stop.value, steps


def noise(side: int) -> Any:
    from PIL import Image

    return Image.effect_noise((side, side), 60).convert("RGB")


def anonymous() -> int:
    """Bytes of memory of this process that belong to no file."""
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))


if __name__ == "__main__":
    print(json.dumps(watched(json.loads(sys.argv[1]))))

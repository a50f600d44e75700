"""Bench `memory`: how much memory a process takes from its start to its first picture: our engine, and diffusers'
pipeline by `from_single_file`, each in a process of its own that reads its RssAnon every few milliseconds (Linux).

--checkpoints: full (Stable Diffusion 1.5's size, made here), sdxl (6.9 GB; fits into 24 GB as bf16 only) or tiny (for
the bench's own test).
"""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say

LIMIT = 0.85  # of diffusers' own, promised
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
STEPS = 2
GIGABYTE = 1e9


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoints", default="full", help="full, sdxl or tiny (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to make the file and find that of an earlier run")
    parser.add_argument("--precision", default="bf16", help="fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=2, help="processes of each (default: %(default)s)")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every pair of processes."""
    from tests.bench.full_size import full_size_checkpoint, full_size_sdxl
    from tests.bench.rivals import write_configs
    from tests.checkpoints import tiny_checkpoint

    facts = machine(ROOT)
    ours: list[float] = []
    theirs: list[float] = []
    with TemporaryDirectory(prefix="taffy-bench-") as name:
        folder = options.folder or Path(name)
        path = folder / "models" / "Stable-diffusion" / "one.safetensors"
        make: Any = {"full": full_size_checkpoint, "sdxl": full_size_sdxl, "tiny": tiny_checkpoint}[options.checkpoints]
        if not path.exists():
            make(path)
        if not (folder / "configs").exists():
            engine, family = loaded(folder, options.precision)
            write_configs(family, folder / "configs")
            del engine, family  # the children have the memory to themselves
        for number in range(1, options.runs + 1):
            ours.append(child("ours", folder, options.precision))
            theirs.append(child("theirs", folder, options.precision))
            say(f"pair {number}: Taffy {ours[-1]:.2f} GB, diffusers {theirs[-1]:.2f} GB")
            yield Report(
                "memory", "Memory from the start to the first picture",
                rows_of(options.precision, ours, theirs), facts, complete=number == options.runs,
            )  # fmt: skip


def rows_of(precision: str, ours: list[float], theirs: list[float]) -> tuple[Row, ...]:
    peak = f"Growth of RssAnon, {precision}"
    ratios = tuple(one / other for one, other in zip(ours, theirs, strict=True))
    return (
        Row(peak, "Taffy", tuple(ours), "GB"),
        Row(peak, "diffusers", tuple(theirs), "GB"),
        Row("Ours : diffusers", precision, ratios, "times", LIMIT),
    )


def child(who: str, folder: Path, precision: str) -> float:
    """GB of one process."""
    command = [sys.executable, "-m", "tests.bench.memory", who, str(folder), precision]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"the process of {who} failed:\n{done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


def anonymous() -> int:
    """Bytes of this process that are no file's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) * 1024


def main(who: str, folder: Path, precision: str) -> None:
    """In a process of its own."""
    before, peak, ended = anonymous(), [0], Event()

    def watch() -> None:
        while not ended.wait(0.005):
            peak[0] = max(peak[0], anonymous())

    watcher = Thread(target=watch)
    watcher.start()
    (our_picture if who == "ours" else their_picture)(folder, precision)
    ended.set()
    watcher.join()
    print((peak[0] - before) / GIGABYTE)


def our_picture(folder: Path, precision: str) -> None:
    from modules.core.heap import keep_freed_memory
    from modules.core.request import GenerationRequest

    keep_freed_memory()
    engine, family = loaded(folder, precision)
    side = family.card.native_size
    request = GenerationRequest(
        checkpoint="one", prompt="a cat", width=side, height=side, steps=STEPS, seed=1, preview="off"
    )
    for _ in engine.generate("job", request, {}):
        pass


def loaded(folder: Path, precision: str) -> tuple[Any, Any]:
    """Our engine and the family it has loaded."""
    from tests.bench.turns import engine_on

    engine, manager = engine_on(folder / "models", folder / "cache", Namespace(use_cpu=True, precision=precision))
    for _ in engine.load("load", "one"):
        pass
    return engine, manager.current


def their_picture(folder: Path, precision: str) -> None:
    import torch

    from tests.bench.rivals import from_single_file

    pipeline = from_single_file(
        folder / "models/Stable-diffusion/one.safetensors", folder / "configs", DTYPES[precision]
    )
    for network in (pipeline.unet, pipeline.vae):
        network.to(memory_format=torch.channels_last)
    cross = pipeline.unet.config.cross_attention_dim
    words = torch.zeros(1, 77, cross, dtype=pipeline.unet.dtype)
    given: dict[str, Any] = {"prompt_embeds": words, "negative_prompt_embeds": words}
    if hasattr(pipeline, "text_encoder_2"):
        pooled = torch.zeros(1, pipeline.text_encoder_2.config.projection_dim, dtype=words.dtype)
        given |= {"pooled_prompt_embeds": pooled, "negative_pooled_prompt_embeds": pooled}
    side = {768: 512, 2048: 1024}.get(cross, 64)
    pipeline(**given, num_inference_steps=STEPS, width=side, height=side)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])

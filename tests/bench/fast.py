"""Bench `fast`: how near pictures of fast mode come to exact ones, and pictures of fewer steps to those of all steps,
beside it: same seeds, the starter checkpoint, its own examples as prompts. Time is of the steps alone.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from modules.core.events import PictureMade, Stepped
from modules.core.request import GenerationRequest
from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, say

if TYPE_CHECKING:
    from modules.engine.engine import Engine

PICTURES = 4  # of each prompt
FEWER = (15, 11, 9, 7)  # steps that take about as long as fast mode with every 2nd, 3rd ... whole


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--samplers", default="DPM++ 2M,Euler a", help="default: %(default)s")
    parser.add_argument("--prompts", type=int, default=4, help="how many of the checkpoint's (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--checkpoint", default="starter", help="default: %(default)s")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="folder it is in")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every sampler."""
    from tests.bench.turns import engine_on

    facts, rows = machine(ROOT), []
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        engine, manager = engine_on(options.models, Path(folder), Namespace(use_cpu=options.use_cpu, precision="auto"))
        for _ in engine.load("load", options.checkpoint):
            pass
        card: Any = manager.current.card  # type: ignore[union-attr]
        request = GenerationRequest(
            checkpoint=card.name, width=card.native_size, height=card.native_size, steps=options.steps, seed=1,
            cfg_scale=card.default_cfg, count=PICTURES, batch_size=PICTURES, preview="off",
        )  # fmt: skip
        prompts = card.examples[: options.prompts]
        samplers = options.samplers.split(",")
        for sampler in samplers:
            rows += compared(engine, replace(request, sampler=sampler), prompts)
            title = f"Fast mode beside exact pictures, {card.name}, {len(prompts) * PICTURES} of each"
            yield Report("fast", title, tuple(rows), facts, complete=sampler == samplers[-1])


def compared(engine: Engine, request: GenerationRequest, prompts: tuple[str, ...]) -> list[Row]:
    """Two panels of one sampler: similarity of the lightness, and peak signal to noise."""
    from modules.style.lab import lab
    from modules.style.measure import ssim

    made(engine, replace(request, steps=2), prompts[:1])  # warm
    exact, whole = made(engine, request, prompts)
    ways: dict[str, dict[str, Any]] = {f"every {every}. step whole": {"fast_every": every} for every in (2, 3, 4, 5)}
    ways |= {f"exact, {steps} steps": {"steps": steps} for steps in FEWER if steps < request.steps}
    near, noise = [], []
    for way, values in ways.items():
        pictures, seconds = made(engine, replace(request, **values), prompts)
        label = f"{way}, {seconds / whole:.2f} of the time"
        pairs = list(zip(pictures, exact, strict=True))
        near.append(Row(f"SSIM, {request.sampler}", label, tuple(ssim(lab(a), lab(b)) for a, b in pairs), ""))
        noise.append(Row(f"PSNR in dB, {request.sampler}", label, tuple(psnr(a, b) for a, b in pairs), "dB"))
        say(f"{request.sampler}, {label}: SSIM {near[-1].median:.3f}, PSNR {noise[-1].median:.1f} dB")
    return near + noise


def made(engine: Engine, request: GenerationRequest, prompts: tuple[str, ...]) -> tuple[list[Any], float]:
    """Pictures, (height, width, 3) in 0..1, and seconds of their steps."""
    import numpy as np

    pictures, seconds = [], 0.0
    for prompt in prompts:
        for event in engine.generate("job", replace(request, prompt=prompt), {}):
            if isinstance(event, PictureMade):
                levels = np.frombuffer(event.rgb, np.uint8).reshape(event.height, event.width, 3)
                pictures.append(levels.astype(float) / 255)
            elif isinstance(event, Stepped):
                seconds += event.seconds
    return pictures, seconds


def psnr(one: Any, other: Any) -> float:
    """Decibels between the range and the root of the mean squared difference; 100 for equal pictures."""
    import numpy as np

    error = float(((one - other) ** 2).mean())
    return 100.0 if not error else float(10 * np.log10(1 / error))

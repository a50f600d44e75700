"""Bench `preview`: what showing every step costs, as a share of a step of the full-size checkpoint; and how many of
the frames that were sent a real Chromium has painted.

--checkpoint: full (Stable Diffusion 1.5's size, random weights made here, 2.1 GB in a temporary folder), starter, or
tiny (for the bench's own test).
"""

from __future__ import annotations

import pickle
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from modules.core.events import Stepped
from modules.core.request import GenerationRequest
from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, say
from tests.bench.step import models_with

SHARE_LIMIT = 2.0  # % of a full-size step, promised
FRAMES, FRAME_SECONDS, FRAME_SIDE = 60, 0.14, 512  # a little slower than the eight a second that are sent at most
COUNT_SENT = """async () => {
    const { watch } = await import("/taffy/view.js");
    window.sent = 0;
    watch((kind) => { sent += kind === "frame"; });
}"""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default="full", help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=3, help="pictures of each part (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=4, help="steps a picture (default: %(default)s)")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after each part."""
    facts = machine(ROOT)
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        rows = cost(options, Path(folder), facts)
        title = "Showing every step"
        yield Report("preview", title, rows, facts)
        yield Report("preview", title, (*rows, painted(options, Path(folder) / "page")), facts, complete=True)


def cost(options: Namespace, folder: Path, facts: dict[str, str]) -> tuple[Row, ...]:
    """Seconds of a step, and of making its frame and packing it for the front process, measured in the same steps."""
    from tests.bench.turns import Clock, engine_on, synchronizer

    name = options.checkpoint
    engine, manager = engine_on(models_with(name, folder), folder, options)
    with closing(engine.load("load", name)) as loading:
        for _ in loading:
            pass
    family: Any = manager.current
    facts[name] = ", ".join(family.facts[key] for key in ("Precision", "Attention", "Device"))
    clock = Clock(synchronizer(family.device))
    engine._host.show_step = clock.around(engine._host.show_step)  # type: ignore[method-assign]
    side = family.card.native_size
    request = GenerationRequest(
        prompt="a cat", checkpoint=name, sampler="Euler", schedule="uniform", steps=options.steps,
        width=side, height=side, seed=1,
    )  # fmt: skip
    steps: list[float] = []
    frames: list[float] = []
    for number in range(options.runs + 1):  # the first one warms up: the map is fitted, and decoding is timed
        for event in engine.generate("bench", request, {}):
            if isinstance(event, Stepped):
                clock.seconds += packing(event)
                if number and event.frame:
                    steps.append(event.seconds)
                    frames.append(clock.seconds)
                    facts["preview"] = event.frame.method
                clock.seconds = 0.0
        say(f"{name}, picture {number}")
    shares = tuple(100 * frame / step for frame, step in zip(frames, steps, strict=True))
    return (
        Row("Cost of a frame", f"{name}, share of a step", shares, "%", SHARE_LIMIT if name == "full" else None),
        Row("Seconds", "a step", tuple(steps), "s"),
        Row("Seconds", "its frame", tuple(frames), "s"),
    )


def packing(event: Stepped) -> float:
    """Seconds to pack an event for the pipe."""
    began = perf_counter()
    pickle.dumps(event)
    return perf_counter() - began


def painted(options: Namespace, folder: Path) -> Row:
    """Per cent of the frames a page was sent that were on its screen."""
    from playwright.sync_api import expect

    from tests.ui.browsing import RECORD_PAINTED
    from tests.ui.noise import chromium, noise_page, opened
    from tests.workers import NoiseConfig

    shares = []
    with chromium() as browser, noise_page(folder, NoiseConfig(FRAME_SECONDS, FRAME_SIDE)) as server:
        for number in range(options.runs):
            with opened(browser, server) as page:
                page.evaluate(RECORD_PAINTED)
                page.evaluate(COUNT_SENT)
                server.app.submit(GenerationRequest(prompt=f"frames {number}", steps=FRAMES), "local")
                expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", f"frames {number}")
                shown = page.evaluate("painted.filter(src => src.startsWith('data:')).length")
                sent = page.evaluate("sent")
                say(f"{shown} of {sent} frames painted")
                shares.append(100 * shown / sent)
    return Row("In Chromium", "frames painted of those sent", tuple(shares), "%")

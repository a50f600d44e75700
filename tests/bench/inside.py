"""Bench `inside`: what watching eight words costs a step, with and without in turns in one process; and, with the
starter, whether the map of a thing's word lies on the thing.

--checkpoints: of the first part: starter (20 steps), full (Stable Diffusion 1.5's size, random weights made here, 2.1
GB in a temporary folder; 3 steps), tiny (for the bench's own test). --prompts: of the second part; 0 leaves it out.
Second part: prompt i, "a <hand> <thing> on a <ground> background, thursday", is made with seed i. The thing's mask is
what differs from the colour of the edge by more than 20 (CIE 1976). A word's map is the sum over all steps, brought to
0..1; what is above 0.5 is where it looked. "thursday" means nothing to the starter and is the unrelated word.
Intervals: 95 % of the means of 10,000 resamples of the prompts.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from extensions.inside.difference import lab
from extensions.inside.maps import shares
from modules.core.events import Attached, PictureMade, Stepped
from modules.core.request import GenerationRequest
from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, say
from tests.bench.step import models_with
from tests.bench.turns import STEPS, engine_on

if TYPE_CHECKING:
    from modules.engine.engine import Engine

LIMIT = 1.10  # times a step without, promised for eight words on a processor
EIGHT = "a red castle by the sea at night"
WATCH = {"inside.options": json.dumps({"keep": False, "watch": True}).encode()}
UNRELATED = "thursday"
APART = 20.0  # colour difference of the thing to its ground
LOOKED = 0.5  # of a map between its least and its most


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoints", default="starter,full", help="default: %(default)s; empty for none")
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs (default: %(default)s)")
    parser.add_argument("--prompts", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every pair of runs and after every ten prompts."""
    facts, rows = machine(ROOT), list[Row]()
    title = "Watching words: what it costs, and whether they look at what they name"
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        for name in filter(None, options.checkpoints.split(",")):
            ratios: list[float] = []
            for ratio in costs(name, Path(folder), options, facts):
                ratios.append(ratio)
                found = Row("A step with eight words watched : without", name, tuple(ratios), "times", LIMIT)
                yield Report("inside", title, (*rows, found), facts)
            rows.append(found)
        overlaps: list[Overlap] = []
        for overlap in looked(Path(folder), options) if options.prompts else ():
            overlaps.append(overlap)
            if len(overlaps) % 10 == 0:
                say(f"{len(overlaps)} of {options.prompts} prompts")
                yield Report("inside", title, (*rows, *overlap_rows(overlaps, facts)), facts)
        yield Report("inside", title, (*rows, *overlap_rows(overlaps, facts)), facts, complete=True)


def costs(name: str, folder: Path, options: Namespace, facts: dict[str, str]) -> Iterator[float]:
    """Seconds a step with eight words watched, as a multiple of those without, pair by pair."""
    engine, manager = engine_on(models_with(name, folder), folder, options, [ROOT / "extensions"])
    request = replace(of(engine, name), prompt=EIGHT, steps=STEPS[name])
    facts[name] = ", ".join(manager.current.facts[key] for key in ("Precision", "Attention")) if manager.current else ""
    seconds(engine, replace(request, steps=1), WATCH)
    for number in range(options.runs):
        both = [WATCH, {}] if number % 2 else [{}, WATCH]
        taken = [seconds(engine, request, packed) for packed in both]
        watched, plain = taken if number % 2 else reversed(taken)
        say(f"{name}, pair {number + 1}: {watched:.4f} s a step with eight words watched, {plain:.4f} s without")
        yield watched / plain
    manager.unload()


def of(engine: Engine, name: str) -> GenerationRequest:
    """A request at the checkpoint's own size. Loads it."""
    loading = engine.load("load", name)
    while True:
        try:
            next(loading)
        except StopIteration as stop:
            card = stop.value.card
            break
    side = card.native_size
    return GenerationRequest(
        checkpoint=name, width=side, height=side, sampler="Euler", steps=20, cfg_scale=card.default_cfg, seed=1,
        preview="off",
    )  # fmt: skip


def seconds(engine: Engine, request: GenerationRequest, packed: Mapping[str, bytes]) -> float:
    """The median of a step."""
    events: Any = engine.generate("bench", request, {}, packed)
    with closing(events):
        return median(event.seconds for event in events if isinstance(event, Stepped))


@dataclass(frozen=True)
class Overlap:
    """One prompt. area: share of the picture the thing covers. iou: of each word's map with it."""

    prompt: str
    area: float
    iou: Mapping[str, float]


def looked(folder: Path, options: Namespace) -> Iterator[Overlap]:
    """One after the other, with the starter."""
    from modules.training.catalog import BACKGROUNDS, CONCEPTS, HANDS

    engine, _ = engine_on(ROOT / "models", folder, options, [ROOT / "extensions"])
    usual = of(engine, "starter")
    things = list(CONCEPTS)
    for number in range(options.prompts):
        thing, ground = things[2 * number % len(things)], BACKGROUNDS[number % len(BACKGROUNDS)].word
        hand = HANDS[number % len(HANDS)].word
        prompt = f"a {hand} {thing} on a {ground} background, {UNRELATED}"
        picture, maps = watched(engine, replace(usual, prompt=prompt, seed=number))
        mask = mask_of(picture)
        names = {"the thing": thing, "its hand": hand, "its ground": ground, "thursday": UNRELATED, "on": "on"}
        names["background"] = "background"
        yield Overlap(prompt, float(mask.mean()), {name: iou(maps[word], mask) for name, word in names.items()})


def watched(engine: Engine, request: GenerationRequest) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.float64]]]:
    """The picture, and each word's map summed over the steps, 0 to 1, at the picture's size."""
    events = list(engine.generate("bench", request, {}, WATCH))
    made = next(event for event in events if isinstance(event, PictureMade))
    lines = next(event.data for event in events if isinstance(event, Attached)).splitlines()
    steps = [shares(line) for line in lines]
    sums = {word: sum(step[0, word] for step in steps) for _, word in steps[0]}
    picture = np.frombuffer(made.rgb, np.uint8).reshape(made.height, made.width, 3)
    return picture, {word: fitted(np.asarray(total), picture.shape[:2]) for word, total in sums.items()}


def fitted(found: NDArray[np.float64], size: Sequence[int]) -> NDArray[np.float64]:
    """A map between its least and its most, at another size."""
    near = Image.fromarray(found.astype(np.float32)).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    values = np.asarray(near, np.float64)
    scaled: NDArray[np.float64] = (values - values.min()) / (np.ptp(values) or 1)
    return scaled


def mask_of(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the thing is: what differs from the colour of the edge."""
    colours = lab(picture.astype(np.float64))
    edge = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    found: NDArray[np.bool_] = np.linalg.norm(colours - np.median(edge, 0), axis=-1) > APART
    return found


def iou(found: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """Intersection over union of where a word looked and the thing."""
    where = found > LOOKED
    return float((where & mask).sum() / max(1, (where | mask).sum()))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % of the means of resamples."""
    drawn = np.random.default_rng(0).choice(np.asarray(values), (10_000, len(values)))
    low, high = np.quantile(drawn.mean(1), [0.025, 0.975])
    return float(low), float(high)


def overlap_rows(overlaps: Sequence[Overlap], facts: dict[str, str]) -> tuple[Row, ...]:
    """A row for each word; means with their intervals are facts."""
    if not overlaps:
        return ()
    rows = []
    for name in overlaps[0].iou:
        values = [one.iou[name] for one in overlaps]
        low, high = interval(values)
        facts[f"IoU, {name}"] = f"{np.mean(values):.3f} in the mean (95 %: {low:.3f} to {high:.3f})"
        rows.append(Row("IoU of a word's map with the thing", name, tuple(values), "0..1"))
    behind = [one for one in overlaps if one.iou["the thing"] <= one.iou["thursday"]]
    facts["thing not above thursday"] = f"{len(behind)} of {len(overlaps)}: " + "; ".join(one.prompt for one in behind)
    poor = [one for one in overlaps if not 0.05 <= one.area <= 0.9]
    facts["masks below 5 % or above 90 %"] = f"{len(poor)} of {len(overlaps)}: " + "; ".join(one.prompt for one in poor)
    return tuple(rows)

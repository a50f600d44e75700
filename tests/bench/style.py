"""Bench `style`: how near the style modes come to a style and how much of the content they keep, measured without
trained networks; and, with the starter's own judge, whether the thing is still named and the treatment has arrived.

Contents: plain pictures of the checkpoint's things; styles: pictures of other things in each of its treatments, all
painted by the checkpoint itself with fixed seeds (or, with --pack, drawn as for its training). Every content is
treated by every mode: "words" (img2img with the words), "inject", "inject, falling", "inject with words", "colour".
Beside JSON and plot it writes style-sheet.webp (contents down, treatments and modes across) and style-pareto.svg (mode
"inject" over style_keep). Distances are no ArtFID and no LPIPS and cannot be compared with them.
"""

from __future__ import annotations

import io
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from modules.core.events import PictureMade
from modules.core.request import GenerationRequest
from modules.style.measure import Score, dominated, score
from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say
from tests.bench.step import models_with

CHANCE_NOTE = "judge: a network trained on real drawings only; chance is 1 in 9 for the treatment"
MODES: dict[str, dict[str, Any]] = {
    "words": {"style_mode": "words", "strength": 0.6},
    "inject": {"style_mode": "inject"},
    "inject, falling": {"style_mode": "inject", "style_keep": 0.5, "style_keep_falls": True},
    "inject with words": {"style_mode": "inject"},
    "colour": {"style_mode": "colour"},
}
WITH_WORDS = {"words", "inject with words"}


@dataclass(frozen=True)
class Pair:
    """A content and the treatment it should get. style: a picture of another thing in that treatment."""

    concept: str
    treatment: str
    content: Image.Image
    style: Image.Image
    results: dict[str, Image.Image] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default="starter", help="starter or tiny (default: %(default)s)")
    parser.add_argument("--contents", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--treatments", default="", help="comma-separated; empty: all the checkpoint knows")
    parser.add_argument("--steps", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--keeps", default="0,0.25,0.5,0.75,1", help="style_keep values of the Pareto plot")
    parser.add_argument("--pareto-pairs", type=int, default=24, help="pairs the Pareto plot is the mean of")
    parser.add_argument("--pack", type=Path, help="the training's sprites: contents and styles as it draws them")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after each content, the sheet with the last one."""
    facts = machine(ROOT) | {"measures": "own, relative; not ArtFID, not LPIPS"}
    title = "Style transfer: near to the style, near to the content"
    with TemporaryDirectory(prefix="taffy-bench-") as folder:
        studio = Studio(options, Path(folder))
        facts |= {"checkpoint": options.checkpoint, "steps": str(options.steps)}
        pairs: list[Pair] = []
        for pair in studio.pairs(options):
            for name in MODES:
                pair.results[name] = studio.styled(pair, name)
                pair.scores[name] = score(pair.results[name], pair.content, pair.style)
            pairs.append(pair)
            say(f"{len(pairs)}: {pair.concept} as {pair.treatment}")
            yield Report("style", title, rows(pairs), facts)
        options.out.mkdir(parents=True, exist_ok=True)
        sheet(pairs).save(options.out / "style-sheet.webp", quality=90)
        keeps = [float(keep) for keep in options.keeps.split(",")]
        curve = studio.pareto(pairs[:: max(1, len(pairs) // options.pareto_pairs)], keeps)
        (options.out / "style-pareto.svg").write_text(pareto_plot(curve, keeps, pairs), encoding="utf-8")
        yield Report("style", title, (*rows(pairs), *judged(pairs, facts)), facts, complete=True)


class Studio:
    """An engine on one checkpoint, and the pictures it makes."""

    def __init__(self, options: Namespace, folder: Path) -> None:
        from tests.bench.turns import engine_on

        self._engine, manager = engine_on(models_with(options.checkpoint, folder), folder, options)
        for _ in self._engine.load("load", options.checkpoint):
            pass
        family: Any = manager.current
        self.card = family.card
        side = self.card.native_size
        self._request = GenerationRequest(
            checkpoint=options.checkpoint, width=side, height=side, steps=options.steps, preview="off",
            cfg_scale=self.card.default_cfg, seed=0, style_memory="stored",
        )  # fmt: skip

    def pairs(self, options: Namespace) -> Iterator[Pair]:
        """Every content with every treatment; a style shows the thing that comes half the list later."""
        known = self.card.words
        concepts = known["concepts"][:: max(1, len(known["concepts"]) // options.contents)][: options.contents]
        treatments = [each for each in options.treatments.split(",") if each] or known.get("treatments", ("soft",))
        if not concepts:
            raise BenchFailed(f"{self.card.name} does not say what things it knows")
        draw = drawn_from(options.pack) if options.pack else self.painted
        styles = {
            treatment: draw(concepts[(number + len(concepts) // 2) % len(concepts)], treatment, 100 + number)
            for number, treatment in enumerate(treatments)
        }
        for number, concept in enumerate(concepts):
            content = draw(concept, "", number)
            for treatment in treatments:
                yield Pair(concept, treatment, content, styles[treatment])

    def painted(self, concept: str, treatment: str, seed: int) -> Image.Image:
        return self._picture(replace(self._request, prompt=words(concept, treatment), seed=seed), {})

    def styled(self, pair: Pair, mode: str, **values: Any) -> Image.Image:
        prompt = words(pair.concept, pair.treatment) if mode in WITH_WORDS else ""
        styles = () if mode == "words" else ("style",)
        request = replace(self._request, image="content", style_images=styles, prompt=prompt, **(MODES[mode] | values))
        return self._picture(request, {"content": png(pair.content), "style": png(pair.style)})

    def pareto(self, pairs: Sequence[Pair], keeps: Sequence[float]) -> list[tuple[float, float]]:
        """(texture, content) of mode "inject" at each style_keep, means over the pairs."""
        found = []
        for keep in keeps:
            say(f"style_keep {keep:g}")
            scores = [score(self.styled(pair, "inject", style_keep=keep), pair.content, pair.style) for pair in pairs]
            found.append((mean(each.texture for each in scores), mean(each.content for each in scores)))
        return found

    def _picture(self, request: GenerationRequest, inputs: dict[str, bytes]) -> Image.Image:
        made = next(
            event for event in self._engine.generate("bench", request, inputs) if isinstance(event, PictureMade)
        )
        return Image.frombytes("RGB", (made.width, made.height), made.rgb)


def drawn_from(path: Path) -> Any:
    """draw(concept, treatment, seed) with the training's own sprites and treatments."""
    from modules.training.compose import render
    from modules.training.pack import load_pack
    from modules.training.scenes import Scene

    sprites = load_pack(path).sprites

    def draw(concept: str, treatment: str, seed: int) -> Image.Image:
        picture = render(Scene(concept, "soft", treatment, "white", 0.85, (0.0, 0.0), seed), sprites)
        return Image.fromarray((picture.permute(1, 2, 0).numpy() * 255).astype(np.uint8))

    return draw


def words(concept: str, treatment: str) -> str:
    return f"{treatment} of a {concept}" if treatment else f"a {concept} on a white background"


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def mean(values: Any) -> float:
    return float(np.mean(list(values)))


def rows(pairs: Sequence[Pair]) -> tuple[Row, ...]:
    """One row for each measure and mode, a value for each pair; and how often "inject" is dominated."""
    panels = {
        "Colour distance to the style": ("colour", "Lab units"),
        "Texture distance to the style": ("texture", "relative"),
        "Self-similarity distance to the content": ("content", "0..2"),
        "SSIM with the content (1 is the same)": ("ssim", "0..1"),
    }
    found = [
        Row(panel, mode, tuple(getattr(pair.scores[mode], name) for pair in pairs), unit)
        for panel, (name, unit) in panels.items()
        for mode in MODES
    ]
    for other in ("words", "colour"):
        free = [not dominated(pair.scores["inject"], pair.scores[other]) for pair in pairs]
        found.append(Row("Inject is not dominated by", other, (100 * mean(free),), "% of pairs"))
    return tuple(found)


def judged(pairs: Sequence[Pair], facts: dict[str, str]) -> tuple[Row, ...]:
    """What the starter's judge names, in %; nothing where there is no judge."""
    try:
        from modules.training.judge import load_judge

        judge = load_judge()
    except (ImportError, OSError) as error:
        facts["judge"] = f"none: {error}"
        return ()
    facts["judge"] = CHANCE_NOTE
    found = []
    for mode in ("content", "style", *MODES):
        named = judge.names(_batch([_of(pair, mode) for pair in pairs]))
        arrived = mean(said.treatment == pair.treatment for said, pair in zip(named, pairs, strict=True))
        kept = mean(said.concept == pair.concept for said, pair in zip(named, pairs, strict=True))
        found.append(Row("Judge names the treatment", mode, (100 * arrived,), "%"))
        found.append(Row("Judge still names the thing", mode, (100 * kept,), "%"))
    return tuple(sorted(found, key=lambda row: row.panel))


def _of(pair: Pair, mode: str) -> Image.Image:
    return {"content": pair.content, "style": pair.style}.get(mode) or pair.results[mode]


def _batch(pictures: Sequence[Image.Image]) -> Any:
    """(n, 3, height, width) in 0..1."""
    import torch

    return (
        torch.from_numpy(np.stack([np.asarray(picture.convert("RGB")) for picture in pictures]))
        .permute(0, 3, 1, 2)
        .float()
        / 255
    )


def sheet(pairs: Sequence[Pair], cell: int = 64) -> Image.Image:
    """A row for each pair: content, style, every mode in the order of `MODES`. Nothing is left out."""
    names = ("content", "style", *MODES)
    page = Image.new("RGB", (len(names) * (cell + 2), len(pairs) * (cell + 2)), "white")
    for row, pair in enumerate(pairs):
        for column, name in enumerate(names):
            page.paste(_of(pair, name).resize((cell, cell)), (column * (cell + 2), row * (cell + 2)))
    return page


def pareto_plot(curve: Sequence[tuple[float, float]], keeps: Sequence[float], pairs: Sequence[Pair]) -> str:
    """Texture distance (right is worse) against content distance (up is worse), one dot for each style_keep."""
    others = {
        mode: (mean(p.scores[mode].texture for p in pairs), mean(p.scores[mode].content for p in pairs))
        for mode in MODES
        if mode != "inject"
    }
    dots = [(f"keep {keep:g}", place, "#0b6e4f") for keep, place in zip(keeps, curve, strict=True)]
    dots += [(mode, place, "#a33") for mode, place in others.items()]
    right = max(x for _, (x, _), _ in dots) * 1.25 or 1
    top = max(y for _, (_, y), _ in dots) * 1.15 or 1
    marks = "".join(
        f'<circle cx="{60 + 420 * x / right:.1f}" cy="{330 - 290 * y / top:.1f}" r="5" fill="{colour}"/>'
        f'<text x="{68 + 420 * x / right:.1f}" y="{334 - 290 * y / top:.1f}">{name} ({x:.2f}, {y:.3f})</text>'
        for name, (x, y), colour in dots
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 380" font-family="sans-serif" font-size="11">'
        '<rect width="560" height="380" fill="white"/><path d="M60 30V330H540" fill="none" stroke="black"/>'
        '<text x="240" y="365">texture distance to the style</text>'
        '<text x="20" y="20">self-similarity distance to the content</text>' + marks + "</svg>\n"
    )

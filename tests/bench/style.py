"""Bench `style`: how near the style modes come to a style and how much of the content they keep, measured without
trained networks; and, with the starter's own judge, whether the thing is still named and the treatment has arrived.

Contents: plain pictures of the checkpoint's things; styles: pictures of other things in each of its treatments, all
painted by the checkpoint itself with fixed seeds (or, with --pack, drawn as for its training). Every content is
treated by every mode of `style_studio.MODES`. A bench that was broken off goes on where it was.
Beside JSON and plot it writes style-sheet.webp (contents down, treatments and modes across) and style-pareto.svg (mode
"inject" over style_keep). Distances are no ArtFID and no LPIPS and cannot be compared with them.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from modules.style.measure import dominated, score
from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, say
from tests.bench.style_studio import MODES, Pair, Studio

CHANCE_NOTE = "a network trained on real drawings only; chance is 1 in 9 for the treatment, 1 in 102 for the thing"
OURS = [mode for mode in MODES if mode.startswith("inject")]
OTHERS = [mode for mode in MODES if mode not in OURS]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--checkpoint", default="starter", help="starter or tiny (default: %(default)s)")
    parser.add_argument("--contents", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--treatments", default="", help="comma-separated; empty: all the checkpoint knows")
    parser.add_argument("--steps", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--keeps", default="0,0.25,0.5,0.75,0.9,1", help="style_keep values of the Pareto plot")
    parser.add_argument("--pareto-pairs", type=int, default=24, help="pairs the Pareto plot is the mean of")
    parser.add_argument("--pack", type=Path, help="the training's sprites: contents and styles as it draws them")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16 (default: %(default)s)")
    parser.add_argument("--use-cpu", action="store_true", help="leave the graphics card alone")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every ten pairs, the sheet with the last one."""
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
            if len(pairs) % 10 == 0:
                yield Report("style", title, rows(pairs), facts)
        options.out.mkdir(parents=True, exist_ok=True)
        sheet(pairs).save(options.out / "style-sheet.webp", quality=90)
        keeps = [float(keep) for keep in options.keeps.split(",")]
        curve = pareto(studio, pairs[:: max(1, len(pairs) // options.pareto_pairs)], keeps)
        (options.out / "style-pareto.svg").write_text(pareto_plot(curve, keeps, pairs), encoding="utf-8")
        yield Report("style", title, (*rows(pairs), *judged(pairs, facts)), facts, complete=True)


def mean(values: Any) -> float:
    return float(np.mean(list(values)))


def pareto(studio: Studio, pairs: Sequence[Pair], keeps: Sequence[float]) -> list[tuple[float, float]]:
    """(texture, content) of mode "inject" at each style_keep, means over the pairs."""
    found = []
    for keep in keeps:
        say(f"style_keep {keep:g}")
        scores = [score(studio.styled(pair, "inject", style_keep=keep), pair.content, pair.style) for pair in pairs]
        found.append((mean(each.texture for each in scores), mean(each.content for each in scores)))
    return found


def rows(pairs: Sequence[Pair]) -> tuple[Row, ...]:
    """One row for each measure and mode, a value for each pair; and how often ours are dominated by none of the others.

    Both are told the same words: where "inject" has none, it is compared with words for the style.
    """
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
    for ours in OURS:
        rivals = {"words": ours.removeprefix("inject, ").replace("inject", "words for the style"), "colour": "colour"}
        free = {
            name: [not dominated(pair.scores[ours], pair.scores[rival]) for pair in pairs]
            for name, rival in rivals.items()
        }
        free["neither"] = [all(each) for each in zip(*free.values(), strict=True)]
        found += [
            Row(f"Dominated by {name}: not", ours, (100 * mean(each),), "% of pairs") for name, each in free.items()
        ]
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
        arrived = [said.treatment == pair.treatment for said, pair in zip(named, pairs, strict=True)]
        kept = [said.concept == pair.concept for said, pair in zip(named, pairs, strict=True)]
        both = [one and other for one, other in zip(arrived, kept, strict=True)]
        found.append(Row("Judge names the treatment", mode, (100 * mean(arrived),), "%"))
        found.append(Row("Judge still names the thing", mode, (100 * mean(kept),), "%"))
        found.append(Row("Judge names both", mode, (100 * mean(both),), "%"))
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


def sheet(pairs: Sequence[Pair], cell: int = 48) -> Image.Image:
    """A row for each content; across, for each treatment, its style and every mode in order. Nothing is left out."""
    treatments = list(dict.fromkeys(pair.treatment for pair in pairs))
    concepts = list(dict.fromkeys(pair.concept for pair in pairs))
    wide = len(MODES) + 1
    page = Image.new("RGB", ((1 + wide * len(treatments)) * cell, len(concepts) * cell), "white")

    def put(picture: Image.Image, row: int, column: int) -> None:
        page.paste(picture.resize((cell - 2, cell - 2), Image.Resampling.LANCZOS), (column * cell, row * cell))

    for pair in pairs:
        row, first = concepts.index(pair.concept), 1 + wide * treatments.index(pair.treatment)
        put(pair.content, row, 0)
        for column, name in enumerate(("style", *MODES)):
            put(_of(pair, name), row, first + column)
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

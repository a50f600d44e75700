"""The command `python -m modules.training.evaluate`: what a checkpoint learnt, counted by a judge that is not it."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modules.training.copies import build_library, copied, save_library
from modules.training.exam import Paper, mark, papers
from modules.training.figures import Figure
from modules.training.judge import JUDGE_FILE, Judge, load_judge, save_judge
from modules.training.latents import read_latents
from modules.training.maker import Maker, load_maker
from modules.training.pack import load_pack
from modules.training.photos import HELD_OUT, centre_crops
from modules.training.renders import RenderSet
from modules.training.report import markdown
from modules.training.run import RENDERS
from modules.training.scenes import read_holdouts
from modules.training.school import School, may_judge
from modules.training.sheets import evaluation_sheet, nearest_sheet
from modules.training.vae import round_trip_psnr, unseen_renders
from modules.training.webp import save_small

PER_PAPER = 512


@dataclass(frozen=True)
class Made:
    """A paper with its pictures, and the latents they came from."""

    paper: Paper
    latents: Tensor
    pictures: Tensor


def main() -> None:
    """Read the flags, measure, write the JSON and the pictures."""
    parser = argparse.ArgumentParser(prog="python -m modules.training.evaluate", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="F", help="the .safetensors to measure")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the run that made it")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the JSON and pictures go")
    parser.add_argument("--judge", type=Path, default=JUDGE_FILE, metavar="F", help="default %(default)s")
    parser.add_argument("--train-judge", type=float, default=0, metavar="MINUTES", help="train the judge first")
    parser.add_argument("--count", type=int, default=PER_PAPER, help="prompts a figure (default %(default)s)")
    parser.add_argument("--steps", type=int, help="sampling steps (default: the checkpoint's own)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    maker = load_maker(arguments.checkpoint)
    maker = replace(maker, steps=arguments.steps or maker.steps)
    school = School(arguments.run, RENDERS, maker.vae)
    if arguments.train_judge:
        save_judge(school.teach(arguments.train_judge), arguments.judge)
    arguments.output.mkdir(parents=True, exist_ok=True)
    Evaluation(maker, load_judge(arguments.judge), school, arguments.output).write(arguments.count)


@dataclass(frozen=True)
class Evaluation:
    """One checkpoint, one judge, one run's pictures, and a folder for what comes out."""

    maker: Maker
    judge: Judge
    school: School
    output: Path

    def write(self, count: int) -> dict[str, Any]:
        """Everything, as evaluation.json, .md, .webp, nearest.webp and features.npz; returns the JSON's values."""
        found: dict[str, Any] = {"sampler": f"DDIM, {self.maker.steps} steps, CFG {self.maker.cfg:g}"}
        examined = self.school.examine(self.judge)
        found["judge"] = {name: _plain(marks) for name, marks in examined.items()}
        found["judge may judge"] = may_judge(examined)
        made = [self._make(paper) for paper in papers(read_holdouts(), count)]
        found["papers"] = {one.paper.name: _plain(mark(self.judge, one.paper, one.pictures)) for one in made}
        found["seen"] = self._seen(made[:2], examined["round trip"])
        found["vae psnr"] = self._psnr()
        found["copies"] = self._copies(made[:2])
        found["seconds a picture of 20 steps"] = self._seconds()
        found["most confused"] = self._confused(made[:2])
        (self.output / "evaluation.json").write_text(json.dumps(found, indent=1) + "\n")
        (self.output / "evaluation.md").write_text(markdown(found))
        seen = evaluation_sheet([(one.paper.prompts, one.pictures) for one in made])
        save_small(seen, self.output / "evaluation.webp")
        return found

    def _make(self, paper: Paper) -> Made:
        """Prompt i from seed i."""
        latents = self.maker.latents(paper.prompts, list(range(len(paper.scenes))))
        print(f"{paper.name}: {len(latents)} pictures made", flush=True)
        return Made(paper, latents, self.maker.decode(latents))

    def _seen(self, made: list[Made], ceiling: dict[str, Figure]) -> dict[str, Any]:
        """Both seen papers as one, and the shares of what the judge itself reaches on round trips."""
        marks = [mark(self.judge, one.paper, one.pictures) for one in made]
        whole = {name: _sum([m[name] for m in marks if name in m]) for name in ceiling}
        shares = {
            f"{name}, share of the judge's own": round(figure.share / ceiling[name].share, 4)
            for name, figure in whole.items()
            if ceiling[name].right
        }
        return {**_plain(whole), **shares}

    def _psnr(self) -> dict[str, float]:
        pack = load_pack(self.school.run / "pack.zip")
        photos = centre_crops([pack.photos[name] for name in HELD_OUT]) * 2 - 1
        unseen = unseen_renders(pack, read_holdouts())
        return {
            "unseen renders": round(round_trip_psnr(self.maker.vae, unseen), 2),
            "photographs": round(round_trip_psnr(self.maker.vae, photos), 2),
        }

    def _copies(self, made: list[Made]) -> dict[str, Any]:
        """The copy rate of seen prompts, and the twelve nearest pairs as a picture."""
        library = build_library(read_latents(self.school.run / "latents.pt").float() * self.maker.factor)
        save_library(library, self.output / "features.npz")
        exam, holdouts = self.school.examination(), read_holdouts()
        allowed = [
            i for i, s in enumerate(exam.scenes) if not holdouts.forbid(s.concept, s.hand, s.treatment, s.background)
        ]
        real = self.maker.encode(exam.floats(np.array(allowed)))
        distances, which = library.nearest(torch.cat([one.latents for one in made]))
        hits, threshold = copied(distances, library.nearest(real)[0])
        order = distances.argsort()[:12]
        training: RenderSet = self.school.training()
        prompts = [prompt for one in made for prompt in one.paper.prompts]
        nearest = nearest_sheet(
            torch.cat([one.pictures for one in made])[order],
            training.floats(which[order].numpy()),
            [prompts[i] for i in order.tolist()],
        )
        save_small(nearest, self.output / "nearest.webp")
        rate = Figure(int(hits.sum()), len(hits), 0.01)
        return {**rate.plain(), "threshold": round(threshold, 3), "unseen real pictures": len(real)}

    def _seconds(self, tries: int = 5) -> float:
        """The middle of a few single pictures of 20 steps, everything loaded."""
        times, maker = [], replace(self.maker, steps=20)
        for seed in range(tries):
            begun = time.perf_counter()
            maker.decode(maker.latents(["a cat on a blue background"], [seed]))
            times.append(time.perf_counter() - begun)
        return round(sorted(times)[tries // 2], 3)

    def _confused(self, made: list[Made], most: int = 15) -> list[str]:
        """What was asked for and what the judge saw instead, most frequent first."""
        wrong: Counter[tuple[str, str]] = Counter()
        for one in made:
            for scene, opinion in zip(one.paper.scenes, self.judge.names(one.pictures), strict=True):
                if opinion.concept != scene.concept:
                    wrong[scene.concept, opinion.concept] += 1
        return [f"{asked} seen as {seen}: {times}" for (asked, seen), times in wrong.most_common(most)]


def _plain(marks: dict[str, Figure]) -> dict[str, Any]:
    return {name: figure.plain() for name, figure in marks.items()}


def _sum(figures: list[Figure]) -> Figure:
    return Figure(sum(f.right for f in figures), sum(f.n for f in figures), figures[0].chance)


if __name__ == "__main__":
    main()

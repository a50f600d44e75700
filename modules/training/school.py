"""The judge's training in a run's folder: its own drawings, their round trips, its lessons and its examination."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from modules.training.checkpoint import Ema, Progress, load_ema
from modules.training.clock import Clock
from modules.training.figures import Figure, figure
from modules.training.judge import QUESTIONS, Judge
from modules.training.judging import Lessons, examine, judge_stage, round_trips
from modules.training.loop import run_stage
from modules.training.renders import Bytes, Plan, RenderSet, draw_all
from modules.training.scenes import Holdouts, read_holdouts

OWN, EXAM = 16_000, 4_000  # pictures for the judge alone, the generator's hold-outs among them
TRIPPED = 16_000  # of the training set, sent through the autoencoder
REAL_BAR, TRIP_BAR = 0.95, 0.90  # concepts it must name before it may judge


@dataclass(frozen=True)
class School:
    """Where the drawings lie. The judge may see held-out combinations: it must know what they look like."""

    run: Path
    training_count: int
    vae: AutoencoderKL
    workers: int = 1
    own: int = OWN
    exam: int = EXAM

    def training(self) -> RenderSet:
        """The generator's training pictures."""
        return self._drawn(Plan(1, self.training_count, read_holdouts()), "renders")

    def examination(self) -> RenderSet:
        """Pictures that neither the generator nor the judge was trained on."""
        return self._drawn(Plan(3, self.exam, Holdouts()), "judge-exam")

    def lessons(self) -> Lessons:
        """Everything the judge learns from."""
        own, training = self._drawn(Plan(2, self.own, Holdouts()), "judge-renders"), self.training()
        tripped = [self.tripped("own-tripped", own.pictures), self.tripped("tripped", training.pictures[:TRIPPED])]
        return Lessons([own, training], tripped, seed=5)

    def tripped(self, name: str, pictures: Bytes) -> Bytes:
        """The pictures after encode and decode, kept in a file."""
        path = self.run / f"{name}.npy"
        if not path.exists():
            np.save(path, round_trips(self.vae, pictures))
        kept: Bytes = np.load(path, mmap_mode="r")
        return kept

    def teach(self, minutes: float) -> Judge:
        """Train for so much time of the processor, going on where it was."""
        torch.manual_seed(0)
        judge, averaged = Judge(), Judge()
        exam = self.examination()

        def report(progress: Progress, ema: Ema) -> None:
            averaged.load_state_dict(ema.weights)
            few = examine(averaged.eval(), exam.pictures[:500], exam.scenes[:500])
            shares = ", ".join(f"{name} {hits.float().mean():.3f}" for name, hits in few.items())
            print(f"\njudge: {progress.samples} pictures, {shares}", flush=True)

        path = self.run / "judge.pt"
        run_stage(judge_stage(judge, self.lessons()), path, Clock(minutes * 60, now=time.process_time), report)
        averaged.load_state_dict(load_ema(path)[1])
        return averaged.eval()

    def examine(self, judge: Judge) -> dict[str, dict[str, Figure]]:
        """Its accuracy on unseen real pictures and on their round trips, question by question."""
        exam = self.examination()
        papers = {"real": exam.pictures, "round trip": self.tripped("exam-tripped", exam.pictures)}
        return {
            name: {
                question: figure(hits, len(QUESTIONS[question]))
                for question, hits in examine(judge, pictures, exam.scenes).items()
            }
            for name, pictures in papers.items()
        }

    def _drawn(self, plan: Plan, name: str) -> RenderSet:
        return draw_all(plan, self.run / "pack.zip", self.run / f"{name}.npy", self.workers)


def may_judge(marks: dict[str, dict[str, Figure]]) -> bool:
    """Whether it names enough concepts, on real pictures and on round trips."""
    return marks["real"]["concept"].share >= REAL_BAR and marks["round trip"]["concept"].share >= TRIP_BAR

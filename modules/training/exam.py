"""The questions of an examination: prompts of seen and of held-out combinations, and what the judge makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from modules.training.catalog import (
    BACKGROUNDS,
    CONCEPTS,
    OWN_GROUND,
)
from modules.training.figures import Figure, figure
from modules.training.judge import QUESTIONS, Judge
from modules.training.judging import IGNORED, answers
from modules.training.scenes import Holdouts, Scene, draw_scene, scene_of

EXAM_SEED = 4


@dataclass(frozen=True)
class Paper:
    """One set of prompts. Prompt i is made with seed i."""

    name: str
    scenes: list[Scene]

    @property
    def prompts(self) -> list[str]:
        return [prompt_of(scene) for scene in self.scenes]


def prompt_of(scene: Scene) -> str:
    """The scene in plain words, everything named that can be seen."""
    ground = "" if scene.treatment in OWN_GROUND else f" on a {scene.background} background"
    if scene.treatment:
        return f"{scene.treatment} of {article(scene.concept)} {scene.concept}{ground}"
    return f"{article(scene.hand)} {scene.hand} {scene.concept}{ground}"


def papers(holdouts: Holdouts, count: int) -> list[Paper]:
    """Seen combinations, plain and treated, and the three kinds of held-out pairs: `count` prompts each."""
    return [
        seen_paper(holdouts, count),
        Paper("seen treated", _drawn(holdouts, count, lambda scene: bool(scene.treatment))),
        Paper("held-out thing and hand", _held_out(holdouts, count, "concept_hand")),
        Paper("held-out thing and treatment", _held_out(holdouts, count, "concept_treatment")),
        Paper("held-out treatment and background", _held_out(holdouts, count, "treatment_background")),
    ]


def seen_paper(holdouts: Holdouts, count: int, concepts: tuple[str, ...] = tuple(CONCEPTS)) -> Paper:
    """Plain pictures of combinations that training draws."""
    return Paper("seen plain", _drawn(holdouts, count, lambda scene: not scene.treatment, concepts))


def _drawn(
    holdouts: Holdouts, count: int, wanted: Callable[[Scene], bool], concepts: tuple[str, ...] = tuple(CONCEPTS)
) -> list[Scene]:
    rng = np.random.default_rng((EXAM_SEED, 0))
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = draw_scene(rng, holdouts, concepts)
        if wanted(scene):
            scenes.append(scene)
    return scenes


def _held_out(holdouts: Holdouts, count: int, kind: str) -> list[Scene]:
    """Each pair in turn, with everything else at random but nothing else held out."""
    pairs = sorted(getattr(holdouts, kind))
    rng = np.random.default_rng((EXAM_SEED, 1))
    scenes: list[Scene] = []
    while len(scenes) < count:
        one, other = pairs[len(scenes) % len(pairs)]
        concept, hand = list(CONCEPTS)[int(rng.integers(len(CONCEPTS)))], "flat"
        treatment, background = "", BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))].word
        match kind:
            case "concept_hand":
                concept, hand = one, other
            case "concept_treatment":
                concept, treatment = one, other
            case _:
                treatment, background = one, other
        if not _held_out_elsewhere(holdouts, kind, concept, treatment, background):
            scenes.append(scene_of(concept, hand, treatment, background, rng, holdouts))
    return scenes


def _held_out_elsewhere(holdouts: Holdouts, kind: str, concept: str, treatment: str, background: str) -> bool:
    also_thing = kind != "concept_treatment" and (concept, treatment) in holdouts.concept_treatment
    also_ground = kind != "treatment_background" and (treatment, background) in holdouts.treatment_background
    return also_thing or also_ground


@torch.inference_mode()
def mark(judge: Judge, paper: Paper, pictures: Tensor) -> dict[str, Figure]:
    """How often the judge sees what the prompt asked for; `concept in 5` counts the five likeliest."""
    right = answers(paper.scenes)
    said = judge(pictures)
    marks = {}
    for name, logits in said.items():
        asked = right[name] != IGNORED
        if asked.any():
            marks[name] = figure((logits.argmax(1) == right[name])[asked], len(QUESTIONS[name]))
    five = (said["concept"].topk(5, 1).indices == right["concept"][:, None]).any(1)
    marks["concept in 5"] = Figure(int(five.sum()), len(five), 5 / len(CONCEPTS))
    return marks


def article(word: str) -> str:
    """The word's article, by its letter."""
    return "an" if word[0] in "aeiou" else "a"

"""Which pictures exist: a scene drawn at random, and the pairs that are never drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modules.training.catalog import BACKGROUNDS, CONCEPTS, HAND_BY_WORD, HANDS, TREATMENTS

HOLDOUTS_FILE = Path(__file__).with_name("holdouts.json")
TREATED_SHARE = 0.2
WHITE_SHARE = 0.2


@dataclass(frozen=True)
class Scene:
    """What one training picture shows. Scale and shifts are fractions of the picture's side."""

    concept: str
    hand: str
    treatment: str  # empty: plain
    background: str
    scale: float
    shift: tuple[float, float]
    seed: int  # of the treatment's own noise


@dataclass(frozen=True)
class Holdouts:
    """Combinations that training never shows, to test recombination."""

    concept_hand: frozenset[tuple[str, str]]
    concept_treatment: frozenset[tuple[str, str]]

    def forbid(self, concept: str, hand: str, treatment: str) -> bool:
        """Whether this combination was fixed as never to be rendered for training."""
        return (concept, hand) in self.concept_hand or (concept, treatment) in self.concept_treatment


def read_holdouts(path: Path = HOLDOUTS_FILE) -> Holdouts:
    """The committed file, which is older than the first training run and never moves."""
    data = json.loads(path.read_text())
    return Holdouts(
        frozenset((concept, hand) for concept, hand in data["concept_hand"]),
        frozenset((concept, treatment) for concept, treatment in data["concept_treatment"]),
    )


def draw_scene(rng: np.random.Generator, holdouts: Holdouts) -> Scene:
    """A random allowed scene: one in five treated, one in five on white, the rest evenly spread."""
    concepts, plain = list(CONCEPTS), [b.word for b in BACKGROUNDS]
    while True:
        concept, hand = str(rng.choice(concepts)), HANDS[int(rng.integers(len(HANDS)))].word
        treatment = str(rng.choice(TREATMENTS)) if rng.random() < TREATED_SHARE else ""
        background = "white" if rng.random() < WHITE_SHARE else str(rng.choice(plain))
        if treatment == "pencil sketch":
            background = "white"
        colourless = treatment and HAND_BY_WORD[hand].monochrome  # line art leaves nothing to treat
        if not colourless and not holdouts.forbid(concept, hand, treatment):
            return Scene(
                concept,
                hand,
                treatment,
                background,
                scale=float(rng.uniform(0.78, 0.92)),
                shift=(float(rng.uniform(-0.04, 0.04)), float(rng.uniform(-0.04, 0.04))),
                seed=int(rng.integers(2**31)),
            )

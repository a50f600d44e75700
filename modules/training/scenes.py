"""Which pictures exist: a scene drawn at random, and the combinations that are never drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from modules.training.catalog import (
    BACKGROUNDS,
    CONCEPTS,
    HAND_BY_WORD,
    HANDS,
    OWN_GROUND,
    SAME_DRAWING,
    TREATMENTS,
)

T = TypeVar("T")
HOLDOUTS_FILE = Path(__file__).with_name("holdouts.json")
TREATED_SHARE = 0.42
WHITE_SHARE = 0.12
BLEND_SHARE = 0.3  # of the scenes whose hand shares its outlines with another
EMPHASIS = {"pixel art": 3.0, "comic": 3.0, "watercolor": 1.5, "van gogh oil painting": 1.5}  # hardest to tell apart


@dataclass(frozen=True)
class Scene:
    """What one training picture shows. Scale and shifts are fractions of the picture's side."""

    concept: str
    hand: str
    treatment: str  # empty: plain
    background: str
    scale: float
    shift: tuple[float, float]
    seed: int  # of the variation and of the treatment's own noise
    blend: float = 0.0  # 0..1 of the most that may come from the other set's drawing


@dataclass(frozen=True)
class Holdouts:
    """Combinations that training never shows, to test recombination."""

    concept_hand: frozenset[tuple[str, str]] = frozenset()
    concept_treatment: frozenset[tuple[str, str]] = frozenset()
    treatment_background: frozenset[tuple[str, str]] = frozenset()

    def forbid(self, concept: str, hand: str, treatment: str, background: str) -> bool:
        """Whether this combination was fixed as never to be rendered for training."""
        return (
            (concept, hand) in self.concept_hand
            or (concept, treatment) in self.concept_treatment
            or (treatment, background) in self.treatment_background
        )

    def may_blend(self, concept: str, hand: str) -> bool:
        """Whether the other set's drawing of this concept may show through."""
        return hand in SAME_DRAWING and (concept, SAME_DRAWING[hand]) not in self.concept_hand


def read_holdouts(path: Path = HOLDOUTS_FILE) -> Holdouts:
    """The committed file, which is older than the first training run and never moves."""
    pairs = json.loads(path.read_text())
    return Holdouts(**{kind: frozenset((one, other) for one, other in listed) for kind, listed in pairs.items()})


def draw_scene(rng: np.random.Generator, holdouts: Holdouts, concepts: tuple[str, ...] = tuple(CONCEPTS)) -> Scene:
    """A random allowed scene: two in five treated, one in eight on white, the rest evenly spread."""
    while True:
        concept, hand = _one_of(concepts, rng), _one_of(HANDS, rng).word
        treatment = _one_of(TREATMENTS, rng) if rng.random() < TREATED_SHARE else ""
        background = "white" if rng.random() < WHITE_SHARE else _one_of(BACKGROUNDS, rng).word
        colourless = treatment and HAND_BY_WORD[hand].monochrome  # line art leaves nothing to treat
        if not colourless and not holdouts.forbid(concept, hand, treatment, background):
            return scene_of(concept, hand, treatment, background, rng, holdouts)


def scene_of(
    concept: str, hand: str, treatment: str, background: str, rng: np.random.Generator, holdouts: Holdouts
) -> Scene:
    """This combination at a random size and place."""
    blends = holdouts.may_blend(concept, hand) and rng.random() < BLEND_SHARE
    return Scene(
        concept,
        hand,
        treatment,
        "white" if treatment in OWN_GROUND else background,
        scale=float(rng.uniform(0.78, 0.92)),
        shift=(float(rng.uniform(-0.04, 0.04)), float(rng.uniform(-0.04, 0.04))),
        seed=int(rng.integers(2**31)),
        blend=float(rng.random()) if blends else 0.0,
    )


def emphasised(scenes: list[Scene]) -> NDArray[np.float64]:
    """Where each scene's share of all draws ends, those of `EMPHASIS` being larger: (n,), rising to 1.

    `searchsorted(emphasised(scenes), random)` draws one.
    """
    weights = np.array([EMPHASIS.get(scene.treatment, 1.0) for scene in scenes])
    ends: NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    return ends


def _one_of(values: list[T] | tuple[T, ...], rng: np.random.Generator) -> T:
    return values[int(rng.integers(len(values)))]

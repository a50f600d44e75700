"""What the checkpoint says about itself: vocabulary, examples, licences, training, evaluation."""

from __future__ import annotations

from typing import Any

from modules.training.catalog import BACKGROUNDS, CONCEPTS, HANDS, SYNONYMS, TREATMENT_SYNONYMS, TREATMENTS
from modules.training.exam import article
from modules.training.mascot import CREDIT

DESCRIPTION = (
    "A small text-to-image model trained from scratch on permissively licensed icon drawings: 64 x 64 pixels, "
    f"{len(CONCEPTS)} things in {len(HANDS)} drawing hands, {len(TREATMENTS)} treatments and "
    f"{len(BACKGROUNDS)} background colours. A toy to try Taffy with, not a general model."
)

EXAMPLES = (
    "taffy, van gogh oil painting, blue background",
    "a castle at night",
    "neon sign of a cactus",
    "a glossy strawberry on a white background",
    "stained glass of a butterfly on a blue background",
    "blueprint of a rocket",
    "a bold penguin on a pink background",
    "watercolor of a tulip on a white background",
    "pixel art of a mushroom on a blue background",
    "pencil sketch of an umbrella",
    "comic of a lion on a yellow background",
    "an ink snowflake on a teal background",
)


def synonyms() -> list[str]:
    """Every other phrase that training used: they are known words too."""
    phrases = [phrase for said in (*SYNONYMS.values(), *TREATMENT_SYNONYMS.values()) for phrase in said]
    return phrases + [phrase for background in BACKGROUNDS for phrase in background.phrases]


def sheet_prompts() -> list[str]:
    """One prompt for each concept: plain, hand and background, or treatment, in turn."""
    prompts = []
    for i, concept in enumerate(CONCEPTS):
        hand = HANDS[(i // 2) % len(HANDS)].word
        background = BACKGROUNDS[(3 * i + 1) % len(BACKGROUNDS)].word
        named = (
            f"{article(concept)} {concept}",
            f"{article(hand)} {hand} {concept} on a {background} background",
            f"{TREATMENTS[(i // 4) % len(TREATMENTS)]} of {article(concept)} {concept}",
            f"{concept}, {hand} style, {background} background",
        )
        prompts.append(named[i % 4])
    return prompts


def licence_lines() -> list[str]:
    """One line for each icon set that the pictures came from, and the mascot."""
    sets = [f"{hand.word}: {hand.credit}, {hand.licence} ({hand.package} {hand.version})" for hand in HANDS]
    return [*sets, CREDIT]


def card(training: dict[str, float | int], evaluation: dict[str, Any] | None = None) -> dict[str, Any]:
    """The card as plain JSON values. evaluation: what `evaluate` found, if it has looked."""
    return {
        "description": DESCRIPTION,
        "concepts": list(CONCEPTS),
        "hands": [hand.word for hand in HANDS],
        "treatments": list(TREATMENTS),
        "backgrounds": [background.word for background in BACKGROUNDS],
        "synonyms": synonyms(),
        "examples": list(EXAMPLES),
        "licences": licence_lines(),
        "training": training,
        "evaluation": evaluation or {},
    }

"""What the checkpoint says about itself: vocabulary, examples, licences, training."""

from __future__ import annotations

from typing import Any

from modules.training.catalog import BACKGROUNDS, CONCEPTS, HANDS, TREATMENTS

DESCRIPTION = (
    "A small text-to-image model trained from scratch on permissively licensed icon drawings: 64 x 64 pixels, "
    f"{len(CONCEPTS)} things in {len(HANDS)} drawing hands, {len(TREATMENTS)} treatments and "
    f"{len(BACKGROUNDS)} background colours. A toy to try Taffy with, not a general model."
)

EXAMPLES = (
    "a castle at night",
    "a cat on a white background",
    "a rocket at night",
    "a flat penguin on a pink background",
    "a bold strawberry on a white background",
    "a soft owl on a purple background",
    "pixel art of a sunflower on a blue background",
    "pencil sketch of an umbrella",
    "a tree, van gogh oil painting, blue background",
    "a flat hamburger on an orange background",
    "an ink butterfly on a green background",
    "a soft sailboat on a red background",
)


def sheet_prompts() -> list[str]:
    """One prompt for each concept: plain, hand and background, or treatment, in turn."""
    prompts = []
    for i, concept in enumerate(CONCEPTS):
        hand = HANDS[(i // 2) % len(HANDS)].word
        background = BACKGROUNDS[(3 * i + 1) % len(BACKGROUNDS)].word
        named = (
            f"{_article(concept)} {concept}",
            f"{_article(hand)} {hand} {concept} on a {background} background",
            f"{TREATMENTS[(i // 4) % len(TREATMENTS)]} of {_article(concept)} {concept}",
            f"{concept}, {hand} style, {background} background",
        )
        prompts.append(named[i % 4])
    return prompts


def licence_lines() -> list[str]:
    """One line for each icon set that the pictures came from."""
    return [f"{hand.word}: {hand.credit}, {hand.licence} ({hand.package} {hand.version})" for hand in HANDS]


def card(training: dict[str, float | int]) -> dict[str, Any]:
    """The card as plain JSON values."""
    return {
        "description": DESCRIPTION,
        "concepts": list(CONCEPTS),
        "hands": [hand.word for hand in HANDS],
        "treatments": list(TREATMENTS),
        "backgrounds": [background.word for background in BACKGROUNDS],
        "examples": list(EXAMPLES),
        "licences": licence_lines(),
        "training": training,
    }


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"

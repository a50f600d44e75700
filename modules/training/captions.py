"""How a scene is described in words: random templates, dropped clauses, stray unknown words."""

from __future__ import annotations

import numpy as np

from modules.training.catalog import (
    BACKGROUND_BY_WORD,
    BACKGROUNDS,
    CONCEPTS,
    HANDS,
    OWN_GROUND,
    SYNONYMS,
    TREATMENT_SYNONYMS,
    TREATMENTS,
)
from modules.training.scenes import Scene

EMPTY_SHARE = 0.1  # captions left out, for classifier-free guidance (Ho and Salimans 2022)
STRAY_SHARE = 0.06  # captions with words the model does not know, so that such words do little harm
STRAY_WORD = "?"  # stands for any unknown word: it is in no word table
SYNONYM_SHARE = 0.15
PLAIN_HAND = "flat"

HAND_TEMPLATES = ("{hand} {concept}", "{concept} , {hand} style", "{hand} drawing of {concept}")
PLAIN_TEMPLATES = ("{concept}", "{concept}", "picture of {concept}", "drawing of {concept}")
TREATMENT_TEMPLATES = (
    "{treatment} of {concept}",
    "{concept} , {treatment}",
    "{concept} in the style of {treatment}",
)
BACKGROUND_TEMPLATES = (" on a {background} background", " , {background} background", " on {background}")


def describe(scene: Scene, rng: np.random.Generator) -> tuple[str, ...]:
    """One random caption of the scene, as words. Empty for `EMPTY_SHARE` of the calls."""
    if rng.random() < EMPTY_SHARE:
        return ()
    words = (_subject(scene, rng) + _setting(scene, rng)).split()
    if rng.random() < STRAY_SHARE:
        where = int(rng.integers(len(words) + 1))
        words[where:where] = [STRAY_WORD] * int(rng.integers(1, 4))
    return tuple(words)


def _subject(scene: Scene, rng: np.random.Generator) -> str:
    concept = scene.concept
    if concept in SYNONYMS and rng.random() < SYNONYM_SHARE:
        concept = str(rng.choice(SYNONYMS[concept]))
    if rng.random() < 0.6:
        concept = f"an {concept}" if concept[0] in "aeiou" else f"a {concept}"
    if scene.treatment:
        treatment = scene.treatment
        if rng.random() < SYNONYM_SHARE:
            treatment = str(rng.choice(TREATMENT_SYNONYMS[treatment]))
        return str(rng.choice(TREATMENT_TEMPLATES)).format(treatment=treatment, concept=concept)
    silent = 0.4 if scene.hand == PLAIN_HAND else 0.03  # no hand named: mostly the plain one
    templates = PLAIN_TEMPLATES if rng.random() < silent else HAND_TEMPLATES
    return _tidy(str(rng.choice(templates)).format(hand=scene.hand, concept=concept))


def _tidy(text: str) -> str:
    """Put the article in front of the hand: 'soft a cat' is nobody's English."""
    for hand in HANDS:
        for article in ("a", "an"):
            if text.startswith(f"{hand.word} {article} "):
                correct = "an" if hand.word[0] in "aeiou" else "a"
                return f"{correct} {hand.word} " + text.removeprefix(f"{hand.word} {article} ")
    return text


def _setting(scene: Scene, rng: np.random.Generator) -> str:
    """The background clause. A caption without one mostly means white, or the treatment's own ground."""
    silent = 0.5 if scene.background == "white" else 0.05
    if scene.treatment in OWN_GROUND or rng.random() < silent:
        return ""
    phrases = BACKGROUND_BY_WORD[scene.background].phrases
    if phrases and rng.random() < 0.25:
        return f" {rng.choice(phrases)}"
    return str(rng.choice(BACKGROUND_TEMPLATES)).format(background=scene.background)


def caption_words() -> set[str]:
    """Every word that a caption can hold: the vocabulary of the checkpoint."""
    texts = [*HAND_TEMPLATES, *PLAIN_TEMPLATES, *TREATMENT_TEMPLATES, *BACKGROUND_TEMPLATES, "a", "an"]
    texts += [*CONCEPTS, *TREATMENTS, *(hand.word for hand in HANDS)]
    texts += [word for words in (*SYNONYMS.values(), *TREATMENT_SYNONYMS.values()) for word in words]
    texts += [text for background in BACKGROUNDS for text in (background.word, *background.phrases)]
    return {word for text in texts for word in text.split() if not word.startswith("{")}

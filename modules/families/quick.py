"""Networks distilled to a few steps (LCM, Turbo, Lightning, Hyper ...), checkpoints and LoRAs: told by their names, and
how their authors say to use them. Importable without torch."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_STEPS_IN_NAME = re.compile(r"(?<!\d)(\d{1,2})[ _-]?steps?(?![a-z])")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # "Photo2Lightning_LCM" has three
_NO_WORD = re.compile(r"hyper[ _-]?real\w*", re.IGNORECASE)  # says what pictures look like, not how they are made


@dataclass(frozen=True)
class Quick:
    """kind: for people. steps, cfg, sampler, schedule: as the authors give them."""

    kind: str
    steps: int
    cfg: float
    sampler: str
    schedule: str = "sgm_uniform"  # all of them were trained at the ends of equal parts of the timesteps


_KINDS = {  # word in a name
    "lcm": Quick("LCM", 6, 1.5, "LCM"),  # Luo et al. 2023
    "turbo": Quick("Turbo", 4, 1.0, "Euler a"),  # Sauer et al. 2023
    "lightning": Quick("Lightning", 4, 1.0, "Euler"),  # Lin et al. 2024
    "hyper": Quick("Hyper", 8, 1.0, "Euler"),  # Hyper-SD, Ren et al. 2024
    "dmd": Quick("DMD", 4, 1.0, "LCM"),  # Yin et al. 2024
}


def quick_defaults(*names: str) -> Quick | None:
    """For a file of these names: "juggernaut_lightning_8step" is a Lightning with 8 steps. None for all others."""
    text = _NO_WORD.sub("", " ".join(names))
    words = {word.casefold() for word in _WORDS.findall(text)}
    for word, quick in _KINDS.items():
        if word in words or f"sdxl{word}" in words:
            said = _STEPS_IN_NAME.search(text.casefold())
            return replace(quick, steps=int(said[1])) if said and int(said[1]) else quick
    return None

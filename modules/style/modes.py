"""The style modes, and which of them a checkpoint can do, with the reason where it cannot. For the page and the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.core.family import CheckpointCard
from modules.style.adapters import what_is_missing

INVERTED = {"epsilon", "v_prediction"}
NO_CHECKPOINT = "there is no checkpoint yet"


@dataclass(frozen=True)
class Mode:
    """id: `style_mode` of a request. why_not: empty if it can be used now.

    content, style: "needed", "optional" or "unused": pictures the mode works with.
    """

    id: str
    label: str
    info: str
    content: str
    style: str
    why_not: str = ""


def modes(card: CheckpointCard | None, models: Sequence[Path]) -> tuple[Mode, ...]:
    """All modes, in the order of the page. card: None where there is no checkpoint."""
    words, inject, adapter = reasons(card, models) if card else (NO_CHECKPOINT,) * 3
    return (
        Mode("colour", "Colours only", "at the picture's own size, in a second, without a model", "needed", "needed"),
        Mode("words", "Words", "painted anew after a description or a preset", "needed", "optional", words),
        Mode("inject", "Look of a picture", "painted with the strokes of a style picture", "needed", "needed", inject),
        Mode("series", "A series in one style", "several pictures in one style", "optional", "optional", inject),
        Mode(
            "adapter",
            "Adapter (IP-Adapter)",
            "the style picture becomes part of the prompt",
            "optional",
            "needed",
            adapter,
        ),
    )


def reasons(card: CheckpointCard, models: Sequence[Path]) -> tuple[str, str, str]:
    """Why "words"; "inject" and "series"; and "adapter" cannot be used with a checkpoint."""
    words = "" if card.input_kind == "text" else f"{card.name} changes pictures in its own way: use img2img"
    backwards = "" if card.prediction in INVERTED else f"{card.name} is no U-Net; this mode works inside U-Nets"
    inject = words or backwards
    return words, inject, inject or what_is_missing(card, models)

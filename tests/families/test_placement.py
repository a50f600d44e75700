"""Which mode is chosen for what is free, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from modules.families.device import Device
from modules.families.placement import choose

SIZES = {"unet": 1700, "vae": 160, "text_encoder": 250}


@dataclass(frozen=True)
class Card(Device):
    """A device with memory of its own, of which so much is free."""

    left: int | None = 0

    def free(self) -> int | None:
        return self.left


def card(left: int | None, **values: object) -> Card:
    return Card("cuda", "fp16", True, "sdpa", apart=True, left=left, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("free", "mode"),
    [(2610, "whole"), (2609, "parts"), (2200, "parts"), (2199, "blocks"), (0, "blocks"), (None, "whole")],
)
def test_the_largest_mode_is_taken_that_fits_beside_the_work(free: int | None, mode: str) -> None:
    assert choose(SIZES, 500, card(free)).mode == mode


def test_the_reason_has_the_figures() -> None:
    sizes = {part: size * 10**6 for part, size in SIZES.items()}
    why = choose(sizes, 800 * 10**6, card(2 * 10**9)).why
    assert why == "its weights take 2.1 GB, a picture about 0.8 GB; 2.0 GB are free"


def test_what_was_asked_for_is_done() -> None:
    placement = choose(SIZES, 500, card(10_000, offload="parts"))
    assert (placement.mode, placement.why) == ("parts", "it was asked for")


@pytest.mark.parametrize(("tighter", "mode"), [(1, "parts"), (2, "blocks"), (3, "blocks")])
def test_where_memory_ran_out_the_next_smaller_mode_is_taken(tighter: int, mode: str) -> None:
    placement = choose(SIZES, 500, card(10_000, tighter=tighter))
    assert (placement.mode, placement.why) == (mode, "memory ran out with more of it on the device")


def test_a_processor_keeps_all_weights_where_they_are() -> None:
    placement = choose(SIZES, 500, Device("cpu", "bf16", True, "sdpa", budget=1))
    assert (placement.mode, placement.why) == ("whole", "this device computes in the computer's own memory")

"""Taffy herself: poses, manners, and that every one of them can be drawn."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from modules.training.catalog import HAND_BY_WORD, drawings
from modules.training.mascot import MANNERS, NAME, POSES, mascot_svg


@pytest.mark.parametrize("hand", MANNERS)
def test_every_pose_is_well_formed_and_differs_from_the_others(hand: str) -> None:
    drawn = [mascot_svg(pose, MANNERS[hand]) for pose in POSES]
    assert len(set(drawn)) == len(POSES) >= 6
    for svg in drawn:
        ElementTree.fromstring(svg)


def test_she_has_a_manner_for_every_hand_and_a_drawing_for_every_pose() -> None:
    assert set(MANNERS) == set(HAND_BY_WORD)
    assert drawings(NAME) == tuple(f"{NAME}-{pose.name}" for pose in POSES)


def test_in_ink_she_is_lines_of_one_colour_only() -> None:
    ink, flat = (mascot_svg(POSES[0], MANNERS[hand]).partition("</defs>")[2] for hand in ("ink", "flat"))
    assert "#" not in ink and "currentColor" in ink
    assert "#" in flat

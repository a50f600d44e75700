"""Going back to a step: nothing changed gives the same picture to the bit, anything changed another one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modules.core.events import Failed
from modules.hooks import Turn
from modules.sampling.samplers import SAMPLERS
from tests.extensions.inside.conftest import KEEP, Made, Studio

STOCHASTIC = [name for name in SAMPLERS if SAMPLERS[name].noise != "none"]


@pytest.fixture(scope="session")
def first(inside: Studio) -> Made:
    return inside.made(sampler="Euler a")


def same(one: Made, other: Made) -> bool:
    """Pictures and every answer of the network, to the bit."""
    pairs = zip(one.record.calls, other.record.calls, strict=True)
    return one.pixels == other.pixels and all(np.array_equal(a.x0, b.x0) for a, b in pairs)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_branch_with_nothing_changed_is_the_same_picture(inside: Studio, sampler: str) -> None:
    made = inside.made(sampler=sampler)
    assert all(same(made, inside.branch(made.record, step, sampler=sampler)) for step in (1, 3, 5))


def test_so_is_one_of_two_passes_that_is_left_in_the_second(inside: Studio) -> None:
    values: dict[str, Any] = {"sampler": "Euler a", "hires_scale": 1.5, "hires_steps": 3, "steps": 2}
    made = inside.made(**values)
    assert made.record.passes == (2, 3)
    assert all(same(made, inside.branch(made.record, step, **values)) for step in (1, 2, 4))


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M", "Heun"])
def test_a_branch_of_a_fast_picture_has_the_deep_features_of_the_way_it_leaves(inside: Studio, sampler: str) -> None:
    values: dict[str, Any] = {"sampler": sampler, "fast_every": 3}
    made = inside.made(**values)
    assert not same(made, inside.made(sampler=sampler))
    assert all(same(made, inside.branch(made.record, step, **values)) for step in (1, 3, 4))


def test_pictures_of_a_batch_are_replayed_with_their_batch(inside: Studio) -> None:
    values: dict[str, Any] = {"sampler": "Euler a", "count": 2, "batch_size": 2}
    made = inside.made(**values)
    assert same(made, inside.branch(made.record, 3, **values))


def test_one_picture_of_a_batch_goes_on_alone_from_exactly_where_it_was(inside: Studio) -> None:
    made = inside.made(sampler="Euler a", count=2, batch_size=2)
    alone = inside.branch(made.record, 3, alone=4, sampler="Euler a", seed=4, prompt="a rocket")
    assert len(alone.pixels) == 1
    before = [call for call in alone.record.calls if call.step < 3]
    assert all(np.array_equal(call.x0[0], made.record.calls[n].x0[1]) for n, call in enumerate(before))
    assert alone.pixels[0] not in made.pixels


@pytest.mark.parametrize(
    "change", [{"prompt": "a rocket"}, {"cfg_scale": 9}, {"negative_prompt": ""}], ids=["prompt", "cfg", "negative"]
)
def test_with_a_change_it_goes_another_way_after_the_same_steps(
    inside: Studio, first: Made, change: dict[str, Any]
) -> None:
    other = inside.branch(first.record, 3, sampler="Euler a", **change)
    equal = [np.array_equal(a.x0, b.x0) for a, b in zip(first.record.calls, other.record.calls, strict=True)]
    assert equal == [True] * 3 + [False] * 2
    assert other.pixels != first.pixels


@pytest.mark.parametrize("sampler", STOCHASTIC)
def test_other_noise_for_the_rest_makes_another_picture(inside: Studio, sampler: str) -> None:
    made = inside.made(sampler=sampler)
    branches = [inside.branch(made.record, 2, (Turn(2, seed=seed),), sampler=sampler) for seed in (11, 12)]
    assert len({made.pixels, *(branch.pixels for branch in branches)}) == 3
    assert all(np.array_equal(made.record.calls[n].x0, branches[0].record.calls[n].x0) for n in range(3))


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "Euler a"])
def test_another_sampler_goes_on_from_there(inside: Studio, first: Made, sampler: str) -> None:
    branch = inside.branch(first.record, 3, (Turn(3, sampler),), sampler="Euler a")
    assert branch.pixels != first.pixels
    assert [call.step for call in branch.record.calls][:4] == [0, 1, 2, 3]
    again = inside.branch(branch.record, 4, (Turn(3, sampler),), sampler="Euler a")
    assert same(branch, again), "a branch of a branch is as exact"


def test_turning_to_the_sampler_at_work_changes_nothing_where_no_noise_is_added(inside: Studio) -> None:
    made = inside.made(sampler="DPM++ 2M")
    assert same(made, inside.branch(made.record, 3, (Turn(3, "DPM++ 2M"),), sampler="DPM++ 2M"))


def test_a_branch_says_where_it_left(inside: Studio, first: Made) -> None:
    assert "Branched after step" not in first.facts
    assert inside.branch(first.record, 3, sampler="Euler a").facts["Branched after step"] == "3"


def test_a_branch_without_a_record_says_so(inside: Studio) -> None:
    extra = {"job": "job", "key": "steps-3-1", "step": 2}
    (*_, last) = inside.events(KEEP, extras={"inside.branch": extra})
    assert isinstance(last, Failed)
    assert "not kept any more" in last.message


def test_a_branch_with_other_noise_levels_is_refused(inside: Studio, first: Made) -> None:
    packed = KEEP | {"inside.steps": first.record.packed()}
    extra = {"job": "job", "key": first.record.key, "step": 2}
    (*_, last) = inside.events(packed, extras={"inside.branch": extra}, steps=6, sampler="Euler a")
    assert isinstance(last, Failed)
    assert "other noise levels" in last.message

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from modules.attention.base import KERNELS
from modules.attention.choose import choose
from modules.attention.measure import Result, benchmark
from modules.attention.measured import Measured
from modules.core.errors import UnknownName


def chosen(**results: tuple[float, float]) -> tuple[str, str]:
    """For kernels of these (seconds, errors)."""

    def measure(kind: str, dtype: str, head_size: int) -> Mapping[str, Result]:
        return {name: Result(*result) for name, result in results.items()}

    return choose("cpu", "automatic", "bf16", 40, measure)


def test_the_fastest_that_is_exact_is_chosen_with_its_gain() -> None:
    assert chosen(sdpa=(0.3, 0.01), chunked=(0.1, 0.02)) == (
        "chunked",
        "measured here: 3.0 times as fast as PyTorch's own, and as exact",
    )


def test_one_with_more_than_twice_the_error_is_not_chosen_and_the_reason_says_so() -> None:
    name, reason = chosen(sdpa=(0.3, 0.01), chunked=(0.1, 0.021))
    assert name == "sdpa"
    assert "chunked is faster, but its error" in reason


def test_a_gain_below_a_tenth_is_not_worth_it() -> None:
    assert chosen(sdpa=(0.105, 0.01), chunked=(0.1, 0.01))[0] == "sdpa"
    assert chosen(sdpa=(0.112, 0.01), chunked=(0.1, 0.01))[0] == "chunked"


def test_the_one_for_little_memory_is_only_chosen_by_name() -> None:
    assert "sliced" not in benchmark("cpu", "fp32", 8)
    assert choose("cpu", "sliced")[0] == "sliced"


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_measuring_finds_time_and_error_of_every_kernel_that_runs_here(dtype: str) -> None:
    results = benchmark("cpu", dtype, 8)
    assert results.keys() == {"sdpa", "chunked"}
    assert all(result.seconds > 0 for result in results.values())
    assert all(result.error < (1e-5 if dtype == "fp32" else 0.02) for result in results.values())


@pytest.mark.parametrize("head_size", [40, 64])
def test_chunked_is_at_most_twice_as_far_from_fp32_as_pytorchs_own(head_size: int) -> None:
    """The gate it must pass to be chosen, at the head sizes of SD 1.x and SDXL."""
    results = benchmark("cpu", "bf16", head_size)
    assert results["chunked"].error <= 2 * results["sdpa"].error


def test_what_was_measured_is_kept_over_restarts_for_each_precision_and_head_size(tmp_path: Path) -> None:
    asked: list[tuple[str, str, int]] = []

    def measure(*what: Any) -> Mapping[str, Result]:
        asked.append(what)
        return {"sdpa": Result(0.3, 0.01), "chunked": Result(0.1, 0.01)}

    record = Measured(tmp_path / "attention.json", measure)
    for what in (("cpu", "bf16", 40), ("cpu", "bf16", 40), ("cpu", "bf16", 64), ("cpu", "fp32", 40)):
        assert choose("cpu", "automatic", what[1], what[2], record)[0] == "chunked"
    assert asked == [("cpu", "bf16", 40), ("cpu", "bf16", 64), ("cpu", "fp32", 40)]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": 1}', '{"a": {"sdpa": 2}}'])
def test_a_damaged_record_is_measured_again(tmp_path: Path, damage: str) -> None:
    (tmp_path / "attention.json").write_text(damage)
    results = {"sdpa": Result(0.3, 0.01)}
    for _ in range(2):
        assert Measured(tmp_path / "attention.json", lambda *what: results)("cpu", "bf16", 40) == results
    assert Measured(tmp_path / "attention.json", lambda *what: {})("cpu", "bf16", 40) == results


def test_every_choice_has_a_reason() -> None:
    assert all(choose("cpu", wanted, head_size=8)[1] for wanted in ("automatic", *KERNELS))


def test_a_kernel_that_cannot_run_here_is_replaced_and_the_reason_says_so() -> None:
    assert choose("cpu", "xformers") == (
        "sdpa",
        "xformers was asked for, but xformers runs on NVIDIA cards only, this is cpu",
    )


def test_an_unknown_kernel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName) as caught:
        choose("cpu", "magic")
    assert "sdpa" in caught.value.advice


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has an NVIDIA card")
@pytest.mark.parametrize("name", ["xformers", "flash", "sage", "cudnn"])
def test_kernels_of_cards_are_tried_before_they_are_trusted(name: str) -> None:
    assert "does not work here: " in KERNELS[name].why_not("cuda")
    assert KERNELS[name].why_not("cpu").endswith("cards only, this is cpu")

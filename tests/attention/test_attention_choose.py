from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import torch

from modules.attention.base import KERNELS
from modules.attention.choose import choose
from modules.attention.measure import Result, benchmark
from modules.attention.measured import Measured
from modules.core.errors import BadExtension

HAS_AMX = not KERNELS["amx"].why_not("cpu")


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
    assert results.keys() == {"sdpa", "chunked"} | ({"amx"} if dtype == "bf16" and HAS_AMX else set())
    assert all(result.seconds > 0 for result in results.values())
    assert all(result.error < (1e-5 if dtype == "fp32" else 0.02) for result in results.values())


def test_a_kernel_that_leaves_a_precision_or_a_width_to_pytorchs_own_is_not_measured_for_it() -> None:
    """Else it would be chosen for what another computes, by chance."""
    assert benchmark("cpu", "bf16", 512).keys() == {"sdpa", "chunked"}
    fits = {name: KERNELS[name].fits for name in ("amx", "flash", "cudnn", "math")}  # type: ignore[attr-defined]
    assert {name: (fit("fp32", 40), fit("bf16", 40), fit("bf16", 512)) for name, fit in fits.items()} == {
        "amx": (False, True, False),
        "flash": (False, True, False),
        "cudnn": (False, True, False),
        "math": (True, True, True),
    }


@pytest.mark.parametrize("head_size", [40, 64])
def test_chunked_is_at_most_twice_as_far_from_fp32_as_pytorchs_own(head_size: int) -> None:
    """The gate it must pass to be chosen, at the head sizes of SD 1.x and SDXL."""
    results = benchmark("cpu", "bf16", head_size)
    assert results["chunked"].error <= 2 * results["sdpa"].error


def test_what_was_measured_where_a_kernel_ran_does_not_count_where_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that moved to another processor: instructions that it lacks would end the process."""
    monkeypatch.setattr(type(KERNELS["amx"]), "why_not", lambda self, kind: "")
    record = Measured(tmp_path / "attention.json", lambda *what: RESULTS | {"amx": Result(0.1, 0.01)})
    assert choose("cpu", "automatic", "bf16", 40, record)[0] == "amx"
    monkeypatch.setattr(type(KERNELS["amx"]), "why_not", lambda self, kind: "this processor has none")
    record = Measured(tmp_path / "attention.json", lambda *what: RESULTS)
    assert choose("cpu", "automatic", "bf16", 40, record)[0] == "sdpa"


def test_what_was_measured_is_kept_over_restarts_for_each_precision_and_head_size(tmp_path: Path) -> None:
    asked: list[tuple[str, str, int]] = []

    def measure(*what: Any) -> Mapping[str, Result]:
        asked.append(what)
        return {"sdpa": Result(0.3, 0.01), "chunked": Result(0.1, 0.01)}

    record = Measured(tmp_path / "attention.json", measure)
    for what in (("cpu", "bf16", 40), ("cpu", "bf16", 40), ("cpu", "bf16", 64), ("cpu", "fp32", 40)):
        assert choose("cpu", "automatic", what[1], what[2], record)[0] == "chunked"
    assert asked == [("cpu", "bf16", 40), ("cpu", "bf16", 64), ("cpu", "fp32", 40)]


RESULTS = {"sdpa": Result(0.3, 0.01)}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": 1}', '{"a": {"sdpa": 2}}', "\x00\xff"])
def test_a_damaged_record_is_measured_again(tmp_path: Path, damage: str) -> None:
    (tmp_path / "attention.json").write_bytes(damage.encode("latin-1"))
    for _ in range(2):
        assert Measured(tmp_path / "attention.json", lambda *what: RESULTS)("cpu", "bf16", 40) == RESULTS
    assert Measured(tmp_path / "attention.json", lambda *what: {})("cpu", "bf16", 40) == RESULTS


@pytest.mark.parametrize("row", [{}, {"chunked": {"seconds": 1, "error": 0}}, {"sdpa": {"seconds": 0, "error": 0}},
                                 {"sdpa": {"seconds": "soon", "error": 0}}, {"sdpa": {"seconds": None}}])  # fmt: skip
def test_a_row_that_nothing_can_be_chosen_by_is_measured_again(tmp_path: Path, row: object) -> None:
    record = Measured(tmp_path / "attention.json", lambda *what: RESULTS)
    record("cpu", "bf16", 40)
    (key,) = json.loads((tmp_path / "attention.json").read_text())
    (tmp_path / "attention.json").write_text(json.dumps({key: row}))
    assert record("cpu", "bf16", 40) == RESULTS


def test_another_kernel_is_measured_as_soon_as_it_is_there_and_one_that_is_gone_is_not_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def measure(*what: Any) -> Mapping[str, Result]:
        asked.append(tuple(KERNELS))
        return {name: Result(0.1 if name == "new" else 0.3, 0.01) for name in KERNELS}

    record = Measured(tmp_path / "attention.json", measure)
    names = []
    for there in (False, True, False):
        if there:
            monkeypatch.setitem(KERNELS._values, "new", KERNELS["sdpa"])
            monkeypatch.setitem(KERNELS._aliases, "new", "new")
        else:
            monkeypatch.delitem(KERNELS._values, "new", raising=False)
        names.append(choose("cpu", "automatic", "bf16", 40, record)[0])
    assert names == ["sdpa", "new", "sdpa"]
    assert len(asked) == 2


def test_a_package_that_is_installed_later_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    record = Measured(tmp_path / "attention.json", lambda *what: asked.append(what) or RESULTS)  # type: ignore[func-returns-value]
    for versions in ({}, {"flash-attn": "2.8"}, {"flash-attn": "2.8"}, {"flash-attn": "3.0"}):
        monkeypatch.setattr("modules.attention.measured.version", partial(installed, versions))
        record("cpu", "bf16", 40)
    assert len(asked) == 3


def installed(versions: Mapping[str, str], name: str) -> str:
    if name not in versions:
        raise PackageNotFoundError(name)
    return versions[name]


class Failing:
    """Of an extension, or of a package that does not know heads of this size."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def why_not(self, device_kind: str) -> str:
        return ""

    def compute(self, *given: torch.Tensor) -> torch.Tensor:
        raise self._error


@pytest.mark.parametrize(
    "error", [NotImplementedError("heads of 8"), BadExtension("x failed"), MemoryError(), ImportError("numba")]
)
def test_a_kernel_that_fails_when_it_is_measured_does_not_count(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setitem(KERNELS._values, "broken", Failing(error))
    monkeypatch.setitem(KERNELS._aliases, "broken", "broken")
    assert benchmark("cpu", "fp32", 8).keys() == {"sdpa", "chunked"}


def test_in_fp32_too_errors_are_those_to_more_exact_sums() -> None:
    """Else PyTorch's own would have none, and no other could ever be exact enough."""
    results = benchmark("cpu", "fp32", 40)
    assert all(1e-8 < result.error < 1e-5 for result in results.values())


def test_every_choice_has_a_reason() -> None:
    assert all(choose("cpu", wanted, head_size=8)[1] for wanted in ("automatic", *KERNELS))


def test_a_kernel_that_cannot_run_here_is_replaced_and_the_reason_says_so() -> None:
    assert choose("cpu", "xformers") == (
        "sdpa",
        "xformers was asked for, but xformers runs on NVIDIA cards only, this is cpu",
    )


def test_one_that_is_not_there_any_more_is_replaced_too() -> None:
    assert choose("cpu", "magic") == ("sdpa", "magic was asked for, but it is not there")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has an NVIDIA card")
@pytest.mark.parametrize("name", ["xformers", "flash", "sage", "cudnn"])
def test_kernels_of_cards_are_tried_before_they_are_trusted(name: str) -> None:
    assert "does not work here: " in KERNELS[name].why_not("cuda")
    assert KERNELS[name].why_not("cpu").endswith("cards only, this is cpu")

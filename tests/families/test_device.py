from __future__ import annotations

import pytest
import torch

from modules.families.device import Device, cpu_has_bf16, pick_device


def test_a_cpu_computes_in_bf16_where_it_has_units_for_it_and_else_in_fp32() -> None:
    assert pick_device(True, "auto", "automatic").dtype == ("bf16" if cpu_has_bf16() else "fp32")


def test_no_setting_makes_a_cpu_compute_in_fp16() -> None:
    assert {pick_device(True, precision, "sdpa").dtype for precision in ("auto", "fp32", "bf16")} <= {"fp32", "bf16"}


def test_a_wanted_precision_is_used() -> None:
    assert pick_device(True, "fp32", "automatic").torch_dtype is torch.float32


def test_convolutions_are_kept_channels_last_on_a_cpu() -> None:
    assert pick_device(True, "auto", "automatic").channels_last


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"cuda"}, ("cuda", "fp16", True)),  # ROCm too: torch calls it cuda
        ({"cuda", "xpu", "mps"}, ("cuda", "fp16", True)),
        ({"xpu"}, ("xpu", "fp16", False)),
        ({"mps"}, ("mps", "fp16", False)),
        (set(), ("cpu", "bf16" if cpu_has_bf16() else "fp32", True)),
    ],
)
def test_the_best_device_there_is_computes_in_its_best_precision(
    monkeypatch: pytest.MonkeyPatch, there: set[str], expected: tuple[str, str, bool]
) -> None:
    for kind in ("cuda", "xpu", "mps"):
        monkeypatch.setattr(getattr(torch, kind), "is_available", lambda found=kind in there: found)
    device = pick_device(False, "auto", "automatic")
    assert (device.kind, device.dtype, device.channels_last) == expected
    assert pick_device(True, "auto", "automatic").kind == "cpu"


def test_a_cpu_without_units_for_bf16_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    for units in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, units, lambda: False)
    assert pick_device(True, "auto", "automatic").dtype == "fp32"


def test_a_kernel_for_other_devices_is_replaced() -> None:
    name, why = pick_device(True, "fp32", "xformers").kernel(40)
    assert name == "sdpa"
    assert "NVIDIA" in why


def test_a_kernel_whose_extension_is_off_is_replaced_and_the_reason_says_so() -> None:
    assert pick_device(True, "fp32", "flash9").kernel(40) == ("sdpa", "flash9 was asked for, but it is not there")


class Card:
    """What torch says of a graphics card: 3 GB are free, 4 GB it keeps, of which 1 GB is in use."""

    def __init__(self, says: bool = True) -> None:
        self.says = says

    def mem_get_info(self) -> tuple[int, int]:
        if not self.says:
            raise RuntimeError("The device does not support querying the available free memory")
        return 3, 8

    def memory_reserved(self) -> int:
        return 4

    def memory_allocated(self) -> int:
        return 1


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
@pytest.mark.parametrize(("budget", "says", "free"), [(0, True, 6), (5, True, 4), (9, True, 6), (1, True, 0),
                                                      (0, False, None), (5, False, 4)])  # fmt: skip
def test_what_torch_keeps_of_a_card_is_free_within_the_budget(
    monkeypatch: pytest.MonkeyPatch, kind: str, budget: int, says: bool, free: int | None
) -> None:
    monkeypatch.setattr(torch, kind, Card(says))
    assert Device(kind, "fp16", True, "sdpa", budget=budget).free() == free


def test_a_processor_has_what_the_computer_has_within_the_budget() -> None:
    free = Device("cpu", "fp32", True, "sdpa").free()
    assert free is not None
    assert free > 0
    assert Device("cpu", "fp32", True, "sdpa", budget=1).free() == 0


@pytest.mark.parametrize(
    ("kind", "bf16", "expected"),
    [("cuda", True, "bf16"), ("cuda", False, "fp32"), ("xpu", True, "fp32"), ("mps", True, "fp32")],
)
def test_networks_that_overflow_in_fp16_get_a_wider_precision(
    monkeypatch: pytest.MonkeyPatch, kind: str, bf16: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    assert Device(kind, "fp16", channels_last=False, attention="sdpa").wide_dtype == expected
    assert Device("cpu", "bf16", channels_last=True, attention="sdpa").wide_dtype == "bf16"

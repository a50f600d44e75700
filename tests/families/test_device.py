from __future__ import annotations

import pytest
import torch

from modules.core.errors import UnknownName
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


def test_an_unknown_kernel_is_an_error() -> None:
    with pytest.raises(UnknownName, match="flash9"):
        pick_device(True, "fp32", "flash9")


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

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


def test_a_kernel_for_other_devices_is_replaced() -> None:
    assert pick_device(True, "fp32", "xformers") == Device("cpu", "fp32", True, "sdpa")


def test_an_unknown_kernel_is_an_error() -> None:
    with pytest.raises(UnknownName, match="flash9"):
        pick_device(True, "fp32", "flash9")

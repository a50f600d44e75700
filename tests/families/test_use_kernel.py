from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from modules.attention.measure import Result
from modules.families.device import Device
from modules.families.unet.kernel import use_kernel
from tests.checkpoints import tiny_unet

torch.set_num_threads(1)


def measured(kind: str, dtype: str, head_size: int) -> Mapping[str, Result]:
    return {"sdpa": Result(0.3, 0.01), "chunked": Result(0.1, 0.01)}


AUTOMATIC = Device("cpu", "bf16", True, "automatic", measured)


def test_for_a_small_network_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling and measuring would take longer than its pictures; a large one gets the fastest."""
    network = tiny_unet()
    assert use_kernel(network, AUTOMATIC) == ("sdpa", "this network is small, another would gain nothing")
    monkeypatch.setattr("modules.families.unet.kernel.SMALL", 0)
    assert use_kernel(network, AUTOMATIC)[0] == "chunked"


def test_a_small_network_gets_the_kernel_that_was_asked_for() -> None:
    assert use_kernel(tiny_unet(), replace(AUTOMATIC, attention="sliced"))[0] == "sliced"

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from modules.native import has_numba

PAIRS = """
import torch
from modules.families.fill import fill, new_room
from modules.families.device import Device
from modules.families.streamed import is_streamed

halves = torch.arange(65536).to(torch.uint16).view(torch.float16).repeat(4)
for shape in (512, 512), (64, 512, 4, 2):
    for dtype in "bf16", "fp32":
        stored = halves.view(shape)
        room = new_room(stored, Device("cpu", dtype, True, "sdpa"))
        wanted = stored.to(room.dtype)
        assert is_streamed(room, stored) and fill(room, stored) is room
        assert bool(((room == wanted) & (room.signbit() == wanted.signbit()) | room.isnan() & wanted.isnan()).all())
"""


@pytest.mark.skipif(not has_numba() or platform.machine() not in {"x86_64", "AMD64"}, reason="names x86 processors")
@pytest.mark.parametrize(("name", "instructions"), [("generic", ""), ("haswell", "+avx2,+f16c,+fma")])
def test_weights_are_converted_by_processors_without_instructions_for_it(name: str, instructions: str) -> None:
    """LLVM calls functions of the system instead that are not there, and ends the process: of most computers."""
    environment = {**os.environ, "NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": instructions}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", PAIRS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""Memory that is given back, as the system sees it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from modules.core.heap import keep_freed_memory, return_freed_memory

def held():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) * 1024

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        bytearray(100_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    keep_freed_memory()
bytearray(100_000_000)
kept = held()
many = faults()
return_freed_memory()
print(many, kept - held())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc is told")
@pytest.mark.parametrize("how", ["keep", "leave"])
def test_freed_memory_is_used_again_without_page_faults_until_it_is_returned(how: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    faults, returned = map(int, done.stdout.split())
    assert (faults < 1000) == (how == "keep")
    assert (returned > 90_000_000) == (how == "keep")

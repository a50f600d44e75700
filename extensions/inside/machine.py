"""On what a picture was made, as far as that changes how numbers are rounded, beside what families say themselves."""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch


def machine() -> dict[str, str]:
    """In the words that people see."""
    return {
        "Threads": str(torch.get_num_threads()),
        "Vector units": torch.backends.cpu.get_cpu_capability(),
        "System": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "Numpy": version("numpy"),
        "Transformers": version("transformers"),
    }

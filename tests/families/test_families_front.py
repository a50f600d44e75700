from __future__ import annotations

import subprocess
import sys

FRONT = (
    "modules.families",
    "modules.attention",
    "modules.preview.plugin",
    "modules.manager.index",
    "modules.manager.adapters",
)


def test_the_front_process_can_list_and_recognise_without_torch() -> None:
    imports = ";".join(f"import {name}" for name in FRONT)
    heavy = "print([name for name in ('torch', 'diffusers', 'transformers', 'safetensors') if name in sys.modules])"
    command = [sys.executable, "-c", f"import sys;{imports};import modules.manager.hashes;{heavy}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"

"""Model collections of other programs in their usual places. Only looked at: nothing is copied or changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from modules.core.errors import BadSetting
from modules.families.header import PICKLES
from modules.manager.places import hub_snapshots, places
from modules.manager.walk import files_below

PROGRAMS = {  # folder below the home folder or beside Taffy's -> who keeps models there
    "stable-diffusion-webui/models": "AUTOMATIC1111",
    "stable-diffusion-webui-forge/models": "Forge",
    "stable-diffusion-webui-reForge/models": "reForge",
    "sd-webui-forge-neo/models": "Forge",
    "automatic/models": "SD.Next",
    "sdnext/models": "SD.Next",
    "ComfyUI/models": "ComfyUI",
    "ComfyUI/extra_model_paths.yaml": "ComfyUI",
    "Documents/ComfyUI/models": "ComfyUI",
    "invokeai/models": "InvokeAI",
    "Fooocus/models": "Fooocus",
    "SwarmUI/Models": "SwarmUI",
    ".cache/huggingface/hub": "the Hugging Face cache",
}
KINDS = ("checkpoint", "lora", "embedding", "vae", "upscaler")
SUFFIXES = PICKLES | {".safetensors"}
MOST = 5000  # files that are counted in one folder


@dataclass(frozen=True)
class Collection:
    """program: whose it is. folder: for `--models-dir`. counts: files by kind, those that are there."""

    program: str
    folder: Path
    counts: dict[str, int]


def collections(homes: Sequence[Path], known: Sequence[Path]) -> Iterator[Collection]:
    """What other programs have below some folders. known: models folders that are in use already."""
    used = {folder.resolve() for folder in known}
    for home in homes:
        for name, program in PROGRAMS.items():
            folder = home / name
            with suppress(OSError, BadSetting):  # theirs to mend
                if not folder.exists() or folder.resolve() in used:
                    continue
                used.add(folder.resolve())
                if counts := {kind: count for kind in KINDS if (count := _count(folder, kind))}:
                    yield Collection(program, folder, counts)


def _count(folder: Path, kind: str) -> int:
    files = (path for place in places(folder, kind) for path in files_below(place))
    models = sum(path.suffix.lower() in SUFFIXES for path in islice(files, MOST))
    return models + (sum(1 for _ in hub_snapshots(folder)) if kind == "checkpoint" else 0)

"""Folders in diffusers' layout whose weights are pickles: converted one by one, inside the folder or into a copy."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

from modules.families.header import CHECKERS, VARIANTS
from modules.manager.convert import Tell, convert_safely, ignore
from modules.manager.places import visible

PLAIN = (".json", ".txt", ".model", ".safetensors")
_WEIGHTS = r"(diffusion_pytorch_model|pytorch_model|model){}(-\d+-of-\d+)?\.(bin|pt|pth|ckpt)"


def pickles_of(folder: Path) -> list[Path]:
    """The pickled weights of those networks that have no others yet, in one variant."""
    inside = visible(folder) if (folder / "model_index.json").is_file() else []
    parts = [part for part in inside if (part / "config.json").is_file() and part.name not in CHECKERS]
    return [file for part in parts for file in _pickles_of_part(visible(part))]


def _pickles_of_part(files: list[Path]) -> list[Path]:
    safe = {file.stem for file in files if file.suffix == ".safetensors"}
    variants = ([file for file in files if _is_weights(file, variant)] for variant in VARIANTS)
    pickles: list[Path] = next(filter(None, variants), [])
    left = [file for file in pickles if _safe_stem(file) not in safe]
    return [] if safe and len(left) == len(pickles) else left  # safe ones that are not made of these are enough


def _is_weights(file: Path, variant: str) -> bool:
    return bool(re.fullmatch(_WEIGHTS.format(re.escape(variant)), file.name))


def _safe_stem(file: Path) -> str:
    """transformers calls its pickles otherwise than its safe files."""
    return re.sub("^pytorch_model", "model", file.stem)


def convert_folder(folder: Path, target: Path, tell: Tell = ignore) -> Path:
    """Write the safe form of each pickle; returns where the folder with all of them is. What was done is not repeated.

    target: `folder` itself, or where a copy of it is made. tell: as `convert_safely` has it. Raises UnsafeFile,
    BadCheckpoint, OSError.
    """
    pickles = pickles_of(folder)
    total = sum(file.stat().st_size for file in pickles)
    for number, file in enumerate(pickles):
        part, stem = target / file.parent.name, _safe_stem(file)
        part.mkdir(parents=True, exist_ok=True)
        if not (part / f"{stem}.safetensors").exists():
            before = sum(one.stat().st_size for one in pickles[:number])
            convert_safely(file, folder=part, stem=stem, tell=partial(_tell_in_all, tell, before, total))
    if target != folder:
        _copy_the_rest(folder, target)
    return target


def _tell_in_all(tell: Tell, before: int, total: int, done: int, _: int) -> None:
    tell(before + done, total)


def _copy_the_rest(folder: Path, target: Path) -> None:
    """The index last: without it nobody takes the copy for a model."""
    rest = [file for part in visible(folder) if part.is_dir() and part.name not in CHECKERS for file in visible(part)]
    for file in (*rest, folder / "model_index.json"):
        if file.suffix in PLAIN:
            to = target / file.relative_to(folder)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to)

"""In which folders each kind of model file lies: Taffy's own layout, which is A1111's, and those of other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from os.path import expandvars
from pathlib import Path
from typing import Any

import yaml

from modules.core.errors import BadSetting

NAMES = {  # kind -> folder names, in any case: A1111's and Forge's first, then ComfyUI's, Fooocus', SwarmUI's
    "checkpoint": ("stable-diffusion", "checkpoints"),
    "vae": ("vae",),
    "lora": ("lora", "lycoris", "loras"),
    "embedding": ("embeddings",),
    "upscaler": (
        *("esrgan", "realesrgan", "bsrgan", "swinir", "swin2sr", "scunet", "dat", "hat", "drct", "span", "compact"),
        *("upscale_models", "upscalers"),
    ),
}
INVOKE_BASES = frozenset({"any", "sd-1", "sd-2", "sdxl", "sdxl-refiner", "sd-3", "flux"})
INVOKE_TYPES = {"checkpoint": "main", "vae": "vae", "lora": "lora", "embedding": "embedding"}
HUB = "models--"  # how a folder of the Hugging Face cache begins
YAML = (".yaml", ".yml")
MAX_YAML = 2**20  # bytes


def places(folder: Path, kind: str) -> Iterator[Path]:
    """The existing folders of a kind below a models folder, each once.

    folder: a models folder, the folder of A1111 or ComfyUI with one inside, a kind's own folder, or ComfyUI's
    extra_model_paths.yaml.
    Raises BadSetting for such a file that cannot be read.
    """
    seen: set[Path] = set()
    for place in _from_yaml(folder, kind) if folder.suffix.lower() in YAML else _below(folder, kind):
        if place.exists() and (real := place.resolve()) not in seen:
            seen.add(real)
            yield place


def _below(folder: Path, kind: str) -> Iterator[Path]:
    if folder.name.casefold() in NAMES[kind]:
        yield folder  # the kind's own folder was named
    for child in visible(folder):
        if child.name.casefold() in NAMES[kind]:
            yield child
        elif child.name in INVOKE_BASES and kind in INVOKE_TYPES:
            yield child / INVOKE_TYPES[kind]
        elif child.name.casefold() == "models":
            yield from (one for one in visible(child) if one.name.casefold() in NAMES[kind])
    if kind == "embedding" and folder.name.casefold() == "models":
        yield folder.parent / "embeddings"  # A1111 keeps them beside


def visible(folder: Path) -> list[Path]:
    """What is in a folder, without hidden things; nothing where it cannot be read."""
    try:
        return sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    except OSError:
        return []


def is_folder(path: Path) -> bool:
    """False too where it may not be looked at."""
    try:
        return path.is_dir()
    except OSError:
        return False


def hub_snapshots(folder: Path) -> Iterator[tuple[str, Path]]:
    """Of a Hugging Face cache: the id of each model in diffusers' layout, and its folder."""
    for name, snapshot in _snapshots(folder):
        if (snapshot / "model_index.json").is_file():
            yield name, snapshot


def hub_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Of a Hugging Face cache: single files with weights, called by their model's id, and by their own name too where
    it has several. Models with a config are other programs': language models and the like.
    """
    for name, snapshot in _snapshots(folder):
        if not (snapshot / "model_index.json").is_file() and not (snapshot / "config.json").is_file():
            files = [file for file in visible(snapshot) if file.suffix == ".safetensors"]
            yield from ((name if len(files) == 1 else f"{name}/{file.stem}", file) for file in files)


def _snapshots(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each model's id, and the folder of the version its main branch has, else another's."""
    for model in (item for item in visible(folder) if item.name.startswith(HUB)):
        branches = sorted(visible(model / "refs"), key=lambda branch: branch.name != "main")
        found = (model / "snapshots" / _version(branch) for branch in branches)
        if snapshot := next((one for one in found if one.is_dir()), None):
            yield model.name.removeprefix(HUB).replace("--", "/"), snapshot


def _version(branch: Path) -> str:
    """The name of the folder it points to; nonsense where it cannot be read."""
    try:
        return Path(branch.read_text(encoding="utf-8").strip()).name
    except (OSError, UnicodeDecodeError):
        return "-"


def _from_yaml(path: Path, kind: str) -> Iterator[Path]:
    """ComfyUI's form: sections with a base_path, and for each kind one path or several, one a line."""
    for section in _sections(path):
        base = path.parent / _expanded(str(section.get("base_path") or ""))
        for key, value in section.items():
            if str(key).casefold() in NAMES[kind] and isinstance(value, str):
                yield from (base / line.strip() for line in value.splitlines() if line.strip())


def _expanded(text: str) -> Path:
    """With what "~" and variables stand for, where they are known."""
    path = Path(expandvars(text))
    with suppress(RuntimeError):
        return path.expanduser()
    return path


def _sections(path: Path) -> Sequence[dict[str, Any]]:
    try:
        if path.stat().st_size > MAX_YAML:
            raise ValueError(f"it is larger than {MAX_YAML:,} bytes")
        found = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise BadSetting(f"{path} cannot be read: {error!s:.300}", "correct it, or leave it out") from error
    sections = found.values() if isinstance(found, dict) else ()
    return [section for section in sections if isinstance(section, dict)]

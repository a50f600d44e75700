"""Models of the hub by their id: what there is to download, and downloading it. Asks the network in another process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shutil import disk_usage
from typing import Any

from modules.core.errors import BadRequest, CannotSave
from modules.core.paths import contained
from modules.manager.transfers import Tell

ROOT = Path(__file__).resolve().parents[2]
ID = re.compile(r"(?:https?://[^/\s]+/)?([\w.-]{1,96}/[\w.-]{1,96})(?:/(?:tree|blob|resolve)/([\w.-]{1,96}).*)?/?")
PLAIN = (".json", ".txt", ".model", ".safetensors")  # what a folder in diffusers' layout needs; the rest may run code
FOLDERS = {  # kind -> Taffy's own folder
    "checkpoint": "Stable-diffusion",
    "lora": "Lora",
    "embedding": "embeddings",
    "vae": "VAE",
    "upscaler": "ESRGAN",
}
SHARED_NAMES = frozenset(
    {"pytorch_lora_weights", "adapter_model", "diffusion_pytorch_model", "model", "learned_embeds"}
)
SPARE = 10**9  # bytes that stay free on the disk


@dataclass(frozen=True)
class Offer:
    """Something of a model that can be downloaded: one file, or the whole folder. size: bytes in all."""

    name: str
    size: int
    files: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class HubModel:
    """kind: the likeliest for its files, by its tags and its name."""

    repo: str
    version: str
    kind: str
    offers: tuple[Offer, ...]


def look_up(text: str) -> HubModel:
    """What there is. text: owner/name, or the address of the model's page. Raises BadRequest."""
    found = ID.fullmatch(text.strip())
    if not found:
        raise BadRequest(f"{text!r:.200} is not the id of a model", "write it like owner/name")
    with closing(_child("list", {"repo": found[1], "revision": found[2]})) as answers:
        answer = next(answers)
    offers = tuple(_offers(answer["files"], found[1]))
    if not offers:
        raise BadRequest(f"{found[1]} has no .safetensors files", "other kinds of files can run programs when opened")
    return HubModel(found[1], answer["version"], _kind(found[1], answer["tags"]), offers)


def download(model: HubModel, name: str, models: Path, kind: str, tell: Tell) -> str:
    """Bring an offer into Taffy's models folder; returns where it is. Raises BadRequest, CannotSave, NotThere."""
    offer = next((offer for offer in model.offers if offer.name == name), None)
    if offer is None or kind not in FOLDERS:
        raise BadRequest(
            f"{model.repo} has no {name!r:.200}", f"there is: {', '.join(o.name for o in model.offers):.1000}"
        )
    root = models / FOLDERS[kind]
    files = [dict(file, target=str(_target(root, model.repo, offer, file["name"]))) for file in offer.files]
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotSave(
            f"{root} cannot be written: {error.strerror or error}", "name another models folder"
        ) from error
    if there := [file["target"] for file in files if len(files) == 1 and Path(file["target"]).exists()]:
        raise BadRequest(f"{Path(there[0]).name} is there already", "use it, or move it away first")
    if (free := disk_usage(root).free - SPARE) < offer.size:
        raise CannotSave(f"{offer.name} has {offer.size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free", "make room first")
    missing = [file for file in files if not Path(file["target"]).exists()]
    with closing(_child("get", {"repo": model.repo, "version": model.version, "files": missing})) as answers:
        for answer in answers:
            tell(answer["done"], answer["total"])
    return str(Path(files[0]["target"]) if len(files) == 1 else root / offer.name)


def _target(root: Path, repo: str, offer: Offer, name: str) -> Path:
    """Where a file goes; names that would lead out of the folder are refused. Raises NotThere.

    A file whose name half of the hub shares is called by its model.
    """
    if len(offer.files) > 1:
        return contained(root, f"{offer.name}/{name}")
    path = PurePosixPath(name)
    shared = path.name.partition(".")[0] in SHARED_NAMES
    return contained(root, repo.partition("/")[2] + path.suffix if shared else path.name)


def _offers(files: Iterable[dict[str, Any]], repo: str) -> Iterable[Offer]:
    """The folder in diffusers' layout, if it is one, then each file with weights that lies above its parts."""
    known = {file["name"]: file for file in files}
    if "model_index.json" in known:
        needed = tuple(known[name] for name in sorted(known) if _is_needed(name, known))
        yield Offer(repo.partition("/")[2], sum(file["size"] for file in needed), needed)
    for name in sorted(known):
        in_part = "model_index.json" in known and "/" in name
        if name.endswith(".safetensors") and not in_part:
            yield Offer(name, known[name]["size"], (known[name],))


def _is_needed(name: str, known: dict[str, Any]) -> bool:
    """Whether a folder needs a file: of weights in several precisions only the first there is."""
    path = PurePosixPath(name)
    if name == "model_index.json":
        return True
    if len(path.parts) != 2 or not name.endswith(PLAIN):
        return False
    if not name.endswith(".safetensors"):
        return True
    if ".non_ema" in name or "flax" in name:
        return False
    full = name.replace(".fp16", "")
    return full == name or full not in known


def _kind(repo: str, tags: Iterable[str]) -> str:
    words = {*tags, *re.findall(r"[a-z]+", repo.casefold())}
    hints = {"lora": {"lora"}, "embedding": {"textual_inversion", "embedding"}, "vae": {"vae"}, "upscaler": {"esrgan"}}
    return next((kind for kind, some in hints.items() if some & words), "checkpoint")


def _child(act: str, arguments: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
    """The answers of the process that may ask the network; it ends with this generator. Raises BadRequest."""
    command = [sys.executable, "-m", "modules.manager.hub_child", act, json.dumps(arguments)]
    online = os.environ | {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=online, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if "error" in answer:
                raise BadRequest(answer["error"], answer["advice"])
            yield answer
        if process.wait():
            raise BadRequest("the download ended without a word", "the log of the server has the details")
    finally:
        process.kill()
        process.wait()

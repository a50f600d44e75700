"""Everything in the models folders on one list, as the Models page shows it: checkpoints, LoRAs, embeddings, VAEs,
upscalers, the broken and the unsafe ones with their reason. Headers only; no weight is read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from modules.adapters.files import base_of
from modules.adapters.lora_keys import layers_of
from modules.core.errors import BadCheckpoint, NotThere
from modules.core.family import CheckpointCard
from modules.families.header import PICKLES, Header, read_header
from modules.families.quick import Quick, quick_defaults
from modules.manager.adapters import Adapters
from modules.manager.convert_folder import pickles_of
from modules.manager.hashes import Hashes
from modules.manager.index import Index
from modules.manager.places import NAMES
from modules.manager.sidecars import Notes, Sidecars
from modules.manager.vaes import Vaes

KINDS = tuple(NAMES)
STATE = tuple[int, int]


@dataclass(frozen=True)
class Found:
    """A file as another index found it. family: what it is for or what it is, "" if nobody knows."""

    kind: str
    name: str
    path: Path
    size: int = 0
    family: str = ""
    problem: str = ""
    advice: str = ""
    card: CheckpointCard | None = None
    quick: Quick | None = None

    @property
    def id(self) -> str:
        """Names it in addresses."""
        return hashlib.sha256(os.fsencode(self.path.absolute())).hexdigest()[:16]

    @property
    def is_convertible(self) -> bool:
        """A pickle, or a folder with pickles where its weights should be."""
        return self.path.suffix.lower() in PICKLES or bool(self.problem and pickles_of(self.path))


class Library:
    """Any thread may ask. Files that did not change are not read again."""

    def __init__(self, index: Index, hashes: Hashes, sidecars: Sidecars) -> None:
        self._index = index
        self._adapters = Adapters(index.folders)
        self.vaes = Vaes(index.folders)
        self._hashes = hashes
        self.sidecars = sidecars
        self._read: dict[Path, tuple[STATE, Found]] = {}
        self._listed: dict[str, Found] = {}
        self._lock = Lock()

    def items(self) -> tuple[Found, ...]:
        """All but the upscalers, which have an index of their own, by kind and name."""
        with self._lock:
            items = (*self._checkpoints(), *self._files())
            self._listed = {item.id: item for item in items}
            return items

    def find(self, id: str, others: Iterable[Found] = ()) -> Found:
        """As it was listed last, if it is still there. Raises NotThere."""
        if (known := self._listed.get(id)) and known.path.exists():
            return known
        for item in (*self.items(), *others):
            if item.id == id:
                return item
        raise NotThere("there is no such model any more", "refresh the list")

    def hash_of(self, item: Found) -> str:
        """A1111's short hash if it has been computed for the file as it is; empty for folders."""
        return self._hashes.known(item.path) or ""

    def compute_hash(self, item: Found) -> None:
        """In the background: the whole file is read."""
        self._hashes.ask(item.path)

    def notes(self, item: Found) -> Notes:
        return self.sidecars.read(item.path)

    def _checkpoints(self) -> Iterator[Found]:
        for entry in self._index.entries():
            family = entry.card.family if entry.card else ""
            yield Found(
                "checkpoint", entry.name, entry.path, entry.size, family, entry.problem, entry.advice, entry.card
            )

    def _files(self) -> Iterator[Found]:
        read: dict[Path, tuple[STATE, Found]] = {}
        for kind, files in (
            ("lora", self._adapters.files("lora")),
            ("embedding", self._adapters.files("embedding")),
            ("vae", self.vaes.files()),
        ):
            for name, path in sorted(files.items(), key=lambda item: item[0].casefold()):
                try:
                    found = path.stat()
                except OSError as error:
                    why = f"{path.name} cannot be read: {error.strerror or error}"
                    yield Found(kind, name, path, problem=why)
                    continue
                state = (found.st_size, found.st_mtime_ns)
                known = self._read.get(path)
                item = known[1] if known and known[0] == state else looked_at(kind, name, path, found.st_size)
                item = replace(item, name=name)  # another of that name may have gone
                read[path] = (state, item)
                yield item
        self._read = read


def looked_at(kind: str, name: str, path: Path, size: int) -> Found:
    """What a header says about a LoRA, an embedding or a VAE."""
    try:
        header = read_header(path)
        if problem := _misplaced(kind, header):
            return Found(kind, name, path, size, problem=f"{path.name} {problem}")
    except BadCheckpoint as error:
        return Found(kind, name, path, size, problem=error.message, advice=error.advice)
    shapes = {key: tuple(item["shape"]) for key, item in header.tensors.items()}
    title = header.metadata.get("modelspec.title", "") or header.metadata.get("ss_output_name", "")
    quick = quick_defaults(path.stem) or quick_defaults(title) if kind == "lora" else None
    family = "" if kind == "vae" else base_of(shapes, header.metadata)
    return Found(kind, name, path, size, family, quick=quick)


def _misplaced(kind: str, header: Header) -> str:
    """A sentence if a file is plainly something else than its folder says."""
    if kind != "vae" and header.has("model.diffusion_model."):
        return "is a whole checkpoint; it belongs in models/Stable-diffusion"
    if kind == "vae" and not any("decoder." in key for key in header.tensors):
        return "has no decoder: it is not a VAE"
    if kind == "lora" and not layers_of(header.tensors)[0]:
        return f"is no LoRA: none of its {len(header.tensors):,} tensors has a name that LoRAs have"
    if kind == "embedding" and any("lora" in key for key in header.tensors):
        return "looks like a LoRA; it belongs in models/Lora"
    return ""


def writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK)


def is_others(folder: Path) -> bool:
    """Whether nothing should be written into a model's folder: it cannot be, or it is the Hugging Face cache's."""
    return not writable(folder) or folder.parent.name == "snapshots"

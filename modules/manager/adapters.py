"""Which LoRAs and textual inversions are on disk, by their headers alone."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from modules.adapters import embeddings, lora
from modules.adapters.embeddings import WantedEmbedding
from modules.adapters.files import AdapterFile, base_of
from modules.adapters.lora import WantedLora
from modules.core.errors import BadCheckpoint, BadRequest, BadSetting, UnknownName
from modules.core.family import Family
from modules.core.paths import readable
from modules.core.request import GenerationRequest
from modules.families.base import rest
from modules.families.header import PICKLES, read_header, refuse_pickle
from modules.manager.places import NAMES, hub_files, places
from modules.manager.walk import files_below
from modules.text.networks import take_lora_tags

LORAS = "Lora"  # Taffy's own folder of them
DIGITS = 12


@dataclass(frozen=True)
class Taken:
    """request: without the tags in its prompts. What the tags and the words of the prompts ask for."""

    request: GenerationRequest
    loras: tuple[WantedLora, ...]
    embeddings: tuple[WantedEmbedding, ...]


class Adapters:
    """The files below `Lora` and `embeddings` of several models folders. The list is always fresh."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def lora_names(self) -> tuple[str, ...]:
        """For lists: every file's name below its folder, without suffix."""
        return tuple(sorted(self.files("lora"), key=str.casefold))

    def embedding_names(self) -> tuple[str, ...]:
        return tuple(sorted(self.files("embedding"), key=str.casefold))

    def take(self, request: GenerationRequest) -> Taken:
        """What a request's prompts want. Tags of the prompt hold for the whole job; negative prompts have none.

        Raises UnknownName, BadRequest, BadCheckpoint, UnsafeFile.
        """
        prompt, tags = take_lora_tags(request.prompt)
        finer, others = take_lora_tags(request.hires_prompt)
        if request.hires_scale != 1 and set(others) - set(tags):
            raise BadRequest("the second pass uses the LoRAs of the prompt", "take the others out of the hires prompt")
        loras = tuple(WantedLora(self.lora(tag.name), tag.text, tag.denoiser) for tag in tags)
        text = "\n".join([prompt, finer, request.negative_prompt, request.hires_negative_prompt])
        return Taken(replace(request, prompt=prompt, hires_prompt=finer), loras, tuple(self._mentioned(text)))

    @contextmanager
    def applied(
        self, family: Family, request: GenerationRequest
    ) -> Iterator[tuple[GenerationRequest, Mapping[str, str]]]:
        """Apply what a request's prompts want; gives the request without its tags, and facts for the record.

        Raises as `take` and the adapters do.
        """
        taken = self.take(request)
        rest(family)
        with lora.applied(family, taken.loras) as loras, embeddings.applied(family, taken.embeddings) as words:
            try:
                yield taken.request, {**loras, **words}
            finally:
                rest(family)

    def lora(self, name: str) -> AdapterFile:
        """By name below its folder, file name or stem, in any case. Raises UnknownName, BadCheckpoint, UnsafeFile."""
        files = self.files("lora")
        wanted = name.casefold()
        for called in (
            lambda known, _: known == name,
            lambda known, _: known.casefold() == wanted,
            lambda _, path: wanted in {path.name.casefold(), path.stem.casefold()},
        ):
            for known, path in files.items():
                if called(known, path):
                    return _read(known, path)
        listed = ", ".join(sorted(files)[:20]) or f"none; put one into models/{LORAS}"
        raise UnknownName(f"there is no LoRA called {name!r:.200}", f"known: {listed:.1000}")

    def _mentioned(self, text: str) -> Iterator[WantedEmbedding]:
        """Embeddings whose stem stands in the text as a word; of two with one stem the first."""
        words: dict[str, tuple[str, Path]] = {}
        for name, path in self.files("embedding").items():
            words.setdefault(path.stem.casefold(), (name, path))
        for name, path in words.values():
            if re.search(rf"(?<!\w){re.escape(path.stem)}(?!\w)", text, re.IGNORECASE):
                yield WantedEmbedding(path.stem, _read(name, path))

    def files(self, kind: str) -> dict[str, Path]:
        """Name below the folder, without suffix -> path. A pickle whose safe form is there too is left out.

        Of two with one name in different folders the second is called by its folder too. kind: "lora" or "embedding".
        """
        safe: dict[str, Path] = {}
        pickled: dict[str, Path] = {}
        for root in self._roots(kind):
            for path in files_below(root):
                suffix = path.suffix.lower()
                if suffix in PICKLES | {".safetensors"}:
                    found = pickled if suffix in PICKLES else safe
                    name = path.relative_to(root).as_posix().removesuffix(path.suffix)
                    free = (one for one in (readable(name), readable(f"{root.name}/{name}")) if one not in found)
                    found[next(free, readable(str(path)))] = path
        cached = {name: path for models in self._folders for name, path in hub_files(models) if kind in name.casefold()}
        return cached | pickled | safe

    def _roots(self, kind: str) -> Iterator[Path]:
        """The folders of a kind, each once."""
        seen: set[Path] = set()
        for models in self._folders:
            with suppress(BadSetting):  # said in the list of checkpoints
                for root in places(models, kind):
                    if (real := root.resolve()) not in seen:
                        seen.add(real)
                        yield root


def _read(name: str, path: Path) -> AdapterFile:
    """Raises BadCheckpoint, UnsafeFile."""
    refuse_pickle(path)
    try:
        state = path.stat()
        return replace(_read_as_it_was(path, state.st_size, state.st_mtime_ns), name=name)
    except OSError as error:
        raise BadCheckpoint(f"{path.name} cannot be read: {error.strerror or error}") from error


@lru_cache(maxsize=64)
def _read_as_it_was(path: Path, size: int, modified: int) -> AdapterFile:
    """size, modified: in the key only, so that a file that changed is read again."""
    header = read_header(path)
    shapes: Mapping[str, tuple[int, ...]] = {key: tuple(item["shape"]) for key, item in header.tensors.items()}
    whole = path.parent.name.casefold() in NAMES["embedding"] or "lora" not in " ".join(shapes)
    said = header.metadata.get("sshs_model_hash", "")
    digest = said if re.fullmatch("[0-9a-f]{12,64}", said) else _digest(path, whole)
    return AdapterFile(path.stem, path, base_of(shapes, header.metadata), shapes, header.metadata, digest[:DIGITS])


def _digest(path: Path, whole: bool) -> str:
    """sha256 of an embedding's file, and of a LoRA's bytes behind its header, as A1111 writes them."""
    with path.open("rb") as file:
        file.seek(0 if whole else 8 + struct.unpack("<Q", file.read(8))[0])
        return hashlib.file_digest(file, "sha256").hexdigest()

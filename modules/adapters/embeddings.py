"""Textual inversion (Gal et al. 2022): a word in the prompt that stands for learned vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modules.adapters.files import AdapterFile
from modules.core.errors import BadRequest
from modules.core.family import Family
from modules.text.tokenizer import clip_tokenizer

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Embedding

MAX_VECTORS = 75  # a prompt window has room for no more
KEYS = {  # keys in files -> text encoder; other files have one tensor for the only one
    "clip_l": "text_encoder",
    "clip_g": "text_encoder_2",
    "text_encoders_0": "text_encoder",
    "text_encoders_1": "text_encoder_2",
}


@dataclass(frozen=True)
class WantedEmbedding:
    """word: as the prompt says it, in any case."""

    word: str
    file: AdapterFile


@contextmanager
def applied(family: Family, wanted: Sequence[WantedEmbedding]) -> Iterator[Mapping[str, str]]:
    """Let the words of prompts stand for the files' vectors; gives the facts for a picture's record ("TI hashes").

    Raises BadRequest by the file's name if one is for another family or its vectors have another width.
    """
    if not wanted:
        yield {}
        return
    from modules.adapters.token_table import Extended

    tables = _token_tables(family)
    extra: dict[str, list[Tensor]] = {part: [] for part in tables}
    words: dict[tuple[int, ...], tuple[int, ...]] = {}
    first = next(iter(tables.values()))[1].num_embeddings
    for each in wanted:
        vectors = _vectors(family, each, tables)
        count = len(next(iter(vectors.values())))
        tokens = tuple(clip_tokenizer().encode(each.word, add_special_tokens=False).ids)
        words[tokens] = tuple(range(first, first + count))
        first += count
        for part, rows in vectors.items():
            extra[part].append(rows)
    try:
        family.words = words
        for part, (owner, table) in tables.items():
            owner.token_embedding = Extended(table, extra[part])
        hashes = [f"{each.word.replace(':', '').replace(',', '')}: {each.file.hash}" for each in wanted]
        yield {"TI hashes": ", ".join(hashes)}
    finally:
        family.words = {}
        for owner, table in tables.values():
            owner.token_embedding = table


def _token_tables(family: Family) -> dict[str, tuple[Any, Embedding]]:
    """Text encoder -> the module that owns its table of token vectors, and the table."""
    from torch.nn import Embedding

    tables = {}
    for part, network in family.networks.items():
        for module in network.modules():
            if isinstance(table := getattr(module, "token_embedding", None), Embedding):
                tables[part] = (module, table)
    return tables


def _vectors(family: Family, wanted: WantedEmbedding, tables: Mapping[str, tuple[Any, Embedding]]) -> dict[str, Tensor]:
    """For each text encoder (vectors, width). Raises BadRequest."""
    name = wanted.file.path.name
    if misfit := wanted.file.misfit(family.card.family):
        raise BadRequest(f"the embedding {misfit}", "choose a checkpoint of that family, or take the word out")
    found = {KEYS.get(key, "text_encoder"): rows for key, rows in _read(wanted.file).items()}
    if found.keys() != tables.keys():
        raise BadRequest(f"the embedding {name} is for {_many(found)}, the checkpoint has {_many(tables)}")
    for part, rows in found.items():
        width = tables[part][1].embedding_dim
        if rows.shape[1] != width:
            raise BadRequest(
                f"the embedding {name} has vectors of width {rows.shape[1]}, the checkpoint's have {width}"
            )
    if len({len(rows) for rows in found.values()}) != 1 or not 0 < len(next(iter(found.values()))) <= MAX_VECTORS:
        raise BadRequest(f"the embedding {name} must have 1 to {MAX_VECTORS} vectors, as many for each text encoder")
    return found


def _many(parts: Mapping[str, object]) -> str:
    return "one text encoder" if len(parts) == 1 else f"{len(parts)} text encoders"


def _read(file: AdapterFile) -> dict[str, Tensor]:
    """The file's tensors as rows of vectors. Raises BadRequest."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    keys, sides = file.shapes.keys(), {len(shape) for shape in file.shapes.values()}
    if (len(keys) != 1 and not keys <= KEYS.keys()) or not keys or not sides <= {1, 2}:
        raise BadRequest(f"{file.path.name} is not a textual inversion: its tensors are {', '.join(keys)!s:.200}")
    try:
        tensors = load_file(file.path)
    except (SafetensorError, OSError) as error:
        raise BadRequest(f"the embedding {file.path.name} cannot be read: {error}", "download it again") from error
    return {key: rows if rows.ndim == 2 else rows[None] for key, rows in tensors.items()}

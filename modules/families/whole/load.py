"""From a folder to a pipeline: its networks one by one, then what holds them together. No code of the folder is run."""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from typing import Any

import diffusers
from diffusers import DiffusionPipeline
from torch import nn

from modules.core.errors import BadCheckpoint
from modules.core.family import CheckpointCard
from modules.families.device import Device
from modules.families.header import CHECKERS, Header
from modules.families.whole.family import PipelineFamily

_UNBUILDABLE = (TypeError, ValueError, KeyError, AttributeError, OSError, ImportError, NotImplementedError)


def load_pipeline_family(
    card: CheckpointCard, header: Header, device: Device
) -> Generator[tuple[int, int], None, PipelineFamily]:
    """Yields (bytes done, bytes in all) after each network, returns the family. Raises BadCheckpoint."""
    sizes = _sizes(header)
    done, total = 0, sum(sizes.values())
    yield done, total
    networks: dict[str, nn.Module] = {}
    for part in sizes:
        networks[part] = _network(header, part, device)
        done += sizes[part]
        yield done, total
    return PipelineFamily(card, _pipeline(header, networks, device), device)


def _sizes(header: Header) -> dict[str, int]:
    """Bytes in the files of each network."""
    sizes = dict.fromkeys(header.files, 0)
    for key, item in header.tensors.items():
        begin, end = item["data_offsets"]
        sizes[key.partition("/")[0]] += end - begin
    return sizes


def _network(header: Header, part: str, device: Device) -> nn.Module:
    library, name = header.configs["model_index"][part]
    home = import_module(library if library in {"diffusers", "transformers"} else f"diffusers.pipelines.{library}")
    variant = "fp16" if ".fp16" in header.files[part].name else None
    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "variant": variant}
    options["dtype"] = device.torch_dtype
    try:
        network: nn.Module = getattr(home, name).from_pretrained(header.path / part, **options)
    except _UNBUILDABLE as error:
        raise BadCheckpoint(f"the part {part} of {header.path.name} cannot be built: {error!s:.300}") from error
    return network.requires_grad_(False).eval().to(device.kind)


def _pipeline(header: Header, networks: dict[str, nn.Module], device: Device) -> Any:
    index = header.configs["model_index"]
    empty = [part for part, place in index.items() if isinstance(place, list) and place and place[0] is None]
    left_out = dict.fromkeys(part for part in (*CHECKERS, *empty) if part in index and part not in networks)
    try:
        pipeline = DiffusionPipeline.from_pretrained(
            str(header.path),
            **networks,
            **left_out,
            local_files_only=True,
            use_safetensors=True,
            dtype=device.torch_dtype,
        )
    except _UNBUILDABLE as error:
        raise BadCheckpoint(f"{header.path.name} cannot be put together: {error!s:.300}") from error
    assert isinstance(pipeline, getattr(diffusers, index["_class_name"]))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline

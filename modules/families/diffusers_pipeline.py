"""Any other model folder that diffusers can load: it runs in the pipeline the folder names, as a whole.

A family with a file of its own comes first: this one takes what is left.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from modules.core.errors import BadCheckpoint
from modules.core.family import CheckpointCard
from modules.families.base import FAMILIES, ShortHash, VaeFile
from modules.families.device import Device
from modules.families.header import Header
from modules.families.whole.card import card_of, pipeline_of

if TYPE_CHECKING:
    from modules.families.spare import Spare
    from modules.families.whole.family import PipelineFamily

NAME = "diffusers_pipeline"


class PipelineLoader:
    """The networks' code is imported when one is loaded."""

    def matches(self, header: Header) -> bool:
        others = (FAMILIES[name] for name in FAMILIES if name != NAME)
        return bool(pipeline_of(header)) and not any(other.matches(header) for other in others)

    def card(self, name: str, header: Header) -> CheckpointCard:
        return card_of(name, header)

    def load(
        self,
        name: str,
        header: Header,
        device: Device,
        short_hash: ShortHash,
        vae: VaeFile | None = None,
        spare: Spare | None = None,
    ) -> Generator[tuple[int, int], None, PipelineFamily]:
        from modules.families.whole.load import load_pipeline_family

        if vae is not None:
            raise BadCheckpoint(f"{name} runs as a whole and keeps its own VAE", "choose the VAE “automatic”")
        return (yield from load_pipeline_family(card_of(name, header), header, device))


FAMILIES.add(NAME, PipelineLoader())

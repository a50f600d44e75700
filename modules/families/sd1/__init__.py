"""Stable Diffusion 1.x (Rombach et al. 2022) of any width and depth, the starter checkpoint included."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from modules.core.family import CheckpointCard
from modules.families.base import FAMILIES, ShortHash
from modules.families.device import Device
from modules.families.header import Header
from modules.families.sd1.configs import card_of
from modules.families.sd1.layout import is_diffusers, is_ldm

if TYPE_CHECKING:
    from modules.families.sd1.family import Sd1


class Sd1Loader:
    """Recognises by names and shapes; the networks' code is imported when one is loaded."""

    def matches(self, header: Header) -> bool:
        return is_ldm(header) or is_diffusers(header)

    def card(self, name: str, header: Header) -> CheckpointCard:
        return card_of(name, header)

    def load(
        self, name: str, header: Header, device: Device, short_hash: ShortHash
    ) -> Generator[tuple[int, int], None, Sd1]:
        from modules.families.sd1.family import load_sd1

        return (yield from load_sd1(name, header, device, short_hash))


FAMILIES.add("sd1", Sd1Loader())

"""The `FamilyLoader` of a family with one kind or several. Importable without torch."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from modules.core.family import CheckpointCard
from modules.families.base import Prepared, ShortHash, VaeFile
from modules.families.device import Device
from modules.families.header import Header
from modules.families.unet.card import card_of
from modules.families.unet.kind import Kind

if TYPE_CHECKING:
    from modules.families.spare import Spare
    from modules.families.unet.family import UnetFamily


class UnetLoader:
    """Recognises by names and shapes; the networks' code is imported when one is loaded."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = kinds

    def matches(self, header: Header) -> bool:
        return any(kind.matches(header) for kind in self._kinds)

    def card(self, name: str, header: Header) -> CheckpointCard:
        return card_of(name, header, self._kind(header))

    def load(
        self,
        name: str,
        header: Header,
        device: Device,
        short_hash: ShortHash,
        vae: VaeFile | None = None,
        spare: Spare | None = None,
    ) -> Generator[tuple[int, int], None, UnetFamily]:
        from modules.families.unet.load import Files, load_unet_family

        def facts() -> dict[str, str]:
            known = short_hash()
            return ({"Model hash": known} if known else {}) | (vae.facts if vae else {})

        files = Files(header, vae.header if vae else None)
        return (yield from load_unet_family(name, files, self._kind(header), device, facts, spare))

    def prepare(self, header: Header, device: Device) -> Prepared:
        from modules.families.unet.load import prepare_unet_family

        return prepare_unet_family(header, self._kind(header), device)

    def _kind(self, header: Header) -> Kind:
        return next(kind for kind in self._kinds if kind.matches(header))

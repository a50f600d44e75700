"""Where a checkpoint's weights are while it paints: all on the device, or brought there when their turn comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from modules.families.device import Device

WHOLE, PARTS, BLOCKS = MODES = ("whole", "parts", "blocks")
TITLES = {WHOLE: "all on the device", PARTS: "part by part", BLOCKS: "block by block"}
GIGABYTE = 10**9


@dataclass(frozen=True)
class Placement:
    """mode: one of MODES. why: in plain words. room: bytes for weights on the device. work: bytes that a picture of the
    usual size needs beside them.
    """

    mode: str = WHOLE
    why: str = ""
    room: int = 0
    work: int = 0

    @property
    def title(self) -> str:
        return TITLES[self.mode]


def choose(sizes: Mapping[str, int], work: int, device: Device) -> Placement:
    """The largest mode that fits, or what was asked for; smaller by `device.tighter`, where memory ran out before.

    sizes: bytes of each network's weights. work: as in `Placement`.
    """
    best = replace(_asked_for(device) or _fitting(sizes, work, device), work=work)
    if not device.tighter or not device.apart:
        return best
    mode = MODES[min(MODES.index(best.mode) + device.tighter, len(MODES) - 1)]
    return replace(best, mode=mode, why="memory ran out with more of it on the device")


def _asked_for(device: Device) -> Placement | None:
    if device.offload != "automatic":
        return Placement(device.offload, "it was asked for")
    return None if device.apart else Placement(WHOLE, "this device computes in the computer's own memory")


def _fitting(sizes: Mapping[str, int], work: int, device: Device) -> Placement:
    free, weights = device.free(), sum(sizes.values())
    if free is None:
        return Placement(WHOLE, "this device does not say how much is free")
    wanted = f"its weights take {_gigabytes(weights)}, a picture about {_gigabytes(work)}; {_gigabytes(free)} are free"
    room = max(0, free - work)
    if weights <= room:
        return Placement(WHOLE, wanted, room)
    return Placement(PARTS if max(sizes.values()) <= room else BLOCKS, wanted, room)


def _gigabytes(size: int) -> str:
    return f"{size / GIGABYTE:.1f} GB"

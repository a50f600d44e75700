"""A piece of bench `upscale` in a process of its own: one picture for the memory, or one of each for the time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from PIL import Image

from modules.families.device import pick_device
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.upscalers import Upscalers

SCALE = 4
WARM = 96  # pixels of the picture that loads and warms everything


class Both:
    """The same network in our tiles and in its own call."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        device = pick_device(task["use_cpu"], task["precision"], "automatic")
        self._upscalers = Upscalers(UpscalerIndex([Path(task["models"])]), device, task["budget"])
        self._name = f"bench{task['blocks']}"
        self.tiled(noise(WARM))
        network = self._upscalers.network(self._name)
        assert network is not None, "it was used just now"
        self.network = network

    def tiled(self, picture: Image.Image) -> tuple[Image.Image, int]:
        """The larger picture, and in how many tiles it was made."""
        working = self._upscalers.upscale(picture, self._name, SCALE * picture.width, SCALE * picture.height)
        tiles = 0
        while True:
            try:
                tiles = next(working).steps
            except StopIteration as stop:
                return stop.value, tiles

    def untiled(self, side: int) -> int:
        """One call for a picture of this size. Returns the bytes of its pixels and of the answer's."""
        import torch

        with torch.inference_mode():
            pixels = torch.rand(1, 3, side, side)
            answer = self.network(pixels).float().cpu()
        return pixels.nbytes + answer.nbytes


def memory(both: Both, what: str, blocks: int, side: int) -> dict[str, Any]:
    """Bytes that the peak of resident memory grew by: work, until the picture is there, without what is kept of it;
    growth, in all, with its bytes at the end."""
    before = peak_from_now()
    began = perf_counter()
    if what == "tiled":
        picture = noise(side)
        larger, tiles = both.tiled(picture)
        kept = 4 * (picture.width * picture.height + larger.width * larger.height)  # Pillow: 4 bytes a pixel
        work = status("VmHWM") - before - kept
        larger.tobytes()
        name, done = f"{side}, {blocks} blocks, in tiles", f"{tiles} tiles, "
    else:
        kept = both.untiled(side)
        work = status("VmHWM") - before - kept
        name, done = f"{side}, {blocks} blocks, untiled", ""
    seconds = perf_counter() - began
    return {"growth": status("VmHWM") - before, "work": work, "facts": {name: f"{done}{seconds:.0f} s"}}


def turns(both: Both, side: int, number: int) -> dict[str, Any]:
    """Seconds of both for one picture, the other one first every other time."""
    picture = noise(side)
    ways: dict[str, Callable[[], object]] = {"ours": lambda: both.tiled(picture), "theirs": lambda: both.untiled(side)}
    seconds: dict[str, Any] = {}
    for name in list(ways)[:: 1 if number % 2 else -1]:
        began = perf_counter()
        ways[name]()
        seconds[name] = perf_counter() - began
    network = both.network
    facts = {"network": f"{network.title}, {network.dtype}", "device": network.model.device.type}
    return {**seconds, "facts": facts}


def noise(side: int) -> Image.Image:
    return Image.effect_noise((side, side), 60).convert("RGB")


def peak_from_now() -> int:
    """Begin the peak of this process's resident memory anew; bytes there are now."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def status(name: str) -> int:
    """Bytes of this process, as Linux counts them."""
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    both = Both(task)
    measure = turns(both, task["side"], task["number"]) if task["what"] == "turns" else None
    print(json.dumps(measure or memory(both, task["what"], task["blocks"], task["side"])))

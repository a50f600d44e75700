"""The one owner of upscaling networks: at most one is loaded, by name. Makes pictures of any size with any of them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from time import monotonic

from PIL import Image

from modules.core.events import Frame
from modules.core.scarcity import is_lack_of_memory
from modules.core.upscaling import UpscaleRequest
from modules.families.device import Device
from modules.manager.memory import out_of_memory
from modules.upscalers.base import NEAREST, NO_UPSCALER, Upscaler
from modules.upscalers.glimpse import Glimpse
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.memory import bytes_a_pixel
from modules.upscalers.network import Network, load_network
from modules.upscalers.opacity import bled, with_opacity_of
from modules.upscalers.plan import spans, tile_side
from modules.upscalers.size import Size, check_pixels, passes, target
from modules.upscalers.tiles import enlarge

CPU_BUDGET = 2**30  # bytes of work memory
GPU_BUDGET = 4 * 2**30  # at most, and no more than half of what is free
SMALLER = 4  # times, after memory ran out in spite of the budget


@dataclass(frozen=True)
class Tile:
    """Tile `step` (1-based) of `steps` is done and took so many seconds. frame: the picture so far, now and then."""

    step: int
    steps: int
    seconds: float
    frame: Frame | None = None


class Upscalers:
    """Enlarges pictures. budget: bytes of memory that the work on a tile may take; 0 leaves the choice to the device.

    A tile has at least 48 pixels a side, whatever the budget.
    """

    def __init__(self, index: UpscalerIndex, device: Device, budget: int = 0) -> None:
        self._index = index
        self._device = device
        self._budget = budget
        self._entry: Upscaler | None = None
        self._network: Network | None = None
        self._costs: dict[Upscaler, float] = {}  # bytes a pixel

    def network(self, name: str) -> Network | None:
        """The network of that upscaler if it is the one that is loaded, as it is after its use."""
        return self._network if self._entry and self._entry.name == name else None

    def names(self) -> tuple[str, ...]:
        """Those that work on pictures and can be used."""
        return tuple(one.name for one in self._index.entries() if one.kind == "pixels" and not one.problem)

    def unload(self) -> None:
        """Give the memory of the network back."""
        self._entry = self._network = None
        self._device.empty()

    def run(self, image: Image.Image, request: UpscaleRequest) -> Generator[Tile, None, Image.Image]:
        """The picture a request asks for. image: RGB or RGBA, which it stays.

        Raises UnknownName, BadCheckpoint, UnsafeFile, OutOfMemory; BadRequest for a size above 64 megapixels.
        """
        wanted = target(image.size, request)
        names = [request.upscaler, *([request.second_upscaler] if has_second(request) else [])]
        pictures = yield from self._all(image, names, wanted.enlarged)
        mixed = pictures[0] if len(pictures) == 1 else Image.blend(pictures[0], pictures[1], request.second_share)
        left, top = ((now - cut) // 2 for now, cut in zip(wanted.enlarged, wanted.cut, strict=True))
        whole = wanted.enlarged == wanted.cut
        return mixed if whole else mixed.crop((left, top, left + wanted.cut[0], top + wanted.cut[1]))

    def upscale(self, image: Image.Image, name: str, width: int, height: int) -> Generator[Tile, None, Image.Image]:
        """One picture to exactly this size, stretched if it has another shape. Raises as `run` does."""
        check_pixels((width, height))
        return (yield from self._all(image, [name], (width, height)))[0]

    def _all(self, image: Image.Image, names: list[str], size: Size) -> Generator[Tile, None, list[Image.Image]]:
        """By each of the upscalers. Where memory runs out in spite of the budget: once more, in smaller tiles."""
        for smaller in (1, SMALLER):
            try:
                return (yield from self._counted(image, names, size, smaller))
            except (RuntimeError, MemoryError) as error:
                if not is_lack_of_memory(error):
                    raise
                if smaller == SMALLER:
                    raise out_of_memory(f"a picture of {size[0]} × {size[1]} pixels", self._device.kind) from error
            self.unload()
        raise AssertionError("the second turn returns or raises")

    def _counted(
        self, image: Image.Image, names: list[str], size: Size, smaller: int
    ) -> Generator[Tile, None, list[Image.Image]]:
        """Each step is a tile. All are counted first, so that the last upscaler is loaded when its turn comes first."""
        entries = [self._index.find(name, "pixels") for name in names]
        steps = sum(self._steps(entry, image.size, size, smaller) for entry in entries)
        colours, glimpse = bled(image), Glimpse(image, size)
        results: list[Image.Image] = []
        step, before = 0, monotonic()
        for entry in reversed(entries):
            working = self._one(colours, entry, size, glimpse, smaller)
            while True:
                try:
                    next(working)
                except StopIteration as stop:
                    results.insert(0, with_opacity_of(stop.value, image, method_of(entry)))
                    break
                step, seconds, before = step + 1, monotonic() - before, monotonic()
                yield Tile(step, steps, seconds, glimpse.frame())
        return results

    def _steps(self, entry: Upscaler, source: Size, size: Size, smaller: int) -> int:
        if entry.path is None:
            return 1
        network, side = self._use(entry, smaller)
        sizes = [source, *passes(source, size, network.scale)]
        return sum(len(spans(width, side)) * len(spans(height, side)) for width, height in sizes[:-1])

    def _one(
        self, picture: Image.Image, entry: Upscaler, size: Size, glimpse: Glimpse, smaller: int
    ) -> Generator[None, None, Image.Image]:
        """An RGB picture by one upscaler. Yields after every tile."""
        if entry.path is None:
            yield
            larger = entry.enlarge(picture, *size).convert("RGB") if entry.enlarge else picture
            return larger.resize(size, method_of(entry))
        network, side = self._use(entry, smaller)
        for wanted in passes(picture.size, size, network.scale):
            for growing, box in enlarge(picture, network, network.scale, wanted, side):
                glimpse.add(growing, box)
                yield
            picture = growing
        return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)

    def _use(self, entry: Upscaler, smaller: int) -> tuple[Network, int]:
        """The network, loaded after the other one's memory was given back; and the side of tiles that fit."""
        if entry != self._entry or self._network is None:
            self.unload()
            self._network = load_network(entry, self._device)
            self._entry = entry
        if entry not in self._costs:
            self._costs[entry] = bytes_a_pixel(self._network)
        return self._network, tile_side((self._budget or budget(self._device)) // smaller, self._costs[entry])


def budget(device: Device) -> int:
    """Bytes for the work on a tile."""
    if not device.apart:
        return CPU_BUDGET
    free = device.free()
    return GPU_BUDGET if free is None else min(GPU_BUDGET, free // 2)


def has_second(request: UpscaleRequest) -> bool:
    return request.second_upscaler not in {"", NO_UPSCALER} and request.second_share > 0


def method_of(entry: Upscaler) -> Image.Resampling:
    """How opacity is enlarged, and colours where the upscaler has no network."""
    return Image.Resampling.NEAREST if entry.name == NEAREST else Image.Resampling.LANCZOS

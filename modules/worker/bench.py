"""What an extension's worker half works with while it answers a question."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from torch import Tensor

from modules.core.events import Event
from modules.core.family import Family
from modules.core.request import GenerationRequest
from modules.engine.engine import Engine
from modules.engine.finish import decode_picture
from modules.hooks.engine_host import EngineHost
from modules.hooks.engine_values import QuickLook
from modules.manager.manager import Manager
from modules.manager.vaes import AUTOMATIC
from modules.preview.base import Places
from modules.preview.frame import to_frame
from modules.preview.linear import Linear


class QuickLooks:
    """`QuickLook` by the linear preview. Time spent in here is ours, not the extension's."""

    def __init__(self, host: EngineHost, models: Sequence[Path], cache: Path) -> None:
        self._host = host
        self._linear = Linear(Places(cache, tuple(models)))

    def __call__(self, family: Family, latents: Tensor) -> Image.Image:
        with self._host.ours():
            return Image.open(BytesIO(to_frame(self._linear.pixels(family, latents), "linear").jpeg))


class EngineBench:
    """`Bench` over the engine. Time spent in here is ours, not the extension's."""

    def __init__(
        self, manager: Manager, engine: Engine, host: EngineHost, models: Sequence[Path], quick_look: QuickLook
    ) -> None:
        self._models = models
        self._quick_look = quick_look
        self._manager = manager
        self._engine = engine
        self._host = host

    @property
    def models(self) -> tuple[Path, ...]:
        """The models folders, as they are now."""
        return tuple(self._models)

    @contextmanager
    def family(self, checkpoint: str, prompt: str = "", vae: str = AUTOMATIC) -> Iterator[Family]:
        """A checkpoint, with the LoRAs and learned words that a prompt names applied."""
        with self._host.ours():
            family = self._loaded(checkpoint, vae)
            applied = self._manager.adapters.applied(family, GenerationRequest(prompt))
            applied.__enter__()
        try:
            yield family
        finally:
            applied.__exit__(None, None, None)

    def _loaded(self, checkpoint: str, vae: str) -> Family:
        loading = self._engine.load("question", checkpoint, vae)
        while True:
            try:
                next(loading)
            except StopIteration as stop:
                family: Family = stop.value
                return family

    def picture(self, family: Family, latents: Tensor, quick: bool = False) -> Image.Image:
        """What latents look like."""
        if quick:
            return self._quick_look(family, latents)
        with self._host.ours():
            return decode_picture(family, latents)

    def generate(
        self, request: GenerationRequest, inputs: Mapping[str, bytes], packed: Mapping[str, bytes]
    ) -> Generator[Event, None, None]:
        """The events of a request made here and now."""
        events = iter(self._engine.generate("question", request, inputs, packed))
        while True:
            with self._host.ours():
                event = next(events, None)
            if event is None:
                return
            yield event

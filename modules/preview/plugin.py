"""Shows each step to the people who watch: which method, how often. A plugin like any other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from modules.core.events import Frame
from modules.core.family import Family
from modules.core.moments import StepState
from modules.hooks import hookimpl
from modules.preview.base import PREVIEWS, Places, Preview
from modules.preview.frame import to_frame
from modules.preview.linear import Linear

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PREVIEWS", "PreviewPlugin"]

INTERVAL = 1 / 8  # seconds between two frames
FULL_BUDGET = 0.06  # seconds one decode of the whole VAE may take for "automatic"
CHEAP = ("taesd", "linear")  # what "automatic" shows otherwise, best first
PROBE = 8  # cells of a side of the small decode that tells whether a large one is worth trying
log = logging.getLogger(__name__)


class PreviewPlugin:
    """cache_dir: where fits are kept. models_dirs: where `VAE-approx` may be. clock: seconds, only ever rising."""

    def __init__(
        self,
        cache_dir: Path,
        models_dirs: Sequence[Path] = (),
        clock: Callable[[], float] = perf_counter,
        full_budget: float = FULL_BUDGET,
    ) -> None:
        places = Places(cache_dir, tuple(models_dirs))
        self._linear = Linear(places)
        self._places = places
        self._made: dict[object, Preview] = {PREVIEWS["linear"]: self._linear}
        self._clock = clock
        self._full_budget = full_budget
        self._shown = -inf
        self._measured: tuple[object, float] = (None, inf)

    @hookimpl
    def show_step(self, state: StepState, family: Family) -> Frame | None:
        """The estimate of the finished picture; None when nobody wants one or the last is too fresh.

        The last step is always shown, and its latents teach the linear map.
        """
        last = state.step == state.steps - 1
        if state.request.preview == "off" or state.prediction is None:
            return None
        if not last and self._clock() - self._shown < INTERVAL:
            return None
        latents = state.prediction.x0
        name = self._method(state.request.preview, family, latents)
        frame = to_frame(self._method_called(name).pixels(family, latents), name)
        if last and name == "linear":
            log.info("linear preview: R2 on this picture %s", self._linear.learn(family, latents))
        self._shown = self._clock()
        return frame

    def _method(self, wanted: str, family: Family, latents: Tensor) -> str:
        """A name in `PREVIEWS`: the one asked for if it can show this, else the best that is cheap."""
        if wanted != "automatic":
            name = PREVIEWS.canonical(wanted)
            return name if self._method_called(name).suits(family) else "linear"
        if self._full_seconds(family, latents) < self._full_budget:
            return "full"
        return next(name for name in CHEAP if name in PREVIEWS and self._method_called(name).suits(family))

    def _method_called(self, name: str) -> Preview:
        """Extensions may have added or taken away some since the last step."""
        make = PREVIEWS[name]
        if make not in self._made:
            self._made[make] = make(self._places)
        return self._made[make]

    def _full_seconds(self, family: Family, latents: Tensor) -> float:
        """What decoding these latents takes, measured once for each VAE and size.

        A small decode comes first: at 512x512 the whole one may take longer than a step.
        """
        key = (family.vae_key, latents.shape)
        if self._measured[0] != key:
            small = latents[:1, :, :PROBE, :PROBE]
            seconds = self._decode_seconds(family, small) * latents[:, 0].numel() / small[:, 0].numel()
            if seconds < 4 * self._full_budget:
                seconds = self._decode_seconds(family, latents)
            self._measured = (key, seconds)
        return self._measured[1]

    def _decode_seconds(self, family: Family, latents: Tensor) -> float:
        """Of the second time: the first one pays for preparations."""
        family.decode(latents).cpu()
        started = self._clock()
        family.decode(latents).cpu()
        return self._clock() - started

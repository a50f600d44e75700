"""Which style mode does what to the loop: comes before it, takes its place, or rides along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from modules.core.events import Event
from modules.core.family import Family
from modules.core.request import GenerationRequest
from modules.engine.plan import Plan
from modules.engine.style.inject import KnownStyles, inject
from modules.engine.style.ip import riding
from modules.engine.style.job import StyleJob, coloured
from modules.engine.style.series import series
from modules.hooks.engine_host import Moments
from modules.style.presets import with_preset


class StyleModes:
    """The style half of an engine. models: where IP-Adapters may be. Remembers the styles it has inverted."""

    def __init__(self, moments: Moments, models: Sequence[Path]) -> None:
        self._moments = moments
        self._models = models
        self._known = KnownStyles()

    def job(self, task: str, request: GenerationRequest, inputs: Mapping[str, bytes]) -> StyleJob:
        """Any request, its preset's words said. Raises UnknownName."""
        adapters = tuple(part.split(">")[0] for part in request.prompt.split("<")[1:])
        return StyleJob(task, with_preset(request), inputs, self._moments, adapters)

    def without_checkpoint(self, job: StyleJob) -> Iterator[Event] | None:
        """The events of a mode that asks no network, else None."""
        return coloured(job) if job.request.style_mode == "colour" else None

    def instead(self, job: StyleJob, family: Family) -> Iterator[Event] | None:
        """The events of a mode with a loop of its own, else None."""
        match job.request.style_mode:
            case "inject":
                return inject(job, family, self._known)
            case "series":
                return series(job, family)
            case _:
                return None

    @contextmanager
    def beside(self, job: StyleJob, family: Family) -> Iterator[Callable[[Plan], Plan]]:
        """What rides along with the ordinary loop: within it plans must be passed through the function."""
        if job.request.style_mode == "adapter":
            with riding(job, family, self._models) as tokens:
                yield tokens.dressed
        else:
            yield lambda work: work

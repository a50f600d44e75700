"""A running job tells its front half how far it is: the steps that are new, in small pieces, some in a second at most.

Whatever the engine has told is on disk before the step counts as done for those who watch. Nothing is asked of the
network for it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from math import hypot, inf
from time import monotonic
from typing import Any

import torch
from torch import Tensor

from modules.hooks import EngineJob, Family, StepState, Technique

from .channels import channels
from .pieces import Sofar
from .recorder import MOST_BYTES, Inside
from .watching import Watching

QUALITY = 80  # of a JPEG
WATCH = "watch"  # what the front half says


class Telling(Technique):
    """Reads what recorder and watching collect for the batch at work. every: seconds between two pieces.

    join: lets another technique take part from now on.
    """

    def __init__(
        self, job: EngineJob, family: Family, recorder: Inside, watching: Watching | None, every: float
    ) -> None:
        self._job, self._family, self._recorder, self._watching = job, family, recorder, watching
        self._every = every
        self.join: Callable[[Technique], None] = lambda one: None
        self._begin()

    def _begin(self) -> None:
        self._start: tuple[Tensor, float] | None = None
        self._told, self._words, self._bytes = 0, 0, 0
        self._at = -inf

    def after_call(self, state: StepState) -> None:
        if self._start is None:
            self._start = state.x.clone(), state.sigma

    def after_step(self, state: StepState) -> None:
        """A piece with what is new, if the last one is old enough. Somebody may want the words from here on."""
        if WATCH in list(self._job.heard()) and self._watching is None:
            self._watching = Watching(self._job, self._family, late=True)
            self.join(self._watching)
        calls = self._recorder.calls[self._told :]
        if not calls or monotonic() - self._at < self._every:
            return
        self._bytes += sum(call.x0.nbytes for call in calls)
        if self._bytes > MOST_BYTES:  # the record will not be kept either
            return
        self._at = monotonic()
        record = self._recorder.record(calls)
        lines = self._watching.first_lines[self._words :] if self._watching else ()
        newest = torch.from_numpy(calls[-1].x0[record.row(record.seed)].copy())[None]
        looks = ((calls[-1].step, self._look(newest)),) if self._job.quick_look else ()
        start = self._started(record.row(record.seed)) if not self._told else None
        piece = Sofar(record, looks, tuple(lines), start)
        self._job.attach(piece.key, piece.packed())
        self._told += len(calls)
        self._words += len(lines)

    def _started(self, row: int) -> dict[str, Any]:
        """What the batch's first picture began with, as the page shows pieces of a step."""
        assert self._start is not None  # a call was made
        x, sigma = self._start
        src = self._look(x[row][None] / hypot(1, sigma)) if self._job.quick_look else ""  # as bright as a picture's
        return {"name": "start", "channels": channels(x[row].float().cpu().numpy()), "src": src}

    def _look(self, latents: Tensor) -> str:
        assert self._job.quick_look is not None
        file = BytesIO()
        self._job.quick_look(self._family, latents.to(self._family.device)).save(file, "JPEG", quality=QUALITY)
        return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"

    def before_decode(self, latent: Tensor, index: int) -> None:
        """The batch is done; its record says the rest."""
        self._begin()

"""The worker half's extensions: the moments of the loop, techniques, tables and answers. Knows which one is at work."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Thread, get_ident
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pluggy
from PIL import Image

from modules.core.errors import BadExtension, TaffyError
from modules.core.events import Answered, Attached, Frame, Told
from modules.core.extensions import Fault, Message
from modules.core.family import Family
from modules.core.moments import StepState, Turn
from modules.core.request import GenerationRequest
from modules.hooks.engine_values import Bench, EngineJob, Question, QuickLook, Technique
from modules.hooks.host import Answer, Host, call, of_kind
from modules.hooks.limit import Late, stack_of

if TYPE_CHECKING:
    from torch import Tensor

TICK = 0.25  # seconds between two looks at the clock
ENTER = 10  # times as long as any other hook: a technique may have to load weights
TABLES = ("samplers", "schedules", "families", "previews", "kernels", "upscalers")
Changing = Literal["before_predict", "after_predict"]
Looking = Literal["after_call", "after_step"]


class Moments(Protocol):
    """What the loop asks at its moments: of everybody, and of this job's techniques."""

    def fold(self, moment: Changing, state: StepState) -> StepState: ...
    def notice(self, moment: Looking, state: StepState) -> None: ...
    def change_latent(self, latent: Tensor, request: GenerationRequest, index: int) -> Tensor: ...
    def change_image(self, image: Image.Image, request: GenerationRequest, index: int = 0) -> Image.Image: ...
    def show_step(self, state: StepState, family: Family) -> Frame | None: ...
    def facts(self) -> Mapping[str, str]: ...
    def turns(self) -> Sequence[Turn]: ...


@dataclass(frozen=True)
class AtWork:
    """Whose code runs, which hook, since when (monotonic seconds), for how long it may."""

    extension: str
    hook: str
    since: float
    seconds: float


class EngineHost(Host):
    half = "engine"

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """As `Host`."""
        super().__init__(*arguments, **keywords)
        self._at_work: list[AtWork | None] = []  # None while an extension waits for our own code
        self._thread = 0
        self._jobs: list[EngineJob] = []  # of techniques at work
        self.tables_changed: Callable[[], None] = lambda: None

    def watch(self, report: Callable[[Fault], None]) -> None:
        """From now on a hook that takes too long is reported, from another thread; the hook itself cannot be ended."""
        Thread(target=self._watch, args=(report, Flag()), daemon=True, name="extension watch").start()

    def _watch(self, report: Callable[[Fault], None], never: Flag) -> None:
        while not never.wait(TICK):
            work = self._at_work[-1] if self._at_work else None
            if work and monotonic() - work.since > work.seconds:
                self.fault(work.extension, work.hook, Late(stack_of(self._thread)))
                report(self._faults[work.extension, work.hook])
                return

    def _within_limit(self, name: str, hook: str, act: Callable[[], Answer]) -> Answer:
        seconds = self.seconds * (ENTER if hook in {"load", "technique"} else 1)
        self._thread = get_ident()
        self._at_work.append(AtWork(name, hook, monotonic(), seconds))
        try:
            return act()
        finally:
            self._at_work.pop()

    @contextmanager
    def ours(self) -> Iterator[None]:
        """An extension waits for our own code: its clock stands still."""
        self._at_work.append(None)
        try:
            yield
        finally:
            self._at_work.pop()
            if self._at_work and (work := self._at_work[-1]):
                self._at_work[-1] = AtWork(work.extension, work.hook, monotonic(), work.seconds)

    def _changed(self) -> None:
        self.tables_changed()

    def tables(self, hook: str) -> dict[str, tuple[str, Any]]:
        """What extensions add to a table: name -> (extension, thing). hook: one of TABLES."""
        found: dict[str, tuple[str, Any]] = {}
        for one in self._implementations(hook):
            things = self._ask(one, dict) or {}
            found |= {name: (one.plugin_name, thing) for name, thing in things.items() if name not in found}
        return found

    def fold(self, moment: Changing, state: StepState) -> StepState:
        """Pass the state through everybody: each gets what the one before returned."""
        for implementation in self._implementations(moment):
            state = self._ask(implementation, StepState, state=state) or state
        return state

    def notice(self, moment: Looking, state: StepState) -> None:
        """Show the state to everybody."""
        for implementation in self._implementations(moment):
            self._ask(implementation, object, state=state)

    def change_latent(self, latent: Tensor, request: GenerationRequest, index: int) -> Tensor:
        """Pass a finished latent (1, c, h, w) through everybody's `before_decode`."""
        for implementation in self._implementations("before_decode"):
            changed = self._ask(implementation, type(latent), latent=latent, request=request)
            latent = latent if changed is None else changed
        return latent

    def change_image(self, image: Image.Image, request: GenerationRequest, index: int = 0) -> Image.Image:
        """Pass a finished picture through everybody's `after_decode`."""
        for implementation in self._implementations("after_decode"):
            image = self._ask(implementation, Image.Image, image=image, request=request) or image
        return image

    def show_step(self, state: StepState, family: Family) -> Frame | None:
        """The first preview anybody makes of this step."""
        for implementation in self._implementations("show_step"):
            if frame := self._ask(implementation, Frame, state=state, family=family):
                return frame
        return None

    def facts(self) -> Mapping[str, str]:
        return {}

    def turns(self) -> Sequence[Turn]:
        return ()

    @contextmanager
    def working(self, order: JobOrder, family: Family) -> Iterator[JobMoments]:
        """The moments of one job, with the techniques that want to take part; they leave in reverse order."""
        entered: list[Working] = []
        try:
            for one in self._implementations("technique"):
                job, name = order.job_of(one.plugin_name), one.plugin_name
                act = partial(_entered, one, job=job, family=family)
                if made := self.guarded(name, "technique", act, passing=(TaffyError,)):
                    entered.append(Working(name, made, job))
                    self._jobs.append(job)
            yield JobMoments(self, tuple(entered))
        finally:
            for working in reversed(entered):
                self._jobs.remove(working.job)
                leave = partial(working.technique.__exit__, None, None, None)
                self.guarded(working.extension, "technique", leave)

    def say(self, task: str, extension: str, message: Message) -> None:
        """Something for an extension's technique at work. Callable from any thread."""
        for job in tuple(self._jobs):
            if (job.id, job.extension) == (task, extension):
                job.inbox.append(message)

    def asked(self, working: Working, method: str, kind: type[Answer], *values: object) -> Answer | None:
        """What a technique answers, unless its extension was switched off meanwhile. Its TaffyErrors end the job."""
        name = working.extension
        if name in self.off:
            return None

        def act() -> Answer | None:
            return of_kind(getattr(working.technique, method)(*values), kind)

        return self.guarded(name, f"technique.{method}", act, passing=(TaffyError,))

    def answers(self, extension: str, question: Question, bench: Bench) -> Generator[Answered, None, None]:
        """What an extension's worker half answers. Raises BadExtension if it cannot."""
        for one in self._implementations("answer"):
            if one.plugin_name == extension:
                break
        else:
            raise BadExtension(f"the extension {extension!r:.60} has no worker half that answers", "is it switched on?")
        told = self._or_refuse(extension, lambda: iter(call(one, question=question, bench=bench)))
        done = object()
        while (piece := self._or_refuse(extension, lambda: next(told, done))) is not done:
            answered = self._or_refuse(extension, partial(of_kind, piece, Answered))
            assert answered is not None
            yield answered

    def _or_refuse(self, extension: str, act: Callable[[], Any]) -> Any:
        """Raises BadExtension with the fault's sentence, and what it refuses with."""
        before = self._faults.get((extension, "answer"))
        answer = self.guarded(extension, "answer", act, passing=(TaffyError,))
        fault = self._faults.get((extension, "answer"))
        if fault is not None and fault is not before:
            raise BadExtension(fault.message, "the Extensions page has the details for its author")
        return answer


@dataclass(frozen=True)
class JobOrder:
    """A job as the worker got it, before it is shown to extensions. packed: by "<extension>.<name>".

    first: index in the whole job of this part's picture 0. quick_look: as in `EngineJob`.
    """

    id: str
    request: GenerationRequest
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    packed: Mapping[str, bytes] = field(default_factory=dict)
    models: Sequence[Path] = ()
    first: int = 0
    quick_look: QuickLook | None = None

    def job_of(self, extension: str) -> EngineJob:
        own = {key.partition(".")[2]: data for key, data in self.packed.items() if key.startswith(f"{extension}.")}
        given = self.request, self.inputs, own, tuple(self.models), self.first, self.quick_look
        return EngineJob(self.id, extension, *given)


@dataclass(frozen=True)
class Working:
    """A technique that takes part in a job."""

    extension: str
    technique: Technique
    job: EngineJob


class JobMoments:
    """The moments of one job: everybody's hooks, then its techniques."""

    def __init__(self, host: EngineHost, techniques: Sequence[Working]) -> None:
        self._host = host
        self._techniques = techniques

    def news(self) -> Iterator[Told | Attached]:
        """What techniques said and kept since the last time."""
        for working in self._techniques:
            while working.job.outbox:
                yield working.job.outbox.pop(0)

    def fold(self, moment: Changing, state: StepState) -> StepState:
        state = self._host.fold(moment, state)
        for working in self._techniques:
            state = self._host.asked(working, moment, StepState, state) or state
        return state

    def notice(self, moment: Looking, state: StepState) -> None:
        self._host.notice(moment, state)
        for working in self._techniques:
            self._host.asked(working, moment, object, state)

    def change_latent(self, latent: Tensor, request: GenerationRequest, index: int) -> Tensor:
        latent = self._host.change_latent(latent, request, index)
        for working in self._techniques:
            changed = self._host.asked(working, "before_decode", type(latent), latent, index)
            latent = latent if changed is None else changed
        return latent

    def change_image(self, image: Image.Image, request: GenerationRequest, index: int = 0) -> Image.Image:
        image = self._host.change_image(image, request, index)
        for working in self._techniques:
            image = self._host.asked(working, "after_decode", Image.Image, image, index) or image
        return image

    def show_step(self, state: StepState, family: Family) -> Frame | None:
        return self._host.show_step(state, family)

    def facts(self) -> Mapping[str, str]:
        told: dict[str, str] = {}
        for working in self._techniques:
            told |= self._host.asked(working, "facts", dict) or {}
        return {str(key): str(value) for key, value in told.items()}

    def turns(self) -> Sequence[Turn]:
        """Of all techniques, in order."""
        asked = [self._host.asked(working, "turns", tuple) or () for working in self._techniques]
        return sorted((turn for turns in asked for turn in turns), key=lambda turn: turn.step)


def _entered(implementation: pluggy.HookImpl, **values: object) -> Technique | None:
    """A technique, at work."""
    made = of_kind(call(implementation, **values), Technique)
    if made is not None:
        made.__enter__()
    return made

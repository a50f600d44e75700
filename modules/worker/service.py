"""The worker half of Taffy, wired once: what happens for each kind of task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import torch

from modules.attention.base import KERNELS
from modules.attention.measured import Measured
from modules.core.errors import OutOfMemory, TaffyError
from modules.core.events import Described, Event, Failed, Faulted, Finished, Loaded, PictureMade, WorkerCard
from modules.core.extensions import Fault, Message
from modules.core.scarcity import is_lack_of_memory
from modules.core.task import Ask, Attend, Encode, Generate, Load, LookIn, Switch, Task, Unload, Upscale, rest_of
from modules.engine.engine import Engine, moved
from modules.families import FAMILIES
from modules.families.base import placement_of
from modules.families.device import pick_device
from modules.hooks.engine_host import EngineHost
from modules.hooks.engine_values import Question
from modules.manager.index import Index
from modules.manager.manager import Manager
from modules.manager.memory import out_of_memory, ram_budget
from modules.preview.plugin import PREVIEWS, PreviewPlugin
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES
from modules.upscalers.answer import answer
from modules.upscalers.base import UPSCALERS
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.upscalers import Upscalers
from modules.worker.bench import EngineBench, QuickLooks
from modules.worker.compiled import keep_compiled
from modules.worker.config import WorkerConfig
from modules.worker.tables import Tables

log = logging.getLogger(__name__)


class Service:
    """Owns the weights of one device and answers tasks one after the other."""

    def __init__(self, config: WorkerConfig) -> None:
        if config.threads:
            torch.set_num_threads(config.threads)
        measured = Measured(Path(config.cache_dir) / "attention.json")
        room = config.device_budget * 10**9
        device = pick_device(config.use_cpu, config.precision, config.attention, measured, room)
        self._device = replace(device, compiled=config.compiled, offload=config.offload)
        keep_compiled(Path(config.cache_dir))
        models = self._models = [Path(folder) for folder in config.models_dirs]
        folders = [Path(folder) for folder in config.extension_dirs]
        self._host = EngineHost(folders, config.safe_mode, config.extensions_off, config.hook_seconds)
        self._host.register(PreviewPlugin(Path(config.cache_dir), models), "preview")
        ram = ram_budget(config.ram_budget) // config.devices
        copies = config.prepared_copies * 10**9
        self._manager = Manager(Index(models), self._device, Path(config.cache_dir), ram, copies)
        self._upscalers = Upscalers(UpscalerIndex(models), self._device)
        quick_look = QuickLooks(self._host, models, Path(config.cache_dir))
        self._engine = Engine(self._manager, self._host, self._upscalers, models, quick_look)
        self._bench = EngineBench(self._manager, self._engine, self._host, models, quick_look)
        self._tables = Tables(self._host)
        self._host.tables_changed = self._renew_tables

    def watch(self, report: Callable[[Fault], None]) -> None:
        """Have hooks that do not come back reported, by another thread."""
        self._host.watch(report)

    def run(self, task: Task) -> Generator[Event, None, None]:
        """The task's events. Errors become `Failed`: this is the job worker's catch-all."""
        try:
            if not isinstance(task, Switch):  # that one says what not to load
                self._host.load()
            for event in self._events(task):
                yield from self._faults(task.id)
                yield event
                if isinstance(event, Loaded):
                    yield Described(task.id, self.card())
            return
        except TaffyError as error:
            failed = Failed(task.id, type(error).__name__, error.message, error.advice)
        except Exception as error:
            failed = self._explained(task.id, error)
        if failed.error == OutOfMemory.__name__:  # not before: the error held on to what was being computed
            self._unload()
        yield Described(task.id, self.card())
        yield failed

    def say(self, task: str, extension: str, message: Message) -> None:
        """For a technique of the running task. Callable from any thread."""
        self._host.say(task, extension, message)

    def _faults(self, task: str) -> Iterator[Event]:
        """What went wrong in extensions since the last event."""
        return (Faulted(task, fault) for fault in self._host.take_faults())

    def _explained(self, task: str, error: Exception) -> Failed:
        """An error nobody foresaw, or a lack of memory."""
        if is_lack_of_memory(error):
            explained = out_of_memory(f"this picture{self._manager.tried}", self._device.kind)
            return Failed(task, type(explained).__name__, explained.message, explained.advice)
        log.error("task %s failed", task, exc_info=error)
        advice = "the log of the server has the details; the next job will run as usual"
        return Failed(task, type(error).__name__, f"something went wrong inside: {error}", advice)

    def _events(self, task: Task) -> Iterator[Event]:
        started = monotonic()
        match task:
            case Generate():
                yield from self._generated(task)
                return
            case Upscale():
                yield from answer(self._upscalers, self._device, task)
                return
            case Encode():
                yield from self._engine.look(task.id, task.request, task.inputs)
            case Load():
                yield from self._engine.load(task.id, task.checkpoint)
            case Ask():
                loaded = self._loaded
                yield from self._answers(task)
                if self._loaded != loaded:
                    yield Described(task.id, self.card())
            case _:
                self._heed(task)
        if not isinstance(task, Ask):
            yield Described(task.id, self.card())
        yield Finished(task.id, monotonic() - started)

    def _generated(self, task: Generate) -> Iterator[Event]:
        """The pictures; when memory runs out, once more those that are missing, with what can be saved."""
        made = 0
        try:
            for event in self._engine.generate(task.id, task.request, task.inputs, task.packed, task.made):
                made += isinstance(event, PictureMade)
                yield event
            return
        except (RuntimeError, MemoryError) as error:
            if not is_lack_of_memory(error) or not self._manager.can_do_with_less:
                raise
        self._upscalers.unload()  # not before: the error held on to what was being computed
        self._manager.do_with_less()
        rest = rest_of(task, made)
        for event in self._engine.generate(rest.id, rest.request, rest.inputs, rest.packed, rest.made):
            yield moved(event, made)

    def _heed(self, task: Task) -> None:
        """What is done at once and has no answer."""
        match task:
            case Unload():
                self._unload()
            case Attend():
                self._manager.attend(task.kernel if task.kernel == "automatic" else KERNELS.canonical(task.kernel))
            case LookIn():
                self._models[:] = map(Path, task.models_dirs)
            case Switch():
                self._host.switch(task.off)

    def _answers(self, task: Ask) -> Iterator[Event]:
        question = Question(task.name, task.payload, task.job, task.data)
        for answered in self._host.answers(task.extension, question, self._bench):
            yield replace(answered, task=task.id)

    def _unload(self) -> None:
        self._manager.unload()
        self._upscalers.unload()

    def _renew_tables(self) -> None:
        """What extensions add has changed. Kernels that are gone are not computed with any more."""
        before = [KERNELS[name] for name in KERNELS]
        self._tables.renew()
        if [KERNELS[name] for name in KERNELS] != before:
            self._manager.attend(self._manager.attention)

    @property
    def _loaded(self) -> str:
        """The name of the checkpoint in use; empty if there is none."""
        return self._manager.current.card.name if self._manager.current else ""

    def card(self) -> WorkerCard:
        current = self._manager.current
        facts = current.facts if current else {}
        placement = placement_of(current)
        return WorkerCard(
            device=self._device.kind,
            precision=self._device.dtype,
            attention=facts.get("Attention", self._manager.attention),
            why_attention=facts.get("Attention because", "it is chosen when a checkpoint is loaded"),
            families=tuple(FAMILIES),
            samplers=tuple(SAMPLERS),
            schedules=tuple(SCHEDULES),
            previews=tuple(PREVIEWS),
            loaded=self._loaded,
            faults=self._host.faults,
            kernels=tuple(KERNELS),
            upscalers=tuple(UPSCALERS),
            placement=placement.title if placement else "",
            why_placement=placement.why if placement else "",
            ram_budget=self._manager.ram_budget,
            waiting=self._manager.waiting,
            prepared=self._manager.copies.held,
            prepared_budget=self._manager.copies.budget,
        )

"""What extensions add to the registries (samplers, schedules, families ...), kept in step with which of them are on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import pairwise
from typing import Any

from torch import Tensor
from torch.nn import Module

from modules.attention.base import KERNELS, Compute
from modules.attention.processor import KernelProcessor
from modules.core.errors import BadExtension
from modules.core.family import Family, NoiseLevels
from modules.core.moments import SamplerStep
from modules.core.registry import Registry
from modules.families.base import FAMILIES
from modules.hooks.engine_host import EngineHost
from modules.hooks.engine_values import NewSampler
from modules.hooks.guarded_family import GuardedFamily
from modules.preview.base import PREVIEWS, Places
from modules.sampling.samplers import SAMPLERS, Sampler
from modules.sampling.schedules import SCHEDULES
from modules.upscalers.base import UPSCALERS, Upscaler

REGISTRIES: dict[str, Registry[Any]] = {
    "samplers": SAMPLERS,
    "schedules": SCHEDULES,
    "families": FAMILIES,
    "previews": PREVIEWS,
    "kernels": KERNELS,
    "upscalers": UPSCALERS,
}


class Tables:
    """The entries that came from extensions. A name that is taken already is refused, and its extension told."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self._added: list[tuple[str, str]] = []  # (hook, name)

    def renew(self) -> None:
        """Take out what was added and add what is there now."""
        for hook, name in self._added:
            REGISTRIES[hook].remove(name)
        self._added = []
        for hook in REGISTRIES:
            for name, (extension, thing) in self._host.tables(hook).items():
                if self._host.guarded(extension, hook, partial(self._add, hook, name, extension, thing)):
                    self._added.append((hook, name))

    def _add(self, hook: str, name: str, extension: str, thing: Any) -> bool:
        REGISTRIES[hook].add(name, self._entry(hook, name, extension, thing))
        return True

    def _entry(self, hook: str, name: str, extension: str, thing: Any) -> Any:
        """The registry's kind of value around an extension's. Raises TypeError."""
        guard = Guard(self._host, extension, f"its {hook[:-1]} {name!r}")
        match hook:
            case "samplers":
                if not isinstance(thing, NewSampler):
                    raise TypeError(f"{name}: a NewSampler was expected, got {thing!r:.80}")
                values = {field.name: getattr(thing, field.name) for field in fields(thing)}
                return Sampler(**{**values, "run": guard.steps(thing.run)})
            case "schedules":
                return guard.schedule(thing)
            case "previews":
                return lambda places: ShownBy(places, guard.function(thing))
            case "kernels":
                return ComputedBy(guard.function(thing))
            case "upscalers":
                return Upscaler(name, enlarge=guard.function(thing))
        return GuardedFamily(self._host, extension, thing)


@dataclass(frozen=True)
class Guard:
    """Calls an extension's function. What it fails at nobody else can do, so the job ends with a sentence."""

    host: EngineHost
    extension: str
    what: str

    def function(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """The same, raising BadExtension when it fails."""
        if not callable(act):
            raise TypeError(f"{self.what}: a function was expected, got {act!r:.80}")
        return lambda *values: self._answer(lambda: (act(*values),))[0]

    def schedule(self, act: Callable[..., Any]) -> Callable[[int, NoiseLevels], tuple[float, ...]]:
        inner = self.function(act)

        def checked(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
            sigmas = tuple(float(sigma) for sigma in inner(steps, levels))
            falling = all(one > other for one, other in pairwise(sigmas))
            if len(sigmas) != steps or not falling or sigmas[-1] <= 0:
                raise BadExtension(
                    f"{self.what} must give {steps} falling numbers above 0, it gave {len(sigmas)}: {sigmas[:4]}"
                )
            return sigmas

        return checked

    def steps(self, run: Callable[..., Iterator[SamplerStep]]) -> Callable[..., Iterator[SamplerStep]]:
        """A sampler asks our own network in between, so its clock stands still there."""

        def running(
            denoise: Callable[..., Any], x: Tensor, sigmas: Any, noise: Callable[..., Any]
        ) -> Iterator[SamplerStep]:
            def ask(*values: Any) -> Any:
                try:
                    with self.host.ours():
                        return denoise(*values)
                except Exception as error:  # no fault of the sampler: raised again below
                    raise _Ours from error

            steps = self._answer(lambda: iter(run(ask, x, sigmas, noise)))
            while step := self._answer(lambda: (next(steps, None),))[0]:
                yield step

        return running

    def _answer(self, act: Callable[[], Any]) -> Any:
        try:
            answer = self.host.guarded(self.extension, self.what, act, passing=(_Ours,))
        except _Ours as error:
            assert error.__cause__ is not None
            raise error.__cause__ from None
        if answer is None:
            known = [
                fault.message
                for fault in self.host.faults
                if (fault.extension, fault.hook) == (self.extension, self.what)
            ]
            raise BadExtension(known[0], "choose another one; the Extensions page has the details for its author")
        return answer


class _Ours(Exception):
    """Our own code failed while an extension's asked it."""


@dataclass(frozen=True)
class ShownBy:
    """`Preview` by an extension's function."""

    places: Places
    show: Callable[[Tensor, Family], Tensor]

    def suits(self, family: Family) -> bool:
        return True

    def pixels(self, family: Family, latents: Tensor) -> Tensor:
        return self.show(latents, family)


@dataclass(frozen=True)
class ComputedBy:
    """`Kernel` by an extension's function."""

    compute: Compute

    def why_not(self, device_kind: str) -> str:
        return ""

    def use(self, network: Module) -> None:
        diffusers_network: Any = network
        diffusers_network.set_attn_processor(KernelProcessor(self.compute))

"""One checkpoint in our engine and in diffusers' pipeline, in turns: what each step and each picture took."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from modules.core.events import Loaded, Stepped
from modules.core.heap import keep_freed_memory, set_thresholds
from modules.core.request import GenerationRequest
from tests.bench.rival_steps import default_unet, has_openvino, openvino_unet, pipeline_of, words_for
from tests.bench.start import say

if TYPE_CHECKING:
    from modules.engine.engine import Engine
    from modules.manager.manager import Manager

STEPS = {"starter": 20, "full": 3, "sdxl": 3, "tiny": 2, "tiny-xl": 2}


class Clock:
    """Adds up the seconds inside the functions it was put around."""

    def __init__(self, synchronize: Callable[[], None]) -> None:
        self.seconds = 0.0
        self._synchronize = synchronize

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = perf_counter()
            answer = function(*arguments)
            self._synchronize()
            self.seconds += perf_counter() - began
            return answer

        return timed


class Pair:
    """What one turn measured: seconds a step and a picture of both, seconds a step outside network and VAE calls.

    ours, theirs, fast: seconds of every step, and of the picture last; fast is empty where it was not asked for.
    others: seconds of a call of the network, by name.
    """

    def __init__(
        self, ours: list[float], theirs: list[float], outside: float, fast: list[float], others: dict[str, float]
    ) -> None:
        self.our_step, self.our_picture = median(ours[1:-1] or ours), ours[-1]
        self.their_step, self.their_picture = median(theirs[1:-1] or theirs), theirs[-1]
        self.share = 100 * outside / self.our_step
        self.fast = sum(fast[:-1]) / sum(ours[:-1]) if fast else None
        self.others = others


class Turns:
    """One checkpoint, loaded once, in our engine and in diffusers' pipeline. Warm after construction."""

    def __init__(self, name: str, models: Path, cache: Path, options: Namespace) -> None:
        self.name = name
        self.engine, self.manager = engine_on(models, cache, options)
        say(f"{name}: loading")
        with closing(self.engine.load("load", name)) as loading:
            for _ in loading:
                pass
        family: Any = self.manager.current
        self.family = family
        self.synchronize = synchronizer(self.family.device)
        self.clock = Clock(self.synchronize)
        for part in ("encode_prompt", "denoise", "decode"):
            setattr(self.family, part, self.clock.around(getattr(self.family, part)))
        size = self.family.card.native_size
        self.request = GenerationRequest(
            prompt="a cat", checkpoint=name, sampler="Euler", schedule="uniform", steps=options.steps or STEPS[name],
            cfg_scale=7.0, width=size, height=size, seed=1, preview="off",
        )  # fmt: skip
        self.fast = options.fast
        self.pipeline = pipeline_of(self.family)
        self.others = others_of(self, options.others)
        say(f"{name}: warming up")
        self.ours(replace(self.request, steps=1, preview="automatic"))
        self.theirs(replace(self.request, steps=1))

    def pair(self, number: int) -> Pair:
        """Both once, the other one first every other time; and a few steps with previews, for the share outside."""
        both = [self.ours, self.theirs] if number % 2 else [self.theirs, self.ours]
        first, second = (each(self.request) for each in both)
        ours, theirs = (first, second) if number % 2 else (second, first)
        fast = self.ours(replace(self.request, fast_every=self.fast)) if self.fast > 1 else []
        others = {name: seconds(call) for name, call in self.others.items()}
        steps = min(self.request.steps, STEPS[self.name])
        before, shown = self.clock.seconds, replace(self.request, preview="automatic", steps=steps)
        outside = (self.ours(shown)[-1] - (self.clock.seconds - before)) / shown.steps
        pair = Pair(ours, theirs, outside, fast, others)
        say(
            f"{self.name}, pair {number}: Taffy {pair.our_step:.4f} s a step, diffusers {pair.their_step:.4f} s, "
            f"outside network and VAE {pair.share:.2f} % of a step"
        )
        return pair

    def ours(self, request: GenerationRequest) -> list[float]:
        """Seconds of every step, and of the whole picture last."""
        keep_freed_memory()  # as our worker does
        seconds: list[float] = []
        began = said = perf_counter()
        events: Any = self.engine.generate("bench", request, {})
        with closing(events):
            for event in events:
                if isinstance(event, Loaded):
                    began = perf_counter()
                elif isinstance(event, Stepped):
                    seconds.append(event.seconds)
                    if perf_counter() - said > 5:
                        said = perf_counter()
                        say(f"{self.name}: step {event.step} of {event.steps}")
        return [*seconds, perf_counter() - began]

    def theirs(self, request: GenerationRequest) -> list[float]:
        """The same of diffusers' pipeline."""
        import torch

        set_thresholds(32 << 20, 64 << 20)  # what glibc's own grow to by themselves
        stamps: list[float] = []

        def note(pipeline: object, index: int, timestep: object, values: dict[str, Any]) -> dict[str, Any]:
            self.synchronize()
            stamps.append(perf_counter())
            return values

        began = perf_counter()
        self.pipeline(
            **words_for(self.family, request.prompt, request.negative_prompt),
            num_inference_steps=request.steps,
            guidance_scale=request.cfg_scale,
            width=request.width,
            height=request.height,
            generator=torch.Generator().manual_seed(request.seed),
            callback_on_step_end=note,
        )
        ended = perf_counter()
        return [*(b - a for a, b in zip([began, *stamps], stamps, strict=False)), ended - began]

    def call_of(self, unet: Any) -> Callable[[], object]:
        """One call of a network as a step with guidance makes it."""
        return partial(unet, *self.inputs, **self.more)

    @cached_property
    def inputs(self) -> tuple[Any, Any, Any]:
        """Latents, time and words of a step with guidance."""
        import torch

        size, device = self.family.card.native_size, self.family.device
        words = self.family.encode_prompt("a cat", 1).embeddings
        x = torch.randn(2, self.family.unet.config.in_channels, *self.family.latent_shape(size, size)[1:])
        x = x.to(device, words.dtype).to(memory_format=torch.channels_last)
        return x, torch.tensor(500.0, device=device), words.expand(2, -1, -1).contiguous()

    @cached_property
    def more(self) -> dict[str, Any]:
        """What SDXL is told besides."""
        conditioning = self.family.encode_prompt("a cat", 1)
        added = self.family._added(self.inputs[0], conditioning)
        return {"added_cond_kwargs": added} if added else {}


def others_of(turns: Turns, wanted: bool) -> dict[str, Callable[[], object]]:
    """What else is measured beside, where it is wanted: calls of the U-Net."""
    if not wanted:
        return {}
    found: dict[str, Callable[[], object]] = {
        "diffusers' default (fp32)": turns.call_of(default_unet(turns.family.unet))
    }
    if not has_openvino():
        say("OpenVINO is not installed: pip install openvino measures it beside")
    elif not turns.more:
        say("OpenVINO converts the network: about a minute")
        found["OpenVINO (bf16)"] = turns.call_of(openvino_unet(turns.family.unet, *turns.inputs))
    return found


def seconds(call: Callable[[], object]) -> float:
    """Of a call, the better of two: the first may prepare something."""
    import torch

    took = []
    with torch.inference_mode():
        for _ in range(2):
            began = perf_counter()
            call()
            took.append(perf_counter() - began)
    return min(took)


def engine_on(models: Path, cache: Path, options: Namespace, extensions: Sequence[Path] = ()) -> tuple[Engine, Manager]:
    """The worker's own parts, wired as it wires them. extensions: folders of them."""
    from modules.engine.engine import Engine
    from modules.families.device import pick_device
    from modules.hooks.engine_host import EngineHost
    from modules.manager.index import Index
    from modules.manager.manager import Manager
    from modules.preview.plugin import PreviewPlugin
    from modules.upscalers.index import UpscalerIndex
    from modules.upscalers.upscalers import Upscalers
    from modules.worker.compiled import keep_compiled

    keep_compiled(cache)
    device = pick_device(options.use_cpu, options.precision, "automatic")
    host = EngineHost(list(extensions))
    host.load()
    host.register(PreviewPlugin(cache, (models,)), "preview")
    manager = Manager(Index((models,)), device, cache)
    return Engine(manager, host, Upscalers(UpscalerIndex(()), device)), manager


def synchronizer(device: str) -> Callable[[], None]:
    """Waits for a GPU, whose calls return before it is done."""
    import torch

    return torch.cuda.synchronize if device.startswith("cuda") else lambda: None

"""One checkpoint in our engine and in diffusers' pipeline, in turns: what each step and each picture took."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from modules.core.events import Loaded, Stepped
from modules.core.heap import keep_freed_memory, set_thresholds
from modules.core.request import GenerationRequest
from tests.bench.start import say

if TYPE_CHECKING:
    from modules.engine.engine import Engine
    from modules.manager.manager import Manager

STEPS = {"starter": 20, "full": 3, "tiny": 2}


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
    """What one turn measured: seconds a step and a picture of both, seconds a step outside network and VAE calls."""

    def __init__(self, ours: list[float], theirs: list[float], outside: float) -> None:
        self.our_step, self.our_picture = median(ours[1:-1] or ours), ours[-1]
        self.their_step, self.their_picture = median(theirs[1:-1] or theirs), theirs[-1]
        self.share = 100 * outside / self.our_step


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
            prompt="a cat", checkpoint=name, sampler="Euler", schedule="uniform", steps=STEPS[name], cfg_scale=7.0,
            width=size, height=size, seed=1, preview="off",
        )  # fmt: skip
        self.pipeline = pipeline_of(self.family)
        say(f"{name}: warming up")
        self.ours(replace(self.request, steps=1, preview="automatic"))
        self.theirs(replace(self.request, steps=1))

    def pair(self, number: int) -> Pair:
        """Both once, the other one first every other time; and once more with previews, for the share outside."""
        both = [self.ours, self.theirs] if number % 2 else [self.theirs, self.ours]
        first, second = (each(self.request) for each in both)
        ours, theirs = (first, second) if number % 2 else (second, first)
        before = self.clock.seconds
        whole = self.ours(replace(self.request, preview="automatic"))[-1]
        outside = (whole - (self.clock.seconds - before)) / self.request.steps
        pair = Pair(ours, theirs, outside)
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
            prompt_embeds=self.family.encode_prompt(request.prompt, 1).embeddings,
            negative_prompt_embeds=self.family.encode_prompt(request.negative_prompt, 1).embeddings,
            num_inference_steps=request.steps,
            guidance_scale=request.cfg_scale,
            width=request.width,
            height=request.height,
            generator=torch.Generator().manual_seed(request.seed),
            callback_on_step_end=note,
        )
        ended = perf_counter()
        return [*(b - a for a, b in zip([began, *stamps], stamps, strict=False)), ended - began]


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

    device = pick_device(options.use_cpu, options.precision, "automatic")
    host = EngineHost(list(extensions))
    host.load()
    host.register(PreviewPlugin(cache, (models,)), "preview")
    manager = Manager(Index((models,)), device, cache)
    return Engine(manager, host, Upscalers(UpscalerIndex(()), device)), manager


def plain(network: Any) -> Any:
    """diffusers' own layers and attention (SDPA) around the very same weights."""
    import torch

    with torch.device("meta"):
        copy = type(network).from_config(network.config)
    copy.load_state_dict(network.state_dict(), assign=True)
    return copy.requires_grad_(False).eval()


def pipeline_of(family: Any) -> Any:
    """diffusers' pipeline around the same weights, in the same precision and memory order."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=family.card.prediction,
        steps_offset=1,
    )
    pipeline: Any = StableDiffusionPipeline(
        vae=plain(family.vae),
        text_encoder=family.text_encoder,
        tokenizer=None,
        unet=plain(family.unet),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def synchronizer(device: str) -> Callable[[], None]:
    """Waits for a GPU, whose calls return before it is done."""
    import torch

    return torch.cuda.synchronize if device.startswith("cuda") else lambda: None

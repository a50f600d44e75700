from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modules.core.moments import StepState
from modules.families.unet.family import UnetFamily
from modules.hooks.engine_host import EngineHost
from modules.preview.plugin import PreviewPlugin
from tests.checkpoints import load_family, tiny_checkpoint

States = Callable[..., StepState]


class Clock:
    """Stands still unless told otherwise: a decode takes no time."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plugin(cache: Path, clock: Clock) -> PreviewPlugin:
    return PreviewPlugin(cache, (), clock)


def test_a_cheap_vae_is_shown_in_full(plugin: PreviewPlugin, tiny: UnetFamily, state: States) -> None:
    frame = plugin.show_step(state(), tiny)
    assert frame is not None
    assert (frame.method, frame.width, frame.height) == ("full", 256, 256)


def test_the_tiny_vae_is_cheap_by_a_real_clock(cache: Path, tiny: UnetFamily, state: States) -> None:
    frame = PreviewPlugin(cache, full_budget=0.5).show_step(state(), tiny)
    assert frame is not None
    assert frame.method == "full"


def test_a_dear_vae_is_shown_by_the_linear_map(cache: Path, clock: Clock, tiny: UnetFamily, state: States) -> None:
    frame = PreviewPlugin(cache, (), clock, full_budget=0).show_step(state(), tiny)
    assert frame is not None
    assert frame.method == "linear"


def test_the_cost_is_measured_again_when_the_size_changes(cache: Path, tiny: UnetFamily, state: States) -> None:
    class Ticking:
        """Every decode takes 10 ms, a small one too."""

        now = 0.0

        def __call__(self) -> float:
            self.now += 0.01
            return self.now

    plugin = PreviewPlugin(cache, (), Ticking(), full_budget=0.05)
    small, large = (plugin.show_step(state(19, x0=torch.zeros(1, 4, side, side)), tiny) for side in (8, 64))
    assert small is not None
    assert large is not None
    assert (small.method, large.method) == ("full", "linear")


@pytest.mark.parametrize("method", ["linear", "full", "LINEAR"])
def test_a_wanted_method_is_used(plugin: PreviewPlugin, tiny: UnetFamily, state: States, method: str) -> None:
    frame = plugin.show_step(state(preview=method), tiny)
    assert frame is not None
    assert frame.method == method.lower()


def test_a_wanted_method_that_cannot_show_this_is_replaced_visibly(
    plugin: PreviewPlugin, tiny: UnetFamily, state: States
) -> None:
    frame = plugin.show_step(state(preview="taesd"), tiny)
    assert frame is not None
    assert frame.method == "linear"


def test_off_shows_nothing_not_even_the_last_step(plugin: PreviewPlugin, tiny: UnetFamily, state: States) -> None:
    assert plugin.show_step(state(19, preview="off"), tiny) is None


def test_before_the_network_was_asked_there_is_nothing_to_show(
    plugin: PreviewPlugin, tiny: UnetFamily, state: States
) -> None:
    assert plugin.show_step(replace(state(), prediction=None), tiny) is None


def test_at_most_eight_frames_a_second(plugin: PreviewPlugin, tiny: UnetFamily, state: States, clock: Clock) -> None:
    shown = []
    for _ in range(40):  # two seconds
        shown.append(plugin.show_step(state(3), tiny) is not None)
        clock.now += 0.05
    assert sum(shown) == 14  # every third step: 150 ms
    assert shown[0]


def test_the_last_step_is_always_shown(plugin: PreviewPlugin, tiny: UnetFamily, state: States) -> None:
    assert plugin.show_step(state(18), tiny) is not None
    assert plugin.show_step(state(18), tiny) is None
    assert plugin.show_step(state(19), tiny) is not None


def test_the_picture_is_of_the_prediction_not_of_the_noisy_latents(
    plugin: PreviewPlugin, tiny: UnetFamily, state: States, clock: Clock
) -> None:
    def jpeg(seed: int) -> bytes:
        clock.now += 1
        frame = plugin.show_step(state(x0=torch.full((1, 4, 16, 16), float(seed))), tiny)
        assert frame is not None
        return frame.jpeg

    assert jpeg(1) == jpeg(1) != jpeg(2)


def test_a_batch_is_shown_side_by_side(plugin: PreviewPlugin, tiny: UnetFamily, state: States) -> None:
    frame = plugin.show_step(state(batch=2), tiny)
    assert frame is not None
    assert (frame.width, frame.height) == (256, 128)


def test_finished_pictures_teach_the_linear_map(cache: Path, clock: Clock, tiny: UnetFamily, state: States) -> None:
    plugin = PreviewPlugin(cache, (), clock, full_budget=0)
    plugin.show_step(state(5), tiny)
    (file,) = (cache / "linear-preview").iterdir()
    before = file.read_bytes()
    clock.now += 1
    plugin.show_step(state(6), tiny)
    assert file.read_bytes() == before
    plugin.show_step(state(19), tiny)
    assert file.read_bytes() != before


def test_it_works_inside_the_loops_inference_mode_and_again_outside(
    cache: Path, clock: Clock, tiny: UnetFamily, state: States
) -> None:
    plugin = PreviewPlugin(cache, (), clock, full_budget=0)
    with torch.inference_mode():
        assert plugin.show_step(state(19), tiny) is not None
    assert plugin.show_step(state(19), tiny) is not None


@pytest.mark.parametrize("budget", [0.0, 1.0])
def test_a_family_that_was_shown_is_not_kept_alive(cache: Path, tmp_path: Path, state: States, budget: float) -> None:
    family = load_family(tiny_checkpoint(tmp_path / "a.safetensors"))
    plugin = PreviewPlugin(cache, full_budget=budget)
    plugin.show_step(state(19), family)
    trace = weakref.ref(family)
    del family
    assert trace() is None


def test_it_answers_through_the_host(plugin: PreviewPlugin, tiny: UnetFamily, state: States) -> None:
    host = EngineHost([])
    host.register(plugin, "preview")
    assert host.show_step(state(), tiny) is not None

"""Mode "inject" as a whole: what it costs, what it remembers, what it refuses, and that nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from modules.core.errors import BadRequest, OutOfMemory
from modules.core.events import Stepped
from modules.engine.style.inject import KnownStyles, climbed, gamma, gamma_at, inject
from modules.engine.style.modes import StyleModes
from modules.engine.style.room import Room
from modules.hooks.engine_host import EngineHost
from modules.style.measure import Score, score
from modules.style.pictures import PICTURES
from tests.bench.style_studio import drawn_from
from tests.checkpoints import load_family
from tests.style.conftest import REQUEST, StyleStudio, blobs, png

N = REQUEST.steps
ROOT = Path(__file__).parents[2]
STARTER = ROOT / "models" / "Stable-diffusion" / "starter.safetensors"
PACK = ROOT / "modules" / "training" / "evaluation-pack.zip"
TXT2IMG = 2 * N  # rows through the network with guidance


@contextmanager
def rows_counted(styles: StyleStudio) -> Iterator[list[int]]:
    """How many latents went through the network, call by call."""
    rows: list[int] = []
    hook = styles.family.unet.register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    try:
        yield rows
    finally:
        hook.remove()


def test_stored_features_cost_three_passes_and_a_known_style_two(styles: StyleStudio) -> None:
    with rows_counted(styles) as first:
        styles.events()
    with rows_counted(styles) as second:
        styles.events({"content": png(blobs(7))})
    assert sum(first) == 3 * N <= 1.6 * TXT2IMG
    assert sum(second) == 2 * N <= 1.05 * TXT2IMG


def test_lock_step_costs_five_passes_and_makes_the_same_picture(styles: StyleStudio) -> None:
    with rows_counted(styles) as rows:
        slow = styles.picture(style_memory="lock-step")
    assert sum(rows) == 5 * N
    assert np.abs(slow - styles.picture()).max() <= 1


def test_t2_features_asked_for_again_lead_along_the_same_latents_as_stored_ones(styles: StyleStudio) -> None:
    ways = [along(styles, memory) for memory in ("stored", "lock-step")]
    assert len(ways[0]) == len(ways[1]) == N
    assert all((one - other).abs().max() <= 1e-4 for one, other in zip(*ways, strict=True))


def along(styles: StyleStudio, memory: Any) -> list[Tensor]:
    """The latents after each step of a job."""
    latents: list[Tensor] = []

    class Watching(EngineHost):
        def notice(self, hook: str, *values: Any) -> None:
            if hook == "after_step":
                latents.append(values[0].x)

    request = replace(REQUEST, style_memory=memory)
    job = StyleModes(Watching([]), ()).job("job", request, styles.inputs)
    list(inject(job, styles.family, KnownStyles()))
    return latents


def test_a_style_that_is_known_makes_the_same_picture_again(styles: StyleStudio) -> None:
    assert np.array_equal(styles.picture(), styles.picture())


@pytest.mark.parametrize("change", [{"steps": 2}, {"width": 48}, {"style_grid": 1.0}, {"prompt": "<lora:a:1>"}])
def test_a_style_is_inverted_again_when_what_it_depends_on_changes(styles: StyleStudio, change: dict[str, Any]) -> None:
    def passes(**values: Any) -> float:
        with rows_counted(styles) as rows:
            styles.events(cfg_scale=1, **values)
        return sum(rows) / int(str(values.get("steps", N)))

    assert [passes(), passes(), passes(**change), passes(**change)] == [3, 2, 3, 2]


def test_steps_are_counted_through_all_parts(styles: StyleStudio) -> None:
    steps = [event for event in styles.events() if isinstance(event, Stepped)]
    assert [event.step for event in steps] == list(range(1, 3 * N + 1))
    assert {event.steps for event in steps} == {3 * N}


def test_every_knob_changes_the_picture(styles: StyleStudio) -> None:
    plain = styles.picture()
    knobs: list[dict[str, Any]] = [
        {"style_keep": 0.0},
        {"style_keep_falls": True},
        {"style_contrast": 3.0},
        {"style_amount": 0.0},
        {"style_match": True},
        {"style_images": ("other",)},
        {"style_images": ("style", "other")},
        {"style_images": ("style", "other"), "style_weights": (9.0, 1.0)},
        {"prompt": "a cat"},
    ]
    pictures = [plain, *(styles.picture(**knob) for knob in knobs)]
    alike = [(i, j) for i, a in enumerate(pictures) for j, b in enumerate(pictures[:i]) if np.array_equal(a, b)]
    assert alike == []


def test_the_seed_the_sampler_and_the_scale_without_words_change_nothing(styles: StyleStudio) -> None:
    assert np.array_equal(styles.picture(), styles.picture(seed=9, sampler="Euler a", schedule="karras", cfg_scale=9))


def test_the_record_names_the_forced_sampler_and_both_pictures(styles: StyleStudio) -> None:
    facts, other = styles.made().facts, styles.made(style_images=("other",)).facts
    assert (facts["Sampler"], facts["Schedule type"]) == ("DDIM", "DDIM")
    assert facts["Content image hash"] == other["Content image hash"]
    assert facts["Style image hash"] != other["Style image hash"]


def test_gamma_falls_to_half_along_a_cosine() -> None:
    kept = [gamma_at(0.8, step, 5, falls=True) for step in range(5)]
    assert (kept[0], kept[2], kept[4]) == pytest.approx((0.8, 0.6, 0.4))
    assert gamma_at(0.8, 4, 5, falls=False) == 0.8


def test_the_middle_is_the_published_setting_and_beyond_it_fewer_steps_are_climbed() -> None:
    keeps = (0.0, 0.25, 0.5, 0.75, 1.0)
    assert [gamma(keep) for keep in keeps] == [0, 0.375, 0.75, 0.875, 1]
    assert [climbed(keep, 20) for keep in keeps] == [20, 20, 20, 10, 1]


def test_what_is_not_climbed_is_not_computed(styles: StyleStudio) -> None:
    with rows_counted(styles) as rows:
        styles.events(style_keep=0.75, steps=4)
    assert sum(rows) == 3 * 2


def test_the_model_is_as_before_also_when_the_job_is_given_up(styles: StyleStudio) -> None:
    unet = styles.family.unet
    before = {name: weight.clone() for name, weight in unet.state_dict().items()}
    processors = dict(unet.attn_processors)
    x = torch.randn(1, 4, 12, 16)

    def asked() -> Tensor:
        return styles.family.denoise(x, 3.0, styles.family.encode_prompt("a cat", 1))

    plain = asked()
    styles.events()
    assert torch.equal(asked(), plain)
    assert unet.attn_processors == processors
    assert all(torch.equal(weight, before[name]) for name, weight in unet.state_dict().items())
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in unet.modules())


ODD = {
    "grey": Image.new("L", (64, 64), 90),
    "1x1": Image.new("RGB", (1, 1), "red"),
    "very wide": blobs(3, (900, 4)),
    "very high": blobs(3, (3, 700)),
    "half seen": Image.merge("RGBA", (*blobs(4).split(), Image.linear_gradient("L").resize((64, 48)))),
    "unseen": Image.new("RGBA", (20, 20), (0, 0, 0, 0)),
    "palette": blobs(5).convert("P"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("part", ["content", "style"])
def test_odd_pictures_give_a_picture(styles: StyleStudio, name: str, part: str) -> None:
    assert styles.picture({part: png(ODD[name])}, style_match=True, steps=2).shape == (48, 64, 3)


def test_the_content_as_its_own_style_gives_a_picture(styles: StyleStudio) -> None:
    assert styles.picture(style_images=("content",)).std() > 0


def test_a_style_picture_that_is_gone_or_broken_is_named(styles: StyleStudio) -> None:
    with pytest.raises(BadRequest, match="the style picture 'gone' is not there"):
        styles.events(style_images=("gone",))
    with pytest.raises(BadRequest, match="the style picture cannot be read"):
        styles.events({"style": b"no picture"})


def test_a_lack_of_room_is_told_in_figures_with_advice() -> None:
    room = Room("cuda", free=2_000_000_000, free_main=4_000_000_000)
    assert room.keep_on("automatic", 10_000_000, 50, 2) == "cuda"
    assert room.keep_on("automatic", 20_000_000, 50, 2) == "cpu"
    assert room.keep_on("automatic", 50_000_000, 50, 2) is None
    assert room.keep_on("lock-step", 10, 50, 2) is None
    with pytest.raises(OutOfMemory, match=r"of 50 steps need 5 GB; of 4 GB free") as stored:
        room.keep_on("stored", 50_000_000, 50, 2)
    assert "lock-step" in stored.value.advice
    with pytest.raises(OutOfMemory, match=r"of one step need 2 GB; of 2 GB free"):
        room.keep_on("automatic", 1_000_000_000, 50, 2)


def test_what_does_not_fit_is_refused_before_anything_is_computed(
    styles: StyleStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Room, "now", lambda device: Room(device, free=1000, free_main=1000))
    with rows_counted(styles) as rows, pytest.raises(OutOfMemory, match=r"of 3 steps need .* GB; of 1e-06 GB free"):
        styles.events()
    assert rows == []


SHOWN = [
    ("owl", "linocut"), ("pizza", "pencil hatching"), ("house", "swirling oil"), ("frog", "stained glass"),
    ("turtle", "comic dots"), ("gift", "watercolour"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keeps", "pairs"),
    [((0.0, 0.5, 1.0), 2), pytest.param((0.0, 0.25, 0.5, 0.75, 0.9, 1.0), 6, marks=pytest.mark.long)],
)
def test_the_more_is_kept_the_nearer_to_the_content_it_stays(keeps: tuple[float, ...], pairs: int) -> None:
    """By both measures of content, mean over drawings with pictures that come with Taffy, on the starter."""
    draw, _ = drawn_from(PACK)
    starter = load_family(STARTER)
    means: list[Score] = []
    for keep in keeps:
        found = []
        for number, (thing, name) in enumerate(SHOWN[:pairs]):
            content, style = draw(thing, "", number), Image.open(PICTURES[name])
            studio = StyleStudio(starter, KnownStyles(), {"content": png(content), "style": png(style)})
            made = studio.made(width=64, height=64, steps=10, style_keep=keep)
            found.append(score(Image.frombytes("RGB", (64, 64), made.rgb), content, style))
        means.append(Score(*np.mean([astuple(one) for one in found], axis=0)))
    assert [one.ssim for one in means] == sorted(one.ssim for one in means)
    assert [one.content for one in means] == sorted((one.content for one in means), reverse=True)
    assert means[-1].content < means[0].content / 2  # so much can be seen

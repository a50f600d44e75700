"""Mode "series": what its pictures depend on, with and without a style picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from modules.core.errors import BadRequest
from modules.core.events import PictureMade, Stepped
from modules.core.moments import StepState
from modules.core.request import GenerationRequest
from modules.engine.style.job import StyleJob
from modules.engine.style.series import series
from modules.hooks.engine_host import EngineHost
from tests.style.conftest import StyleStudio, levels

SERIES = GenerationRequest(
    checkpoint="tiny", style_mode="series", prompt="a cat", width=64, height=48, steps=3, cfg_scale=4, seed=3, count=3
)
Pictures = list[NDArray[np.int64]]


def events(styles: StyleStudio, **values: Any) -> Iterator[Stepped | PictureMade]:
    return series(StyleJob("job", replace(SERIES, **values), styles.inputs, EngineHost([])), styles.family)


def pictures(styles: StyleStudio, **values: Any) -> Pictures:
    return [levels(event) for event in events(styles, **values) if isinstance(event, PictureMade)]


def off(one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    return int(np.abs(one - other).max())


@pytest.mark.parametrize("anchor", [(), ("style",)])
def test_a_series_in_batches_is_the_series_in_one_go(styles: StyleStudio, anchor: tuple[str, ...]) -> None:
    whole, parts = (pictures(styles, style_images=anchor, batch_size=size) for size in (3, 2))
    assert all(off(one, other) <= 2 for one, other in zip(whole, parts, strict=True))
    assert off(whole[1], whole[2]) > 2


@pytest.mark.parametrize("values", [{}, {"style_images": ("style",)}, {"variation_strength": 0.3, "variation_seed": 5}])
def test_a_series_that_was_cut_short_goes_on_in_the_same_style(styles: StyleStudio, values: dict[str, Any]) -> None:
    moved = {"variation_seed": 6} if "variation_seed" in values else {"seed": SERIES.seed + 1}
    rest = replace(SERIES, count=2, **{**values, **moved})
    resumed = series(StyleJob("job", rest, styles.inputs, EngineHost([]), made_before=1), styles.family)
    whole = pictures(styles, **values)
    parts = [levels(event) for event in resumed if isinstance(event, PictureMade)]
    assert all(off(one, other) <= 2 for one, other in zip(whole[1:], parts, strict=True))


@pytest.mark.parametrize("sampler", ["Heun", "DPM++ 2M SDE"])
def test_every_kind_of_sampler_can_follow_a_style_picture(styles: StyleStudio, sampler: str) -> None:
    whole, parts = (
        pictures(styles, style_images=("style",), sampler=sampler, batch_size=size, count=2) for size in (2, 1)
    )
    assert all(off(one, other) <= 2 for one, other in zip(whole, parts, strict=True))


def test_the_style_picture_the_amount_and_the_sharing_itself_matter(styles: StyleStudio) -> None:
    knobs: list[dict[str, Any]] = [
        {},
        {"style_amount": 0.0},
        {"style_images": ("style",)},
        {"style_images": ("other",)},
    ]
    made = [pictures(styles, batch_size=3, **knob)[1] for knob in knobs]
    alone = pictures(styles, count=1, seed=SERIES.seed + 1)[0]
    assert all(off(one, alone) > 2 for one in made)
    assert all(off(one, other) > 0 for index, one in enumerate(made) for other in made[:index])


def test_picture_i_has_seed_plus_i_and_its_number(styles: StyleStudio) -> None:
    made = [event for event in events(styles, style_images=("style",), batch_size=2) if isinstance(event, PictureMade)]
    assert [(event.index, event.seed) for event in made] == [(0, 3), (1, 4), (2, 5)]
    assert "Style image hash" in made[0].facts


def test_steps_of_the_style_picture_count_before_those_of_the_first_batch(styles: StyleStudio) -> None:
    steps = [event for event in events(styles, style_images=("style",), batch_size=2) if isinstance(event, Stepped)]
    assert [(event.first_picture, event.step, event.steps) for event in steps] == [
        *((0, step, 6) for step in range(1, 7)),
        *((2, step, 3) for step in range(1, 4)),
    ]


def test_a_prompt_of_two_windows_can_follow_a_style_picture(styles: StyleStudio) -> None:
    long = "cat, " * 60
    one, other = (pictures(styles, style_images=("style",), prompt=long + end, count=1)[0] for end in ("moon", "dog"))
    assert off(one, other) > 0


def test_previews_show_the_pictures_and_not_the_anchor(styles: StyleStudio) -> None:
    seen: list[int] = []

    class Watching(EngineHost):
        def show_step(self, state: StepState, family: object) -> None:
            assert state.prediction is not None
            seen.append(len(state.prediction.x0))

    job = StyleJob("job", replace(SERIES, batch_size=2), styles.inputs, Watching([]))
    list(series(job, styles.family))
    assert seen == [2] * 3 + [1] * 3


def test_the_model_is_as_before(styles: StyleStudio) -> None:
    x = torch.randn(1, 4, 12, 16)
    empty = styles.family.encode_prompt("", 1)
    before = styles.family.denoise(x, 2.0, empty)
    pictures(styles, style_images=("style",))
    assert torch.equal(styles.family.denoise(x, 2.0, empty), before)


def test_what_a_series_cannot_do_is_said(styles: StyleStudio) -> None:
    with pytest.raises(BadRequest, match="no second, finer pass"):
        pictures(styles, hires_scale=2)
    with pytest.raises(BadRequest, match="one style picture at most, got 2"):
        pictures(styles, style_images=("style", "other"))

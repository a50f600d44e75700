"""Changing a part of a picture: the whole way, with real networks."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from modules.core.errors import BadRequest
from modules.core.events import Shown, Stepped
from modules.core.moments import StepState
from modules.hooks import hookimpl
from modules.sampling.samplers import SAMPLERS
from tests.engine.conftest import REQUEST, Studio, png, scene, white

BOX = (20, 10, 41, 33)
QUICK: dict[str, Any] = {"steps": 2, "cfg_scale": 1}
CONTENTS = ("fill", "original", "latent noise", "latent nothing")


def change(picture: np.ndarray, original: Image.Image) -> np.ndarray:
    levels: np.ndarray = np.abs(picture - np.asarray(original).astype(int)).sum(-1)
    return levels


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_only_what_is_under_the_mask_changes(studio: Studio, name: str) -> None:
    changed = (
        change(studio.pictures(scene(), white(BOX), sampler=name, mask_blur=0, steps=3, cfg_scale=1)[0], scene()) > 0
    )
    left, top, right, bottom = BOX
    assert changed[top:bottom, left:right].mean() > 0.9
    changed[top:bottom, left:right] = False
    assert not changed.any()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(9, 70), height=st.integers(9, 70), only_masked=st.booleans(), blur=st.sampled_from([0, 2]))
def test_a_picture_of_any_size_keeps_it_and_what_is_not_masked(
    studio: Studio, width: int, height: int, only_masked: bool, blur: int
) -> None:
    picture, mask = scene(width, height), white((width // 3, height // 2, width, height), width, height)
    result = studio.pictures(
        picture, mask, width=-(-width // 4) * 4, height=-(-height // 4) * 4,
        steps=1, only_masked=only_masked, mask_blur=blur, cfg_scale=1,
    )[0]  # fmt: skip
    assert result.shape == (height, width, 3)
    assert change(result, picture)[: max(0, height // 2 - 8), : max(0, width // 3 - 8)].sum() == 0
    assert change(result, picture).sum() > 0


def test_each_masked_content_is_another_start(studio: Studio) -> None:
    made = [studio.pictures(scene(), white(BOX), mask_content=content, **QUICK)[0] for content in CONTENTS]
    assert len({picture.tobytes() for picture in made}) == len(CONTENTS)


def test_without_steps_the_content_is_seen_as_it_is(studio: Studio) -> None:
    values: dict[str, Any] = {"strength": 0, "mask_blur": 0}
    original, fill = (studio.pictures(scene(), white(BOX), mask_content=c, **values)[0] for c in ("original", "fill"))
    kept = studio.pictures(scene(), strength=0)[0]
    left, top, right, bottom = BOX
    assert np.array_equal(original[top:bottom, left:right], kept[top:bottom, left:right])
    assert not np.array_equal(fill, original)


def test_latent_noise_is_that_of_each_pictures_seed(studio: Studio) -> None:
    values: dict[str, Any] = {"mask_content": "latent noise", **QUICK}
    together = studio.pictures(scene(), white(BOX), count=2, batch_size=2, **values)
    alone = studio.pictures(scene(), white(BOX), seed=REQUEST.seed + 1, **values)
    assert np.abs(together[1] - alone[0]).max() <= 1
    assert not np.array_equal(together[0], together[1])


def test_a_lighter_grey_changes_a_soft_masks_picture_more(studio: Studio) -> None:
    original = studio.pictures(scene(), strength=0)[0]
    changes = []
    for level in (70, 130, 190, 255):
        mask = white((0, 0, 64, 48), level=level)
        made = studio.pictures(
            scene(), mask, soft_mask=True, strength=1, steps=8, mask_blur=0, cfg_scale=1, sampler="Euler"
        )[0]
        changes.append(np.abs(made - original).mean())
    assert changes == sorted(changes)
    assert changes[0] < changes[-1]


def test_a_soft_mask_of_pure_white_is_no_mask(studio: Studio) -> None:
    soft = studio.pictures(scene(), white((0, 0, 64, 48)), soft_mask=True, mask_blur=0)[0]
    assert np.array_equal(soft, studio.pictures(scene())[0])


def test_grey_without_soft_is_either_white_or_black(studio: Studio) -> None:
    """What is lighter than the middle is painted; a mask that is darker everywhere would change nothing."""
    light = [studio.pictures(scene(), white(BOX, level=140), mask_blur=0, seed=seed, **QUICK)[0] for seed in (1, 2)]
    assert not np.array_equal(light[0], light[1])
    with pytest.raises(BadRequest, match="nothing of this mask may change"):
        studio.pictures(scene(), white(BOX, level=100), mask_blur=0, **QUICK)


def test_only_masked_paints_the_part_with_all_the_pixels(studio: Studio) -> None:
    picture, mask = scene(200, 150), white((150, 100, 170, 115), 200, 150)
    made = studio.made(picture, mask, only_masked=True, mask_padding=4, mask_blur=0, **QUICK)[0]
    assert (made.width, made.height) == (200, 150)
    assert made.facts["Painted area"] == "31x23 at 144 96"
    result = np.frombuffer(made.rgb, np.uint8).reshape(150, 200, 3).astype(int)
    rows, columns = np.nonzero(change(result, picture))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (150, 100, 169, 114)


def test_the_mask_is_shown_as_it_is_used_before_the_first_step(studio: Studio) -> None:
    events = studio.events(scene(), white(BOX), mask_blur=0, mask_grow=4, **QUICK)
    kinds = [type(event) for event in events if isinstance(event, Shown | Stepped)]
    assert kinds[:2] == [Shown, Stepped]
    shown = next(event for event in events if isinstance(event, Shown))
    levels = np.asarray(Image.open(BytesIO(shown.frame.jpeg)).convert("L").resize((64, 48)))
    assert shown.name == "mask"
    assert levels[20, 17] > 200 > 50 > levels[20, 14]


def test_an_extension_is_painted_and_the_old_picture_stays(studio: Studio) -> None:
    made = studio.pictures(
        scene(), width=96, extend_right=32, extend_overlap=8, mask_content="latent noise", strength=1
    )
    assert made[0].shape == (48, 96, 3)
    assert np.array_equal(made[0][:, :56], np.asarray(scene())[:, :56])
    assert len(np.unique(made[0][:, 70:].reshape(-1, 3), axis=0)) > 100


def test_an_inpainting_checkpoint_sees_the_mask(studio: Studio) -> None:
    """The same start at strength 1 over another part: what differs is what the network is told."""
    one = studio.pictures(scene(), white(BOX), checkpoint="inpaint", mask_blur=0, **QUICK)[0]
    wide = (BOX[0], BOX[1], 64, 48)
    other = studio.pictures(scene(), white(wide), checkpoint="inpaint", mask_blur=0, **QUICK)[0]
    assert not np.array_equal(one[12:30, 22:38], other[12:30, 22:38])


def test_an_inpainting_checkpoint_makes_pictures_from_words_too(studio: Studio) -> None:
    cat, rocket = (studio.pictures(checkpoint="inpaint", prompt=word)[0] for word in ("a cat", "rocket"))
    assert not np.array_equal(cat, rocket)


def test_an_instruct_checkpoint_without_a_picture_is_refused(studio: Studio) -> None:
    with pytest.raises(BadRequest, match="instruct changes pictures and got none"):
        studio.events(checkpoint="instruct")


@pytest.mark.parametrize("prompt", ["a cat AND a rocket", "a [cat|rocket]", "a [cat:rocket:0.5] BREAK moon"])
def test_the_prompts_grammar_holds_under_a_mask(studio: Studio, prompt: str) -> None:
    plain = studio.pictures(scene(), white(BOX), prompt="a cat")[0]
    assert not np.array_equal(studio.pictures(scene(), white(BOX), prompt=prompt)[0], plain)


def test_a_variation_turns_the_noise_under_a_mask(studio: Studio) -> None:
    plain = studio.pictures(scene(), white(BOX), **QUICK)[0]
    subtle, strong = (
        studio.pictures(scene(), white(BOX), variation_seed=9, variation_strength=s, **QUICK)[0] for s in (0.1, 0.6)
    )
    assert 0 < np.abs(subtle - plain).mean() < np.abs(strong - plain).mean()


def test_a_closed_stream_asks_the_network_no_more(studio: Studio) -> None:
    asked: list[int] = []

    class Counter:
        @hookimpl
        def before_predict(self, state: StepState) -> None:
            asked.append(state.step)

    studio.host.register(Counter(), "counter")
    request = replace(REQUEST, image="image", mask="mask")
    events = studio.engine.generate("job", request, {"image": png(scene()), "mask": png(white(BOX))})
    next(event for event in events if isinstance(event, Stepped))
    events.close()  # type: ignore[attr-defined]
    assert asked == [0]


def test_a_picture_that_did_not_come_is_named(studio: Studio) -> None:
    with pytest.raises(BadRequest, match="'lost' is not there"):
        list(studio.engine.generate("job", replace(REQUEST, image="lost"), {}))

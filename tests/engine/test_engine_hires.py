"""The second, finer pass is img2img on the enlarged first one; and what a request starts from can be looked at."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from modules.core.errors import BadRequest, UnknownName
from modules.core.events import Shown, Stepped
from modules.core.family import CheckpointCard
from modules.engine.finish import decode_picture
from modules.engine.hires import second_request
from modules.engine.picture import to_tensor
from modules.sampling.noise import NoiseStream
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import Sigmas, sigmas_for
from modules.upscalers.base import LATENT_MODES
from tests.engine.conftest import REQUEST, Studio, png, scene

HIRES: dict[str, Any] = {
    "hires_scale": 1.5,
    "hires_strength": 0.5,
    "hires_steps": 3,
    "sampler": "Euler",
    "schedule": "uniform",
}
QUICK = HIRES | {"steps": 1, "hires_steps": 1, "cfg_scale": 1}


def by_hand(studio: Studio, latents: torch.Tensor) -> np.ndarray:
    """Exactly 3 steps at strength 0.5, the end of 6, with the noise of the seed at the new shape."""
    family = studio.family()
    stream = NoiseStream([REQUEST.seed], tuple(latents.shape[1:]), "nv")
    levels = sigmas_for(SAMPLERS["Euler"], "uniform", 6, family.noise_levels).values[3:]
    prompt, negative = (family.encode_prompt(text, 1) for text in (REQUEST.prompt, REQUEST.negative_prompt))

    def denoise(x: torch.Tensor, sigma: float) -> Any:
        from modules.core.moments import Prediction

        cond, uncond = (family.denoise(x, sigma, each) for each in (prompt, negative))
        return Prediction(uncond + REQUEST.cfg_scale * (cond - uncond))

    x = latents + levels[0] * stream.draw()
    for step in SAMPLERS["Euler"].run(denoise, x, Sigmas(levels), lambda a, b: torch.zeros(1)):
        x = step.x
    return np.asarray(decode_picture(family, x)).astype(int)


def first_latents(studio: Studio) -> torch.Tensor:
    """Of the first pass, caught at its last step."""
    from modules.core.moments import StepState
    from modules.hooks import hookimpl

    seen: list[torch.Tensor] = []

    class Catch:
        @hookimpl
        def after_step(self, state: StepState) -> None:
            seen.append(state.x.clone())

    studio.host.register(Catch(), "catch")
    studio.pictures(sampler="Euler", schedule="uniform")
    return seen[-1]


@torch.inference_mode()
def test_a_latent_hires_pass_is_the_two_passes_done_by_hand(studio: Studio) -> None:
    ours = studio.pictures(**HIRES, hires_upscaler="Latent (bicubic antialiased)")[0]
    larger = torch.nn.functional.interpolate(first_latents(studio), (18, 24), mode="bicubic", antialias=True)
    assert ours.shape == (72, 96, 3)
    assert np.abs(ours - by_hand(studio, larger)).max() <= 1


@torch.inference_mode()
def test_a_hires_pass_on_pixels_goes_through_the_vae_and_back(studio: Studio) -> None:
    ours = studio.pictures(**HIRES, hires_upscaler="Lanczos")[0]
    small = Image.fromarray(studio.pictures(sampler="Euler", schedule="uniform")[0].astype(np.uint8))
    larger = to_tensor(small.resize((96, 72), Image.Resampling.LANCZOS), "cpu")
    assert np.abs(ours - by_hand(studio, studio.family().encode(larger))).max() <= 1


def test_each_latent_mode_makes_another_picture(studio: Studio) -> None:
    made = {name: studio.pictures(**QUICK, hires_upscaler=name)[0].tobytes() for name in LATENT_MODES}
    del made["Latent (antialiased)"], made["Latent (bicubic antialiased)"]  # the same when something is made larger
    assert len(set(made.values())) == len(made)


def test_the_steps_of_both_passes_are_one_row(studio: Studio) -> None:
    events = studio.events(**HIRES, count=2)
    told = [(event.first_picture, event.step, event.steps) for event in events if isinstance(event, Stepped)]
    assert told == [(picture, step, 8) for picture in (0, 1) for step in range(1, 9)]


def test_a_finer_picture_does_not_depend_on_its_neighbours(studio: Studio) -> None:
    together = studio.pictures(**HIRES, count=2, batch_size=2)
    alone = studio.pictures(**HIRES, seed=REQUEST.seed + 1)
    assert np.abs(together[1] - alone[0]).max() <= 1


def test_the_second_pass_has_its_own_settings_where_they_are_given(studio: Studio) -> None:
    card: CheckpointCard = studio.family().card
    request = replace(
        REQUEST, hires_scale=1.6, hires_sampler="DDIM", hires_schedule="karras", hires_prompt="moon",
        hires_negative_prompt="sun", hires_cfg_scale=2, hires_steps=7, hires_strength=0.3,
    )  # fmt: skip
    second = second_request(request, card)
    assert (second.width, second.height, second.steps, second.strength) == (100, 76, 7, 0.3)
    assert (second.sampler, second.schedule, second.prompt, second.negative_prompt) == ("DDIM", "karras", "moon", "sun")
    assert second.cfg_scale == 2
    same = second_request(replace(REQUEST, hires_scale=2), card)
    assert (same.sampler, same.prompt, same.steps, same.cfg_scale) == (REQUEST.sampler, "a cat", 5, 4)


@pytest.mark.parametrize(
    ("values", "twin"),
    [
        ({"hires_prompt": "rocket"}, {}),
        ({"hires_cfg_scale": 9}, {}),
        ({"hires_steps": 2, "hires_sampler": "Heun"}, {"hires_steps": 2}),
    ],
)
def test_a_setting_of_the_second_pass_changes_the_picture(
    studio: Studio, values: dict[str, object], twin: dict[str, object]
) -> None:
    assert not np.array_equal(studio.pictures(**QUICK | values)[0], studio.pictures(**QUICK | twin)[0])


def test_fractions_of_a_schedule_go_on_from_1_to_2_in_the_second_pass(studio: Studio) -> None:
    plain = studio.pictures(**HIRES, prompt="a cat")[0]
    late = studio.pictures(**HIRES, prompt="a [cat:rocket:1.4]")[0]
    never = studio.pictures(**HIRES, prompt="a [cat:rocket:2.0]")[0]
    counted = studio.pictures(**HIRES, prompt="a [cat:rocket:6]")[0]  # the first of the second pass's steps
    assert np.array_equal(never, plain)
    assert not np.array_equal(late, plain)
    assert np.array_equal(late, counted)


def test_strength_0_of_the_second_pass_only_enlarges(studio: Studio) -> None:
    events = studio.events(**{**HIRES, "hires_strength": 0})
    assert [event.steps for event in events if isinstance(event, Stepped)] == [5] * 5


def test_an_inpainting_checkpoint_has_a_second_pass_too(studio: Studio) -> None:
    assert studio.pictures(checkpoint="inpaint", **QUICK)[0].shape == (72, 96, 3)


def test_a_second_pass_on_a_picture_is_refused(studio: Studio) -> None:
    with pytest.raises(BadRequest, match="from words alone"):
        studio.events(scene(), **HIRES)


def test_an_unknown_upscaler_is_named(studio: Studio) -> None:
    with pytest.raises(UnknownName, match="Magic"):
        studio.events(**QUICK, hires_upscaler="Magic")


def shown(studio: Studio, **values: object) -> dict[str, np.ndarray]:
    """What `look` shows of the scene, by name."""
    request = replace(REQUEST, image="image", **values)  # type: ignore[arg-type]
    events = studio.engine.look("look", request, {"image": png(scene())})
    frames = {event.name: event.frame for event in events if isinstance(event, Shown)}
    return {name: np.asarray(Image.open(BytesIO(frame.jpeg))).astype(int) for name, frame in frames.items()}


def test_the_round_trip_is_what_strength_0_makes(studio: Studio) -> None:
    made = Image.fromarray(studio.pictures(scene(), strength=0)[0].astype(np.uint8)).resize((256, 192), 3)
    assert np.abs(shown(studio)["round trip"] - np.asarray(made)).mean() < 8  # JPEG


def test_the_noised_start_loses_the_picture_as_the_strength_grows(studio: Studio) -> None:
    trips = [shown(studio, strength=strength) for strength in (0, 0.05, 0.5, 1)]
    lost = [np.abs(trip["noised start"] - trip["round trip"]).mean() for trip in trips]
    assert lost[0] < 1
    assert lost == sorted(lost)


def test_there_is_nothing_to_look_at_without_a_picture(studio: Studio) -> None:
    with pytest.raises(BadRequest, match="no picture to look at"):
        list(studio.engine.look("look", REQUEST, {}))

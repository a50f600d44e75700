"""Pictures made larger: any size, in tiles that leave no trace, in bounded memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from spandrel import ModelLoader

from modules.core.errors import BadRequest, UnknownName
from modules.core.upscaling import UpscaleRequest
from modules.upscalers.memory import Living
from tests.upscalers.conftest import CPU, TINY_TILES, Make, difference, finished, noise

ASK = UpscaleRequest(kind="upscale", image="a")
NETWORKS = ("compact", "rrdb", "windows", "denoiser")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_picture_in_one_tile_is_what_spandrel_itself_makes(make: Make, name: str) -> None:
    upscalers, picture = make(), noise(48, 64)
    index = upscalers._index
    model = ModelLoader().load_from_file(index.find(name, "pixels").path or "").eval()
    pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None] / 255
    theirs = (model(pixels)[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    ours, tiles = finished(upscalers.run(picture, replace(ASK, upscaler=name, scale=model.scale)))
    assert len(tiles) == 1
    assert difference(ours, Image.fromarray(theirs)) <= 1


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(101, 67), (96, 49)])
def test_tiles_leave_no_trace(make: Make, name: str, size: tuple[int, int]) -> None:
    request = replace(ASK, upscaler=name, scale=2)
    whole, _ = finished(make().run(noise(*size), request))
    tiled, tiles = finished(make(budget=TINY_TILES).run(noise(*size), request))
    assert len(tiles) > 6
    assert whole.size == (2 * size[0], 2 * size[1])
    assert difference(whole, tiled) <= 2


def test_without_the_pixels_around_it_a_tile_would_leave_a_trace(make: Make) -> None:
    request = replace(ASK, upscaler="rrdb", scale=2)
    picture = noise(96, 48)
    whole, _ = finished(make().run(picture, request))
    left, _ = finished(make().run(picture.crop((0, 0, 48, 48)), request))
    assert difference(whole.crop((0, 0, 96, 96)), left) > 20


@pytest.mark.parametrize("scale", [1, 1.3, 2, 3.7, 4, 6, 8])
@pytest.mark.parametrize("name", ["compact", "denoiser", "Lanczos", "Nearest", "None"])
def test_every_scale_is_reached_by_every_upscaler(make: Make, name: str, scale: float) -> None:
    made, tiles = finished(make().run(noise(33, 20), replace(ASK, upscaler=name, scale=scale)))
    assert made.size == (round(33 * scale), round(20 * scale))
    assert [tile.step for tile in tiles] == list(range(1, tiles[0].steps + 1))


@pytest.mark.parametrize("name", [*NETWORKS, "Lanczos", "Nearest"])
@pytest.mark.parametrize("size", [(1, 1), (1, 70), (7, 3)])
def test_the_smallest_pictures_work(make: Make, name: str, size: tuple[int, int]) -> None:
    made, _ = finished(make(budget=TINY_TILES).run(noise(*size), replace(ASK, upscaler=name, scale=3)))
    assert made.size == (3 * size[0], 3 * size[1])


def test_a_size_is_filled_and_cut_or_fitted_into(make: Make) -> None:
    into = replace(ASK, upscaler="Nearest", width=80, height=80)
    cut, _ = finished(make().run(noise(40, 20), replace(into, crop=True)))
    fitted, _ = finished(make().run(noise(40, 20), into))
    assert (cut.size, fitted.size) == ((80, 80), (80, 40))
    assert difference(cut, noise(40, 20).resize((160, 80), Image.Resampling.NEAREST).crop((40, 0, 120, 80))) == 0


def test_a_second_upscaler_is_mixed_in_and_both_count_as_steps(make: Make) -> None:
    upscalers, picture = make(), noise(40, 40)
    one, _ = finished(upscalers.run(picture, replace(ASK, upscaler="compact")))
    other, _ = finished(upscalers.run(picture, replace(ASK, upscaler="rrdb")))
    both = replace(ASK, upscaler="compact", second_upscaler="rrdb", second_share=0.25)
    mixed, tiles = finished(upscalers.run(picture, both))
    assert difference(mixed, Image.blend(one, other, 0.25)) == 0
    assert [(tile.step, tile.steps) for tile in tiles] == [(1, 2), (2, 2)]


def test_opacity_is_kept_and_what_it_hides_does_not_bleed(make: Make) -> None:
    picture = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    picture.paste((250, 250, 250, 255), (8, 8, 24, 24))
    made, _ = finished(make().run(picture, replace(ASK, upscaler="Lanczos", scale=2)))
    red, _, _, alpha = (np.asarray(band) for band in made.split())
    assert (alpha[32, 32], alpha[2, 2]) == (255, 0)
    assert red[alpha > 0].min() >= 240
    opaque, _ = finished(make().run(picture.convert("RGB"), replace(ASK, upscaler="Lanczos", scale=2)))
    assert np.asarray(opaque)[alpha > 0].min() < 200


def test_the_work_on_a_tile_keeps_its_budget(make: Make) -> None:
    budget = 6_000_000
    upscalers, picture, request = make(budget=budget), noise(160, 120), replace(ASK, upscaler="compact", scale=4)
    finished(upscalers.run(noise(40, 40), request))
    with Living() as living:
        _, tiles = finished(upscalers.run(picture, request))
    assert 4 < len(tiles) < 20
    assert budget / 8 < living.most < budget


def test_more_memory_makes_larger_tiles(make: Make) -> None:
    request = replace(ASK, upscaler="compact")
    counts = [
        finished(make(budget=budget).run(noise(130, 90), request))[1][0].steps
        for budget in (TINY_TILES, 4_000_000, 2**30)
    ]
    assert counts[0] > counts[1] > counts[2] == 1


class Full:
    """A network for which there is no room."""

    device, dtype = torch.device("cpu"), torch.float32

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_where_memory_runs_out_it_is_tried_once_more_with_the_network_loaded_anew(make: Make) -> None:
    upscalers, picture, request = make(), noise(130, 90), replace(ASK, upscaler="rrdb")
    expected, tiles = finished(upscalers.run(picture, request))
    assert len(tiles) == 1
    upscalers._network = replace(upscalers._network, model=Full())  # type: ignore[type-var]
    upscalers._budget = 200_000_000
    made, _ = finished(upscalers.run(picture, request))
    assert difference(made, expected) <= 1


def test_the_first_and_the_newest_tiles_are_seen_while_a_picture_grows(make: Make) -> None:
    _, tiles = finished(make(budget=TINY_TILES).run(noise(96, 64), replace(ASK, upscaler="compact", scale=4)))
    frame = tiles[0].frame
    assert frame is not None
    assert (frame.width, frame.height, frame.jpeg[:2]) == (384, 256, b"\xff\xd8")


def test_closing_the_generator_ends_the_work(make: Make) -> None:
    working = make(budget=TINY_TILES).run(noise(96, 96), replace(ASK, upscaler="rrdb"))
    next(working)
    working.close()
    with pytest.raises(StopIteration):
        next(working)


def test_one_network_is_loaded_at_a_time_and_given_back(make: Make) -> None:
    upscalers = make()
    finished(upscalers.upscale(noise(20, 20), "rrdb", 40, 40))
    assert upscalers.network("rrdb")
    finished(upscalers.upscale(noise(20, 20), "compact", 40, 40))
    assert upscalers.network("compact")
    assert not upscalers.network("rrdb")
    upscalers.unload()
    assert not upscalers.network("compact")


def test_a_hires_pass_gets_exactly_its_size(make: Make) -> None:
    made, _ = finished(make().upscale(noise(40, 30), "compact", 72, 64))
    assert made.size == (72, 64)


def test_a_picture_of_too_many_pixels_is_refused_before_any_work(make: Make) -> None:
    with pytest.raises(BadRequest, match="8400 × 8000 pixels, 67 million; at most 64 million"):
        next(make().run(noise(1050, 1000), replace(ASK, scale=8)))
    with pytest.raises(BadRequest, match="at most 64 million"):
        next(make().upscale(noise(8, 8), "Lanczos", 9000, 9000))


def test_a_latent_mode_is_no_upscaler_for_pictures(make: Make) -> None:
    with pytest.raises(UnknownName, match="no upscaler for pictures called 'Latent'"):
        next(make().run(noise(8, 8), replace(ASK, upscaler="Latent")))


def test_half_precision_only_where_network_and_device_can(make: Make) -> None:
    from modules.upscalers.network import precision

    assert precision(replace(CPU, dtype="fp32"), half=True, bfloat16=True) == "fp32"
    assert precision(replace(CPU, kind="mps", dtype="fp16"), half=True, bfloat16=True) == "fp16"
    assert precision(replace(CPU, kind="mps", dtype="fp16"), half=False, bfloat16=True) == "fp32"
    assert precision(replace(CPU, dtype="bf16"), half=True, bfloat16=False) == "fp32"

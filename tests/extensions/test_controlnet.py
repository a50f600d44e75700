"""ControlNet beside diffusers' own pipelines at tiny size, its preprocessors, and that nothing of it stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionAdapterPipeline,
    StableDiffusionControlNetPipeline,
    T2IAdapter,
)
from PIL import Image
from safetensors.torch import save_file

from modules.core.errors import BadRequest
from modules.core.events import PictureMade
from modules.engine.engine import Engine
from modules.families.device import pick_device
from modules.hooks.engine_host import EngineHost
from modules.hooks.front_host import FrontHost
from modules.manager.index import Index
from modules.manager.manager import Manager
from modules.sampling.noise import NoiseStream
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.upscalers import Upscalers
from tests.checkpoints import SCHEDULER, tiny_checkpoint
from tests.engine.conftest import REQUEST as ENGINE_REQUEST
from tests.engine.conftest import png, scene

EXTENSIONS = Path(__file__).parents[2] / "extensions"
OTHERS = ("grid", "invert", "wildcards")
REQUEST = replace(ENGINE_REQUEST, sampler="DDIM", schedule="ddim")
UNIT = {"controlnet.unit1-image": {"input": "scene"}, "controlnet.unit1-model": "edges"}


@dataclass(frozen=True)
class Control:
    """An engine with the extension, and the networks in its models folder."""

    engine: Engine
    host: EngineHost
    family: Any
    edges: ControlNetModel
    adapter: T2IAdapter

    def picture(self, **extras: Any) -> np.ndarray:
        return levels(self.made(extras))

    def made(self, extras: dict[str, Any]) -> PictureMade:
        request = replace(REQUEST, extras={key.replace("__", "."): value for key, value in extras.items()})
        events = self.engine.generate("job", request, {"scene": png(scene()), "house": png(house())})
        return next(event for event in events if isinstance(event, PictureMade))


def levels(made: PictureMade) -> np.ndarray:
    return np.frombuffer(made.rgb, np.uint8).reshape(made.height, made.width, 3).astype(int)


def house() -> Image.Image:
    """A white square on black."""
    picture = Image.new("RGB", (64, 48))
    picture.paste((255, 255, 255), (20, 12, 44, 36))
    return picture


def randomised(network: Any, seed: int) -> Any:
    """Its zero convolutions say something."""
    torch.manual_seed(seed)
    for name, weight in network.named_parameters():
        if "controlnet_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Control:
    models = tmp_path_factory.mktemp("controlled")
    tiny_checkpoint(models / "Stable-diffusion" / "tiny.safetensors")
    device, host = pick_device(True, "fp32", "automatic"), EngineHost([EXTENSIONS], off=OTHERS)
    manager = Manager(Index((models,)), device, models / "cache")
    engine = Engine(manager, host, Upscalers(UpscalerIndex(()), device), (models,))
    loading = engine.load("load", "tiny")
    while True:
        try:
            next(loading)
        except StopIteration as stop:
            family: Any = stop.value
            break
    with torch.random.fork_rng(devices=[]):
        edges = randomised(ControlNetModel.from_unet(family.unet, conditioning_embedding_out_channels=(16, 32, 96)), 1)
        adapter = T2IAdapter(3, [32, 64], 2, 4).eval().requires_grad_(False)
        wide = randomised(ControlNetModel.from_config({**edges.config, "cross_attention_dim": 48}), 2)
    folder = models / "ControlNet"
    folder.mkdir()
    for name, network in (("edges", edges), ("adapter", adapter), ("wide", wide)):
        save_file(network.state_dict(), folder / f"{name}.safetensors")
    return Control(engine, host, family, edges, adapter)


def theirs(control: Control, kind: Any, network: Any, **values: Any) -> np.ndarray:
    family = control.family
    scheduler = DDIMScheduler(**SCHEDULER, clip_sample=False, set_alpha_to_one=True, steps_offset=1)
    parts = [family.vae, family.text_encoder, None, family.unet, network, scheduler, None, None]
    pipeline = kind(*parts, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        made = pipeline(
            prompt_embeds=family.encode_prompt(REQUEST.prompt, 1).embeddings,
            negative_prompt_embeds=family.encode_prompt(REQUEST.negative_prompt, 1).embeddings,
            latents=NoiseStream([REQUEST.seed], family.latent_shape(REQUEST.width, REQUEST.height), "nv").draw(),
            width=REQUEST.width,
            height=REQUEST.height,
            guidance_scale=REQUEST.cfg_scale,
            num_inference_steps=REQUEST.steps,
            output_type="np",
            **values,
        )
    return np.asarray(made.images[0] * 255).astype(int)


def as_tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("weight", "start", "end"), [(1.0, 0.0, 1.0), (0.6, 0.0, 1.0), (1.0, 0.2, 0.8)])
def test_controlnet_is_the_pipelines(control: Control, weight: float, start: float, end: float) -> None:
    unit = {"controlnet__unit1-weight": weight, "controlnet__unit1-start": start, "controlnet__unit1-end": end}
    said = {"controlnet_conditioning_scale": weight, "control_guidance_start": start, "control_guidance_end": end}
    wanted = theirs(control, StableDiffusionControlNetPipeline, control.edges, image=as_tensor(scene()), **said)
    assert np.abs(control.picture(**UNIT, **unit) - wanted).max() <= 1
    assert np.abs(control.picture() - wanted).max() > 1  # the twin that must differ


def test_two_units_add_up(control: Control) -> None:
    second = {"controlnet.unit2-image": {"input": "house"}, "controlnet.unit2-model": "edges"}
    wanted = theirs(
        control,
        StableDiffusionControlNetPipeline,
        [control.edges, control.edges],
        image=[as_tensor(scene()), as_tensor(house())],
        controlnet_conditioning_scale=[1.0, 0.5],
    )
    ours = control.picture(**UNIT, **second, **{"controlnet.unit2-weight": 0.5})
    assert np.abs(ours - wanted).max() <= 1
    assert np.abs(control.picture(**UNIT) - wanted).max() > 1


def test_t2i_adapter_is_the_pipelines(control: Control) -> None:
    ours = control.picture(**{**UNIT, "controlnet.unit1-model": "adapter"}, **{"controlnet.unit1-weight": 0.8})
    values = {"image": as_tensor(scene()), "adapter_conditioning_scale": 0.8}
    wanted = theirs(control, StableDiffusionAdapterPipeline, control.adapter, **values)
    assert np.abs(ours - wanted).max() <= 1
    assert np.abs(control.picture() - wanted).max() > 1


def test_the_words_of_a1111s_api_mean_the_same(control: Control) -> None:
    said = {
        "image": {"input": "scene"},
        "model": "edges [abcd1234]",
        "module": "None",
        "weight": 0.7,
        "control_mode": 0,
    }
    ours = {**UNIT, "controlnet.unit1-weight": 0.7}
    assert np.array_equal(control.picture(**{"controlnet.units": [said]}), control.picture(**ours))


def test_nothing_of_it_stays(control: Control) -> None:
    weights = {name: weight.clone() for name, weight in control.family.unet.state_dict().items()}
    before = control.picture()
    control.picture(**UNIT)
    assert np.array_equal(control.picture(), before)
    assert all(torch.equal(weights[name], weight) for name, weight in control.family.unet.state_dict().items())
    assert not control.family.unet._forward_pre_hooks


def test_the_record_says_how(control: Control) -> None:
    assert control.made(UNIT).facts["ControlNet 0"].startswith("Module: none, Model: edges, Weight: 1")


@pytest.mark.parametrize(
    ("extras", "said"),
    [
        ({"controlnet.unit1-model": "nothing"}, "no ControlNet model called 'nothing'"),
        ({"controlnet.unit1-model": ""}, "no model"),
        ({"controlnet.unit1-model": "wide"}, "does not fit the checkpoint"),
        ({"controlnet.unit1-preprocessor": "openpose"}, "no preprocessor 'openpose'"),
        ({"controlnet.unit1-start": 0.9, "controlnet.unit1-end": 0.1}, "start before end"),
        ({"controlnet.units": [{"model": "edges"}]}, 'needs "image"'),
        ({"controlnet.unit1-image": {"input": "gone"}}, "not there any more"),
    ],
)
def test_what_cannot_be_is_said(control: Control, extras: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        control.made({**UNIT, **extras})
    assert said in f"{refused.value.message} {refused.value.advice}"
    assert control.host.faults == ()


def test_files_are_offered_by_name(control: Control, tmp_path: Path) -> None:
    (tmp_path / "ControlNet" / "sd15").mkdir(parents=True)
    (tmp_path / "ControlNet" / "sd15" / "canny.safetensors").touch()
    host = FrontHost([EXTENSIONS], off=OTHERS, models=(tmp_path,))
    (models,) = [one for one in host.controls("txt2img") if one.name == "unit1-model"]
    assert models.choices == ("", "sd15/canny")


@pytest.fixture(scope="module")
def prepare(control: Control) -> Callable[..., np.ndarray]:
    """(name of a preprocessor, picture) -> levels of what the network sees."""
    control.host.load()
    plugin: Any = control.host._plugins.get_plugin("controlnet")
    unit = plugin.Unit("image", "model")

    def prepare(name: str, picture: Image.Image, size: tuple[int, int] = (64, 48), **values: Any) -> np.ndarray:
        return np.asarray(plugin.prepared(picture, replace(unit, preprocessor=name, **values), size)).astype(int)

    return prepare


def test_canny_finds_thin_outlines(prepare: Callable[..., np.ndarray]) -> None:
    edges = prepare("canny", house())[..., 0]
    assert set(np.unique(edges)) == {0, 255}
    assert edges[24].nonzero()[0].tolist() in ([19, 43], [19, 44], [20, 43], [20, 44])
    assert prepare("canny", Image.new("RGB", (64, 48), "teal")).max() == 0


def test_canny_keeps_a_weak_edge_only_beside_a_strong_one(prepare: Callable[..., np.ndarray]) -> None:
    picture = Image.new("L", (64, 48))
    picture.paste(40, (0, 0, 32, 48))  # a weak edge, 160 of Sobel's
    weak = picture.convert("RGB")
    picture.paste(90, (0, 0, 32, 10))  # its upper part is strong
    assert prepare("canny", weak).max() == 0
    assert (prepare("canny", picture.convert("RGB"))[20:40].max(axis=(1, 2)) == 255).all()


def test_soft_edges_and_scribbles_are_light_lines_on_black(prepare: Callable[..., np.ndarray]) -> None:
    for name in ("soft edges", "scribble"):
        lines = prepare(name, house())
        assert lines.max() == 255
        assert lines[24, 32].max() == lines[2, 2].max() == 0, name


def test_blur_and_tile_keep_colours_and_lose_detail(prepare: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    for name in ("blur", "tile"):
        seen = prepare(name, noise)
        assert abs(seen.mean() - np.asarray(noise).mean()) < 6
        assert seen.std() < np.asarray(noise).std() / 3


def test_another_shape_is_cut_filled_or_stretched(prepare: Callable[..., np.ndarray]) -> None:
    tall = Image.new("RGB", (16, 48), "black")
    tall.paste((255, 255, 255), (0, 0, 16, 8))
    assert prepare("none", tall, resize="stretch")[:6].min() == 255
    assert prepare("none", tall, resize="crop").max() == 0
    assert prepare("none", tall, resize="fill")[2].min() == 255

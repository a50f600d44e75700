"""ControlNet and T2I-Adapter with SDXL, beside diffusers' own pipelines at tiny size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionXLAdapterPipeline,
    StableDiffusionXLControlNetPipeline,
    T2IAdapter,
)
from safetensors.torch import save_file

from modules.core.events import PictureMade
from modules.engine.engine import Engine
from modules.families.device import pick_device
from modules.families.sdxl import SDXL
from modules.families.unet.family import UnetFamily
from modules.hooks.engine_host import EngineHost
from modules.manager.index import Index
from modules.manager.manager import Manager
from modules.sampling.noise import NoiseStream
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.upscalers import Upscalers
from tests.checkpoints import SCHEDULER, finished, tiny_file_of
from tests.engine.conftest import png, scene
from tests.extensions.test_controlnet import EXTENSIONS, OTHERS, REQUEST, UNIT, as_tensor, levels, randomised
from tests.families import oracle

torch.set_num_threads(1)


@dataclass(frozen=True)
class Control:
    """An engine with the extension over a tiny SDXL checkpoint, and the networks in its models folder."""

    engine: Engine
    family: UnetFamily
    edges: ControlNetModel
    adapter: T2IAdapter

    def picture(self, **extras: Any) -> np.ndarray:
        events = self.engine.generate("job", replace(REQUEST, extras=extras), {"scene": png(scene())})
        return levels(next(event for event in events if isinstance(event, PictureMade)))


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Control:
    models = tmp_path_factory.mktemp("controlled-xl")
    tiny_file_of(models / "Stable-diffusion" / "tiny.safetensors", SDXL)
    device, host = pick_device(True, "fp32", "automatic"), EngineHost([EXTENSIONS], off=OTHERS)
    manager = Manager(Index((models,)), device, models / "cache")
    engine = Engine(manager, host, Upscalers(UpscalerIndex(()), device), (models,))
    family = finished(engine.load("load", "tiny"))
    assert isinstance(family, UnetFamily)
    with torch.random.fork_rng(devices=[]):
        edges = randomised(ControlNetModel.from_unet(family.unet, conditioning_embedding_out_channels=(16, 32, 96)), 1)
        adapter = T2IAdapter(3, [32, 64, 64, 64], 2, 8, "full_adapter_xl").eval().requires_grad_(False)
    (models / "ControlNet").mkdir()
    for name, network in (("edges", edges), ("adapter", adapter)):
        save_file(network.state_dict(), models / "ControlNet" / f"{name}.safetensors")
    return Control(engine, family, edges, adapter)


def theirs(control: Control, kind: Any, **values: Any) -> np.ndarray:
    family = control.family
    parts = {name: part for name, part in oracle.pipeline(family).components.items() if name != "scheduler"}
    kinds = {name: part for name, part in parts.items() if name not in {"feature_extractor", "image_encoder"}}
    scheduler = DDIMScheduler(**SCHEDULER, clip_sample=False, set_alpha_to_one=True, steps_offset=1)
    network = {"adapter": control.adapter} if "Adapter" in kind.__name__ else {"controlnet": control.edges}
    marks = {} if "Adapter" in kind.__name__ else {"add_watermarker": False}
    pipeline = kind(**kinds, **network, scheduler=scheduler, **marks)
    pipeline.set_progress_bar_config(disable=True)
    words = [family.encode_prompt(text, 1) for text in (REQUEST.prompt, REQUEST.negative_prompt)]
    with torch.inference_mode():
        made = pipeline(
            prompt_embeds=words[0].embeddings,
            pooled_prompt_embeds=words[0].pooled,
            negative_prompt_embeds=words[1].embeddings,
            negative_pooled_prompt_embeds=words[1].pooled,
            latents=NoiseStream([REQUEST.seed], family.latent_shape(REQUEST.width, REQUEST.height), "nv").draw(),
            width=REQUEST.width,
            height=REQUEST.height,
            image=as_tensor(scene()),
            guidance_scale=REQUEST.cfg_scale,
            num_inference_steps=REQUEST.steps,
            output_type="np",
            **values,
        )
    return np.asarray(made.images[0] * 255).astype(int)


@pytest.mark.parametrize(("weight", "start", "end"), [(1.0, 0.0, 1.0), (0.6, 0.2, 0.8)])
def test_controlnet_is_the_pipelines(control: Control, weight: float, start: float, end: float) -> None:
    unit = {"controlnet.unit1-weight": weight, "controlnet.unit1-start": start, "controlnet.unit1-end": end}
    said = {"controlnet_conditioning_scale": weight, "control_guidance_start": start, "control_guidance_end": end}
    wanted = theirs(control, StableDiffusionXLControlNetPipeline, **said)
    assert np.abs(control.picture(**UNIT, **unit) - wanted).max() <= 1
    assert np.abs(control.picture() - wanted).max() > 1  # the twin that must differ


def test_t2i_adapter_is_the_pipelines(control: Control) -> None:
    adapter = {**UNIT, "controlnet.unit1-model": "adapter", "controlnet.unit1-weight": 0.8}
    wanted = theirs(control, StableDiffusionXLAdapterPipeline, adapter_conditioning_scale=0.8)
    assert np.abs(control.picture(**adapter) - wanted).max() <= 1
    assert np.abs(control.picture() - wanted).max() > 1


def test_nothing_of_it_stays(control: Control) -> None:
    weights = {name: weight.clone() for name, weight in control.family.unet.state_dict().items()}
    before = control.picture()
    control.picture(**UNIT)
    assert np.array_equal(control.picture(), before)
    assert all(torch.equal(weights[name], weight) for name, weight in control.family.unet.state_dict().items())

"""Others around the very same weights: diffusers' own pipelines, its default precision, OpenVINO's compiled U-Net."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

Call = Callable[..., object]  # (latents, time, words) and by name what SDXL is told besides


def plain(network: Any) -> Any:
    """diffusers' own layers and attention (SDPA) around the very same weights."""
    import torch

    with torch.device("meta"):
        copy = type(network).from_config(network.config)
    copy.load_state_dict(network.state_dict(), assign=True)
    return copy.requires_grad_(False).eval()


def pipeline_of(family: Any) -> Any:
    """diffusers' pipeline around the same weights, in the same precision and memory order."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline

    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=family.card.prediction,
        steps_offset=1,
    )
    parts: dict[str, Any] = {**family.networks, "vae": plain(family.vae), "unet": plain(family.unet)}
    tokenizers = dict.fromkeys(name.replace("encoder", "tokenizer")[5:] for name in parts if "encoder" in name)
    if len(tokenizers) == 2:
        pipeline: Any = StableDiffusionXLPipeline(**parts, **tokenizers, scheduler=scheduler, add_watermarker=False)
    else:
        unused: dict[str, Any] = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        pipeline = StableDiffusionPipeline(**parts, **tokenizers, scheduler=scheduler, **unused)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def words_for(family: Any, prompt: str, negative: str) -> dict[str, Any]:
    """Both prompts as the pipeline takes them."""
    shown, hidden = family.encode_prompt(prompt, 1), family.encode_prompt(negative, 1, True)
    words = {"prompt_embeds": shown.embeddings, "negative_prompt_embeds": hidden.embeddings}
    if shown.pooled is not None:
        words |= {"pooled_prompt_embeds": shown.pooled, "negative_pooled_prompt_embeds": hidden.pooled}
    return words


def default_unet(unet: Any) -> Call:
    """As diffusers has it where nobody says otherwise: fp32, its own memory order. Takes a copy of the weights."""
    import torch

    network = plain(unet).float().to(memory_format=torch.contiguous_format)

    def call(x: Any, time: Any, words: Any, **more: Any) -> object:
        return network(x.float(), time, words.float(), **more)

    return call


def has_openvino() -> bool:
    return find_spec("openvino") is not None


def openvino_unet(unet: Any, x: Any, time: Any, words: Any) -> Call:
    """Converted at this size and compiled for bf16; takes a minute and two more copies of the weights."""
    import torch

    openvino: Any = import_module("openvino")
    example = (x.float().contiguous(), time, words.float())
    network = plain(unet).float().to(memory_format=torch.contiguous_format)
    network.forward = partial(network.forward, return_dict=False)
    model = openvino.convert_model(network, example_input=example)
    model.reshape({index: list(one.shape) for index, one in enumerate(example)})
    hints = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "LATENCY"}
    threads = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = openvino.compile_model(model, "CPU", hints | threads)
    inputs = [one.numpy() for one in example]
    return lambda *given, **more: compiled(inputs)

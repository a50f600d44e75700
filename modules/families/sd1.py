"""Stable Diffusion 1.x (Rombach et al. 2022) of any width and depth, the starter checkpoint included."""

from __future__ import annotations

from modules.families.base import FAMILIES
from modules.families.unet.kind import Kind, TextEncoder
from modules.families.unet.loader import UnetLoader

PIPELINES = frozenset(
    {"StableDiffusionPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionInstructPix2PixPipeline"}
)
SD1 = Kind(
    family="sd1",
    title="SD 1.x",
    pipelines=PIPELINES,
    encoders=(TextEncoder("text_encoder", "cond_stage_model.transformer."),),
    native_size=512,
    scaling_factor=0.18215,
    head_width=None,
    skips=True,
)
FAMILIES.add("sd1", UnetLoader(SD1))

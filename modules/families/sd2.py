"""Stable Diffusion 2.x: OpenCLIP's ViT-H reads the prompt, and the network answers with epsilon (base) or v."""

from __future__ import annotations

from modules.families.base import FAMILIES
from modules.families.sd1 import PIPELINES
from modules.families.unet.kind import Kind, TextEncoder
from modules.families.unet.loader import UnetLoader

SD2 = Kind(
    family="sd2",
    title="SD 2.x",
    pipelines=PIPELINES,
    encoders=(TextEncoder("text_encoder", "cond_stage_model.model.", open_clip=True, unused_layers=1),),
    native_size=768,
    scaling_factor=0.18215,
    probes=True,
    base_size=512,
)
FAMILIES.add("sd2", UnetLoader(SD2))

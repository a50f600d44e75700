"""SDXL (Podell et al. 2023) and its refiner, v-prediction and zero-SNR variants included."""

from __future__ import annotations

from dataclasses import replace

from modules.families.base import FAMILIES
from modules.families.unet.kind import Kind, TextEncoder
from modules.families.unet.loader import UnetLoader

PIPELINES = frozenset(
    {
        "StableDiffusionXLPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        "StableDiffusionXLInpaintPipeline",
        "StableDiffusionXLInstructPix2PixPipeline",
    }
)
OPEN_CLIP = TextEncoder("text_encoder_2", "", open_clip=True, projected=True, penultimate=True)
SDXL = Kind(
    family="sdxl",
    title="SDXL",
    pipelines=PIPELINES,
    encoders=(
        TextEncoder("text_encoder", "conditioner.embedders.0.transformer.", penultimate=True),
        replace(OPEN_CLIP, prefix="conditioner.embedders.1.model."),
    ),
    native_size=1024,
    scaling_factor=0.13025,
    time_ids=6,
    upcast_vae=True,
    zero_empty=True,
)
REFINER = replace(
    SDXL,
    title="the SDXL refiner",
    encoders=(replace(OPEN_CLIP, prefix="conditioner.embedders.0.model."),),
    time_ids=5,
    score=True,
)
FAMILIES.add("sdxl", UnetLoader(SDXL, REFINER))

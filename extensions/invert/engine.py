"""Turns every colour of a finished picture into its opposite, when the checkbox of `extension.py` is on."""

from PIL import Image, ImageOps

from modules.hooks import GenerationRequest, hookimpl


@hookimpl
def after_decode(image: Image.Image, request: GenerationRequest) -> Image.Image | None:
    return ImageOps.invert(image) if request.extras.get("invert.enabled") else None

"""Every colour turned into its opposite."""

from PIL import Image, ImageOps

from modules.hooks import hookimpl


@hookimpl
def after_decode(image: Image.Image) -> Image.Image:
    return ImageOps.invert(image)

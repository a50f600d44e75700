"""Pictures with transparent parts: colours are enlarged as if there were none, the opacity beside them."""

from __future__ import annotations

from PIL import Image, ImageFilter

BLEED = 8  # pixels, standard deviation


def bled(picture: Image.Image) -> Image.Image:
    """RGB of a picture whose transparent parts have taken the colours next to them, so that no edge gets a rim.

    What was stored in them is invisible, and mostly black.
    """
    if picture.mode != "RGBA":
        return picture
    around = picture.convert("RGBa").filter(ImageFilter.GaussianBlur(BLEED)).convert("RGBA").convert("RGB")
    visible = picture.getchannel("A").point(lambda level: 255 if level else 0)
    return Image.composite(picture.convert("RGB"), around, visible)


def with_opacity_of(picture: Image.Image, small: Image.Image, method: Image.Resampling) -> Image.Image:
    """An RGB picture with the opacity of a smaller one, RGBA if that has any."""
    if small.mode == "RGBA":
        picture.putalpha(small.getchannel("A").resize(picture.size, method))
    return picture

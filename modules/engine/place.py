"""Which part of the input picture is painted, and how the painted part goes back to its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5, sha256
from math import ceil

from PIL import Image, ImageChops

from modules.core.errors import BadRequest
from modules.core.request import GenerationRequest
from modules.engine.mask import beyond, is_hard_somewhere, shaped, weights
from modules.engine.picture import Box, cut, fitted, read_mask, read_picture, resized

Size = tuple[int, int]


@dataclass(frozen=True)
class Place:
    """A part of a picture, and the size it is painted at.

    base: the whole picture, RGB. mask: where it may change, grey levels of the same size; None is everywhere. soft:
    grey means a degree of change. box: the part that is painted; it may reach beyond the base, whose edge then
    continues. size: width and height of the painting. digest: of the picture that was brought. source: that picture
    before it was stretched, for the resize mode "latent".
    """

    base: Image.Image
    mask: Image.Image | None
    soft: bool
    box: Box
    size: Size
    digest: str
    source: Image.Image | None = None

    @property
    def seen(self) -> Image.Image:
        """The part as the model gets it."""
        return resized(cut(self.base, self.box), self.size)

    @property
    def seen_mask(self) -> Image.Image | None:
        return None if self.mask is None else resized(cut(self.mask, self.box), self.size)

    def finished(self, painted: Image.Image) -> Image.Image:
        """The base with the painted part in its place. Where the mask is black no pixel differs from the base."""
        left, top, right, bottom = self.box
        whole = self.base.copy()
        whole.paste(resized(painted, (right - left, bottom - top)), (left, top))
        return whole if self.mask is None else Image.composite(whole, self.base, weights(self.mask, self.soft))

    @property
    def facts(self) -> dict[str, str]:
        """What a picture's record should say: digests of picture and mask, and the part that was painted."""
        said = {"Init image hash": self.digest}
        if self.mask is None:
            return said
        left, top, right, bottom = self.box
        return said | {
            "Mask digest": sha256(self.mask.tobytes()).hexdigest()[:12],
            "Painted area": f"{right - left}x{bottom - top} at {left} {top}",
        }


def place(request: GenerationRequest, inputs: Mapping[str, bytes], multiple: int) -> Place | None:
    """Where a request paints; None if it starts from noise alone.

    multiple: of the checkpoint's sizes. A size that is the picture's own (with its extensions), rounded up to the
    multiple, does not resample: the picture is continued to that size, and the result is cut to the picture's own.
    Raises BadRequest.
    """
    if not request.image:
        if request.mask or any(_extensions(request)):
            raise BadRequest("a mask or an extension needs a picture", "give a picture to start from")
        return None
    if request.hires_scale > 1:
        raise BadRequest(
            "a second, finer pass is for pictures made from words alone",
            "set the hires scale to 1; to make the result larger use Upscale",
        )
    brought = read_picture(inputs, request.image)
    digest = md5(brought.tobytes(), usedforsecurity=False).hexdigest()  # as in A1111
    picture, mask = _canvas(brought, request, inputs)
    if mask is not None and mask.getbbox() is None:
        raise BadRequest("the mask is empty: nothing may change", "paint over what should change")
    if mask is not None and not request.soft_mask and not is_hard_somewhere(mask):
        raise BadRequest(
            f"with a blur of {request.mask_blur:g} pixels nothing of this mask may change by more than half",
            "paint with a wider brush, let the mask grow, or blur it less; a grey mask needs the soft mask",
        )
    size = request.width, request.height
    if mask is not None and request.only_masked:
        return Place(picture, mask, request.soft_mask, surroundings(mask, request.mask_padding, size), size, digest)
    whole = (0, 0, *size)
    if all(0 <= wanted - own < multiple for wanted, own in zip(size, picture.size, strict=True)):
        return Place(picture, mask, request.soft_mask, whole, size, digest)
    source = picture if request.resize_mode == "latent" else None
    base = fitted(picture, size, request.resize_mode)
    mask = None if mask is None else fitted(mask, size, request.resize_mode)
    return Place(base, mask, request.soft_mask, whole, size, digest, source)


def _canvas(
    picture: Image.Image, request: GenerationRequest, inputs: Mapping[str, bytes]
) -> tuple[Image.Image, Image.Image | None]:
    """The picture with its extensions, and the mask on it."""
    mask = shaped(_mask_of(picture, request, inputs), request) if request.mask else None
    left, top, right, bottom = _extensions(request)
    if not any((left, top, right, bottom)):
        return picture, mask
    inner = left, top, left + picture.width, top + picture.height
    outer = -left, -top, picture.width + right, picture.height + bottom
    canvas = cut(picture, outer)
    new = beyond(canvas.size, inner, request.extend_overlap)
    if mask is not None:
        both = Image.new("L", canvas.size)
        both.paste(mask, inner)
        new = ImageChops.lighter(new, both)
    return canvas, new


def _mask_of(picture: Image.Image, request: GenerationRequest, inputs: Mapping[str, bytes]) -> Image.Image:
    mask = read_mask(inputs, request.mask)
    if mask.size != picture.size:
        own, other = (f"{one.width}x{one.height}" for one in (picture, mask))
        raise BadRequest(f"the mask has {other} pixels, the picture {own}", "a mask has the size of its picture")
    return mask


def _extensions(request: GenerationRequest) -> Box:
    return request.extend_left, request.extend_top, request.extend_right, request.extend_bottom


def surroundings(mask: Image.Image, padding: int, size: Size) -> Box:
    """The mask's bounding box with padding, made larger to the aspect of `size` and kept inside the picture if it fits.

    A side longer than the picture reaches beyond both of its edges equally.
    """
    left, top, right, bottom = mask.getbbox() or (0, 0, *mask.size)
    left, top = max(0, left - padding), max(0, top - padding)
    right, bottom = min(mask.width, right + padding), min(mask.height, bottom + padding)
    width = max(right - left, ceil((bottom - top) * size[0] / size[1]))
    height = max(bottom - top, ceil((right - left) * size[1] / size[0]))
    left, top = _shifted(left + right, width, mask.width), _shifted(top + bottom, height, mask.height)
    return left, top, left + width, top + height


def _shifted(ends: int, length: int, available: int) -> int:
    """Where a stretch begins whose middle is ends / 2, moved inside 0..available."""
    if length > available:
        return (available - length) // 2
    return min(max((ends - length) // 2, 0), available - length)

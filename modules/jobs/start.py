"""Requests that start from a picture: sizes taken from it, what belongs together checked, nothing changed unsaid."""

from __future__ import annotations

from collections.abc import Mapping

from modules.core.errors import BadRequest
from modules.core.family import CheckpointCard
from modules.core.request import GenerationRequest
from modules.core.requests import AnyRequest, Input
from modules.core.upscaling import UpscaleRequest
from modules.jobs.complete import changed
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES
from modules.upscalers.base import UPSCALERS
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.size import target

GLIMPSE_PIXELS = 1_100_000  # of a look; a photo of 12 megapixels would take minutes, and the memory of a job
Inputs = Mapping[str, Input]
EXTENSIONS = {"width": ("extend_left", "extend_right"), "height": ("extend_top", "extend_bottom")}


def settle_start(
    request: GenerationRequest, card: CheckpointCard, inputs: Inputs, upscalers: UpscalerIndex
) -> GenerationRequest:
    """The request with the size of its picture, the parent of it, and the names of a hires pass as they are listed.

    A side of 0 becomes the picture's own with what extends it, rounded up to the checkpoint's multiple: at that size
    the engine continues the picture's edge, paints, and cuts the result back, so that nothing is resampled.
    `notes_on` says so. Where only the masked part is painted it becomes the side the checkpoint is best at.
    Raises BadRequest.
    """
    if request.hires_scale > 1:
        request = settle_hires(request, upscalers)
    if not request.image:
        check_no_picture(request, card)
        return request
    picture = inputs[request.image]
    if request.mask and (mask := inputs[request.mask]) and size(mask) != size(picture):
        raise BadRequest(
            f"the mask is {words(size(mask))} and its picture {words(size(picture))}: both must have one size",
            "draw the mask on this picture, or bring it to its size",
        )
    width, height = painted_size(request, card, picture)
    parent = request.parent or picture.parent
    return changed(request, width=request.width or width, height=request.height or height, parent=parent)


def as_glimpse(request: GenerationRequest, picture: Input, multiple: int) -> GenerationRequest:
    """A settled request at a size at which a look takes seconds. Where it becomes smaller its noise looks coarser."""
    if request.resize_mode == "latent" and picture.width * picture.height > GLIMPSE_PIXELS:
        request = changed(request, resize_mode="stretch")  # else the whole picture went through the VAE
    share = (GLIMPSE_PIXELS / (request.width * request.height)) ** 0.5
    if share >= 1:
        return request
    width, height = (
        max(multiple, int(side * share) // multiple * multiple) for side in (request.width, request.height)
    )
    return changed(request, width=width, height=height)


def settle_colours(request: GenerationRequest, inputs: Inputs) -> GenerationRequest:
    """A request that asks no checkpoint: style mode "colour", at its picture's own size. Raises BadRequest."""
    picture = inputs[request.image]
    if (request.width or picture.width, request.height or picture.height) != size(picture):
        raise BadRequest(
            f"style mode 'colour' keeps the picture's size, {words(size(picture))}; "
            f"got {words((request.width, request.height))}",
            "set width and height to 0",
        )
    if request.mask or canvas(request, picture) != size(picture):
        raise BadRequest("style mode 'colour' changes the whole picture", "leave out the mask and what extends it")
    parent = request.parent or picture.parent
    return changed(request, checkpoint="", width=picture.width, height=picture.height, parent=parent)


def painted_size(request: GenerationRequest, card: CheckpointCard, picture: Input) -> tuple[int, int]:
    """Width and height to paint at where none were asked for."""
    whole = canvas(request, picture)
    if request.only_masked and (request.mask or whole != size(picture)):
        return card.native_size, card.native_size
    unit = card.size_multiple
    return -(-whole[0] // unit) * unit, -(-whole[1] // unit) * unit


def canvas(request: GenerationRequest, picture: Input) -> tuple[int, int]:
    """Width and height of the picture with what extends it."""
    wide, high = (sum(getattr(request, name) for name in names) for names in EXTENSIONS.values())
    return picture.width + wide, picture.height + high


def check_no_picture(request: GenerationRequest, card: CheckpointCard) -> None:
    if card.input_kind == "instruct":
        raise BadRequest(
            f"{card.name} changes pictures as it is told: it needs one to start from",
            "choose a picture, or another checkpoint",
        )
    if request.mask:
        raise BadRequest("a mask needs a picture to lie on", "choose a picture, or leave out the mask")
    if any(getattr(request, name) for pair in EXTENSIONS.values() for name in pair):
        raise BadRequest("there is no picture to extend", "choose one, or set all extensions to 0")


def settle_hires(request: GenerationRequest, upscalers: UpscalerIndex) -> GenerationRequest:
    if request.image:
        raise BadRequest(
            "a second, finer pass is for pictures made from words alone",
            "set the hires scale to 1; to make the result larger use Upscale",
        )
    name = request.hires_upscaler
    is_latent = name in UPSCALERS and UPSCALERS[name].kind == "latent"
    return changed(
        request,
        hires_upscaler=UPSCALERS.canonical(name) if is_latent else upscalers.find(name, "pixels").name,
        hires_sampler=request.hires_sampler and SAMPLERS.canonical(request.hires_sampler),
        hires_schedule=request.hires_schedule and SCHEDULES.canonical(request.hires_schedule),
    )


def settle_upscale(request: UpscaleRequest, inputs: Inputs, upscalers: UpscalerIndex) -> UpscaleRequest:
    """The request with its names as they are listed, and the parent of its picture. Raises BadRequest."""
    if not request.image:
        raise BadRequest("there is no picture to make larger", "choose one")
    picture = inputs[request.image]
    target(size(picture), request)  # refuses what is too large
    second = request.second_upscaler
    return changed(
        request,
        upscaler=upscalers.find(request.upscaler, "pixels").name,
        second_upscaler=second and upscalers.find(second, "pixels").name,
        parent=request.parent or picture.parent,
    )


def notes_on(
    asked: AnyRequest, settled: AnyRequest, inputs: Inputs, card: CheckpointCard | None = None
) -> tuple[str, ...]:
    """What became different from what somebody may expect, in plain words. card: of the checkpoint that paints."""
    if isinstance(asked, UpscaleRequest) or isinstance(settled, UpscaleRequest) or not asked.image:
        return ()
    picture, painted = inputs[asked.image], (settled.width, settled.height)
    notes = ["what is transparent in the picture became white"] if picture.has_alpha else []
    own = canvas(asked, picture)
    is_part = asked.only_masked and (asked.mask or own != size(picture))
    if card and not is_part and own != painted and is_rounded(painted, own, card.size_multiple):
        notes.append(f"painted at {words(painted)}, the next size this checkpoint can make, and cut to {words(own)}")
    return tuple(notes)


def is_rounded(painted: tuple[int, int], own: tuple[int, int], multiple: int) -> bool:
    """Whether a size is the picture's own rounded up, which the engine cuts back, instead of one to be stretched to."""
    return all(0 <= wanted - side < multiple for wanted, side in zip(painted, own, strict=True))


def size(picture: Input) -> tuple[int, int]:
    return picture.width, picture.height


def words(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"

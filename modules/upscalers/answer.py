"""The worker's answer to an `Upscale` task: tiles as steps, then the picture and what its record should say."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from time import monotonic

from PIL import Image

from modules.core import VERSION
from modules.core.events import Event, Finished, PictureMade, Stepped
from modules.core.task import Upscale
from modules.core.upscaling import UpscaleRequest
from modules.families.device import Device
from modules.upscalers.network import Network
from modules.upscalers.upscalers import Upscalers, has_second


def answer(upscalers: Upscalers, device: Device, task: Upscale) -> Iterator[Event]:
    """Every tile and the picture. Raises what `Upscalers.run` does."""
    started = monotonic()
    picture = opened(task.inputs[task.request.image])
    size = picture.size
    working = upscalers.run(picture, task.request)
    try:
        while True:
            tile = next(working)
            yield Stepped(task.id, 0, tile.step, tile.steps, 0.0, tile.seconds, tile.frame)
    except StopIteration as stop:
        picture = stop.value
    finally:
        working.close()
    alpha = picture.getchannel("A").tobytes() if picture.mode == "RGBA" else b""
    network = upscalers.network(task.request.upscaler) or upscalers.network(task.request.second_upscaler)
    said = facts(task.request, size, network, device)
    rgb = (picture.convert("RGB") if alpha else picture).tobytes()
    yield PictureMade(task.id, 0, 0, picture.width, picture.height, rgb, said, alpha)
    yield Finished(task.id, monotonic() - started)


def opened(png: bytes) -> Image.Image:
    """An input picture, RGB, or RGBA if any of it is transparent."""
    picture: Image.Image = Image.open(BytesIO(png))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    return picture.convert("RGB") if picture.getchannel("A").getextrema() == (255, 255) else picture


def facts(request: UpscaleRequest, size: tuple[int, int], network: Network | None, device: Device) -> dict[str, str]:
    """A1111's names first. network: the one that was used, None for resampling alone."""
    said = {"Postprocess upscaler": request.upscaler}
    if has_second(request):
        said |= {"Postprocess upscaler 2": request.second_upscaler, "Share of the second": f"{request.second_share:g}"}
    if request.width or request.height:
        said |= {"Postprocess upscale to": f"{request.width or 'any'}x{request.height or 'any'}"}
        said |= {"Postprocess crop to": f"{request.width}x{request.height}"} if request.crop else {}
    else:
        said |= {"Postprocess upscale by": f"{request.scale:g}"}
    said |= {"Source size": f"{size[0]}x{size[1]}"}
    if network:
        said |= {"Network": network.title, "Precision": network.dtype, "Device": device.title}
    return said | {"Version": f"Taffy {VERSION}"}

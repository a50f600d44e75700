"""The worker half shows the pieces of one step's answer, and what the VAE alone does to a picture."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from math import hypot
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from modules.hooks import Answered, BadRequest, Bench, Family, Question

from .channels import channels
from .record import unpacked
from .replay import PARTS, Wish, arrays, replayed

QUALITY = 90  # of a JPEG


def parts(question: Question, bench: Bench) -> Iterator[Answered]:
    """{"name", "channels"} and a picture for each: the starting noise, what the network saw, what it said with and
    without the words, and the difference of the two, which has no picture. Payload: "request", "step", "cfg_scale".
    """
    payload: Any = question.payload
    step = int(payload["step"])
    found = [one.data for one in replayed(question, bench, Wish((step,), parts=True)) if one.key == PARTS]
    told = {name: torch.from_numpy(values) for name, values in arrays(found[-1]).items()}
    calls = unpacked(question.data["steps"])
    seen = {"start": calls.calls[0].sigma, "x": calls.at(step).sigma}
    with bench.family(payload["request"]["checkpoint"], vae=payload["request"].get("vae", "automatic")) as family:
        for name, latents in pieces(told, float(payload["cfg_scale"])).items():
            scaled = latents / hypot(1, seen[name]) if name in seen else latents  # as bright as a picture's latents
            shown = b"" if name == "difference" else jpeg(bench.picture(family, scaled.to(family.device)))
            about: Any = {"name": name, "channels": channels(latents[0].numpy())}
            yield Answered(about, shown)


def pieces(told: dict[str, Tensor], cfg_scale: float) -> dict[str, Tensor]:
    """start, x, and the answers; "cond" is solved from x0 = uncond + cfg_scale (cond - uncond)."""
    x0, uncond = told["x0"], told.get("uncond")
    shown = {"start": told["start"], "x": told["x"]}
    if uncond is None or not cfg_scale:
        return shown | {"cond": x0}
    difference = (x0 - uncond) / cfg_scale
    return shown | {"cond": uncond + difference, "uncond": uncond, "difference": difference}


def round_trip(question: Question, bench: Bench) -> Iterator[Answered]:
    """The picture in the data through the VAE and back, PNG; {"width", "height"}: of the part that fits its cells."""
    payload: Any = question.payload
    picture = Image.open(BytesIO(question.data["picture"])).convert("RGB")
    with bench.family(payload["checkpoint"], vae=payload["vae"]) as family:
        part = fitting(picture, family)
        pixels = torch.from_numpy(np.asarray(part, np.float32) / 255).permute(2, 0, 1)[None].to(family.device)
        file = BytesIO()
        bench.picture(family, family.encode(pixels)).save(file, "PNG")
        yield Answered({"width": part.width, "height": part.height}, file.getvalue())


def fitting(picture: Image.Image, family: Family) -> Image.Image:
    """Its upper left part in whole cells of the VAE. Raises BadRequest for a picture smaller than one."""
    cell = family.card.size_multiple
    width, height = (side // cell * cell for side in picture.size)
    if not (width and height):
        raise BadRequest(f"this picture is smaller than {cell} pixels", "choose a larger one")
    return picture.crop((0, 0, width, height))


def jpeg(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()

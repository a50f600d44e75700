"""UpscaleRequest: what somebody wants to see larger. Checks form only; the upscaler's name is checked by `App`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from modules.core.request import InputId, Share, Side


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class UpscaleRequest:
    """One picture made larger, without words.

    image: id of an input picture. upscaler: name in `UPSCALERS` that works on pixels.
    scale: 1 to 8, unless width and height (pixels) are given; crop: cut what is too much, instead of fitting inside.
    second_upscaler, second_share: another one's answer, mixed in by 0 to 1.
    parent: id of the picture this one is made from.
    """

    kind: Literal["upscale"]
    image: InputId
    upscaler: str = "Lanczos"
    scale: Annotated[float, Field(ge=1, le=8)] = 2.0
    width: Side = 0
    height: Side = 0
    crop: bool = False
    second_upscaler: str = ""
    second_share: Share = 0.0
    parent: InputId = ""

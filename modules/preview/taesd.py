"""TAESD (https://github.com/madebyollin/taesd): a distilled decoder for SD 1.x latents, where its file is there."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from modules.preview.base import PREVIEWS, Places

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from modules.core.family import Family

FOLDER = "VAE-approx"
OTHERS = ("taesdxl", "taesd3", "taesd_encoder")  # for other latents, or the other way round
BLOCKS = (3, 3, 3, 1)
DOWNSCALE = 8
MAX_CELLS = 64  # a side: 512 pixels, as large as a preview gets
log = logging.getLogger(__name__)


class Taesd:
    """Loads the decoder when it is first asked for."""

    def __init__(self, places: Places) -> None:
        self._file = find_taesd(places.models)
        self._decoder: Module | None = None

    def suits(self, family: Family) -> bool:
        """Whether there is a file and the latents have SD 1.x's form."""
        if self._file is None or family.card.downscale != DOWNSCALE or family.card.latent_channels != 4:
            return False
        return self._loaded(family) is not None

    def pixels(self, family: Family, latents: Tensor) -> Tensor:
        """Larger latents than a preview needs are averaged first."""
        import torch
        from torch.nn import functional

        decoder = self._loaded(family)
        assert decoder is not None  # the caller asked `suits`
        weight = next(decoder.parameters())
        factor = -(-max(latents.shape[-2:]) // MAX_CELLS)
        small = functional.avg_pool2d(latents, factor, ceil_mode=True).to(weight)
        with torch.no_grad():
            decoded: Tensor = decoder(small)
        return (decoded.float() / 2 + 0.5).clamp(0, 1)

    def _loaded(self, family: Family) -> Module | None:
        """In the family's precision; None if the file cannot be used."""
        from safetensors import SafetensorError

        if self._decoder is None and self._file is not None:
            try:
                self._decoder = load_taesd(self._file)
            except (OSError, SafetensorError, RuntimeError, KeyError, ValueError) as error:
                log.warning("%s cannot be used for previews: %s", self._file.name, error)
                self._file = None
        return self._decoder and _placed(self._decoder, family)


def find_taesd(models: tuple[Path, ...]) -> Path | None:
    """`models/VAE-approx/taesd*.safetensors`, the first one for SD 1.x."""
    files = [file for folder in models for file in sorted((folder / FOLDER).glob("taesd*.safetensors"))]
    return next((file for file in files if not file.name.startswith(OTHERS)), None)


def load_taesd(path: Path) -> Module:
    """diffusers' class with the weights of a file in diffusers' or in TAESD's own naming, whatever its width."""
    from diffusers.models.autoencoders.vae import DecoderTiny
    from safetensors.torch import load_file

    weights = {_diffusers_name(name): weight for name, weight in load_file(path).items()}
    first = weights["layers.0.weight"]  # (width, latent channels, 3, 3)
    decoder: Module = DecoderTiny(
        in_channels=first.shape[1],
        out_channels=3,
        num_blocks=BLOCKS,
        block_out_channels=(first.shape[0],) * len(BLOCKS),
        upsampling_scaling_factor=2,
        act_fn="relu",
        upsample_fn="nearest",
    )
    decoder.load_state_dict({name: weights[name] for name in decoder.state_dict()})
    return decoder.requires_grad_(False).eval()


def _diffusers_name(name: str) -> str:
    """ "decoder.layers.0.weight" or "1.weight": TAESD's own list begins with the clamp."""
    number, _, rest = name.partition(".")
    return f"layers.{int(number) - 1}.{rest}" if number.isdecimal() else name.removeprefix("decoder.")


def _placed(decoder: Module, family: Family) -> Module:
    import torch

    precisions = {"bf16": torch.bfloat16, "fp16": torch.float16}
    return decoder.to(family.device, precisions.get(family.facts.get("Precision", ""), torch.float32))


PREVIEWS.add("taesd", Taesd)

"""The cheapest preview: a 3x3 map from latents to colours, fitted to the loaded VAE and kept on disk."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from modules.core.errors import CannotSave
from modules.core.paths import write_atomically
from modules.preview.base import PREVIEWS, Places
from modules.preview.fit import NOISE_WEIGHT, PICTURE_WEIGHT, Fit, empty_fit, mixed_noise, packed, unpacked

if TYPE_CHECKING:
    from torch import Tensor

    from modules.core.family import Family

PROBES = 8  # latents of noise that are decoded for the first fit
SIDE = 16  # cells of a side of each
ENOUGH = 64  # finished pictures after which the fit stays as it is
log = logging.getLogger(__name__)


class Linear:
    """Knows the fit of the VAE that was shown last."""

    def __init__(self, places: Places) -> None:
        self._folder = places.cache / "linear-preview"
        self._vae_key = ""
        self._fit: Fit | None = None

    def suits(self, family: Family) -> bool:
        return True

    def pixels(self, family: Family, latents: Tensor) -> Tensor:
        return self.fit_for(family).pixels(latents)

    def fit_for(self, family: Family) -> Fit:
        """The fit for this family's VAE: remembered, else from disk, else made (a second or two on a CPU)."""
        if self._fit is not None and self._vae_key == family.vae_key:
            return self._fit
        return self._keep(family, unpacked(self._file(family.vae_key)) or first_fit(family))

    def learn(self, family: Family, latents: Tensor) -> float | None:
        """Decode the middle of a finished picture's latents and refit; returns the R2 there before, None if enough.

        The middle only: a sixteenth of the cost at 512x512, and it needs nobody to hand pixels over.
        """
        fit = self.fit_for(family)
        if fit.pictures >= ENOUGH:
            return None
        middle = _middle(latents[:1])
        pixels = family.decode(middle)
        self._keep(family, fit.learned(middle, pixels, PICTURE_WEIGHT, pictures=1))
        return fit.r2(middle, pixels)

    def _keep(self, family: Family, fit: Fit) -> Fit:
        """A fit that cannot be saved is made again next time."""
        self._vae_key, self._fit = family.vae_key, fit
        try:
            write_atomically(self._file(family.vae_key), packed(fit))
        except CannotSave as error:
            log.warning("the preview's fit: %s", error)
        return fit

    def _file(self, vae_key: str) -> Path:
        return self._folder / f"{vae_key}.safetensors"


def first_fit(family: Family) -> Fit:
    """Fitted on decodes of mixed-scale noise, one by one: little memory."""
    import torch

    generator = torch.Generator().manual_seed(0)
    latents = mixed_noise(PROBES, family.card.latent_channels, SIDE, generator).to(family.device)
    pixels = torch.cat([family.decode(latent[None]) for latent in latents])
    return empty_fit(latents.shape[1]).learned(latents, pixels, NOISE_WEIGHT)


def _middle(latents: Tensor) -> Tensor:
    rows, columns = latents.shape[-2:]
    top, left = max(0, rows - SIDE) // 2, max(0, columns - SIDE) // 2
    return latents[..., top : top + SIDE, left : left + SIDE]


PREVIEWS.add("linear", Linear)

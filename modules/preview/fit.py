"""A 3x3 map from latents to colours, fitted by least squares to pairs of latents and pictures. Tensors only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor

REACH = 3  # cells a side that a colour is made from
NOISE_WEIGHT = 1024.0  # what the decoded noise counts, in cells
PICTURE_WEIGHT = 256.0  # what a finished picture counts: four together outweigh the noise, one never does
RIDGE = 1e-4  # keeps the equations solvable when a channel is flat


@dataclass(frozen=True)
class Fit:
    """Normal equations, so that pairs can be added for ever: gram = A^T A, moment = A^T B.

    A row of A is a cell's neighbourhood and a 1, a row of B its mean colour. pictures: finished ones learned from.
    """

    gram: Tensor  # (9 c + 1, 9 c + 1), float64
    moment: Tensor  # (9 c + 1, 3), float64
    pictures: int = 0

    def learned(self, latents: Tensor, pixels: Tensor, weight: float, pictures: int = 0) -> Fit:
        """This fit and one more set of pairs; `weight` in cells for all of them together."""
        rows, colours = neighbourhoods(latents), mean_colours(latents, pixels)
        scale = weight / len(rows)
        return Fit(self.gram + scale * rows.T @ rows, self.moment + scale * rows.T @ colours, self.pictures + pictures)

    def solution(self) -> Tensor:
        """The map: (9 c + 1, 3), float64."""
        import torch

        ridge = RIDGE * torch.eye(len(self.gram), dtype=self.gram.dtype) * self.gram.diagonal().mean()
        solution: Tensor = torch.linalg.solve(self.gram + ridge, self.moment)
        return solution

    def pixels(self, latents: Tensor) -> Tensor:
        """Latents (batch, c, h, w) -> colours (batch, 3, h, w) in 0..1."""
        batch, _, rows, columns = latents.shape
        colours = neighbourhoods(latents) @ self.solution()
        return colours.view(batch, rows, columns, 3).permute(0, 3, 1, 2).clamp(0, 1).float()

    def r2(self, latents: Tensor, pixels: Tensor) -> float:
        """Share of the colours' variance that the map explains, over cells and channels; 1 is perfect."""
        colours = mean_colours(latents, pixels)
        error = (neighbourhoods(latents) @ self.solution() - colours).square().sum()
        return float(1 - error / (colours - colours.mean(0)).square().sum())


def empty_fit(channels: int) -> Fit:
    import torch

    size = REACH * REACH * channels + 1
    return Fit(torch.zeros(size, size, dtype=torch.float64), torch.zeros(size, 3, dtype=torch.float64))


def neighbourhoods(latents: Tensor) -> Tensor:
    """(batch, c, h, w) -> (batch * h * w, 9 c + 1), float64; the rim is repeated outwards."""
    import torch
    from torch.nn import functional

    padded = functional.pad(latents.detach().cpu().double(), (1, 1, 1, 1), mode="replicate")
    rows = functional.unfold(padded, REACH).transpose(1, 2).flatten(0, 1)
    return torch.cat([rows, torch.ones(len(rows), 1, dtype=rows.dtype)], dim=1)


def mean_colours(latents: Tensor, pixels: Tensor) -> Tensor:
    """The mean colour of each cell: (batch * h * w, 3), float64."""
    from torch.nn import functional

    rows, columns = latents.shape[-2:]
    cells = functional.adaptive_avg_pool2d(pixels.detach().cpu().double(), (rows, columns))
    return cells.permute(0, 2, 3, 1).reshape(-1, 3)


def mixed_noise(batch: int, channels: int, side: int, generator: Generator) -> Tensor:
    """Noise of several finenesses at once, unit variance: pictures have structure at every scale, white noise at one.

    Fitted on it a map explains 0.82 of unseen real latents, on white noise 0.69 (measured on a small trained VAE).
    """
    import torch
    from torch.nn import functional

    total = torch.zeros(batch, channels, side, side)
    for cells in (2, 4, 8, 16):
        noise = torch.randn(batch, channels, cells, cells, generator=generator)
        weight = torch.rand(batch, 1, 1, 1, generator=generator)
        total += weight * functional.interpolate(noise, size=(side, side), mode="bicubic")
    return total / total.std(dim=(1, 2, 3), keepdim=True)


def packed(fit: Fit) -> bytes:
    """As safetensors."""
    from safetensors.torch import save

    return save({"gram": fit.gram, "moment": fit.moment}, {"pictures": str(fit.pictures)})


def unpacked(path: Path) -> Fit | None:
    """A packed fit from disk; None if there is none that can be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return Fit(file.get_tensor("gram"), file.get_tensor("moment"), int(file.metadata()["pictures"]))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None

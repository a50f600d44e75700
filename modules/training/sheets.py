"""Pictures of an evaluation: the first of every paper in order, and made pictures beside their nearest real ones."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from modules.training.pictures import sheet

COLUMNS = 12


def evaluation_sheet(papers: list[tuple[list[str], Tensor]], rows: int = 2) -> Image.Image:
    """The first `rows` rows of every paper, seeds from 0 on, nothing selected. Pictures (n, 3, h, w) in 0..1."""
    count = rows * COLUMNS
    labels = [label for prompts, _ in papers for label in prompts[:count]]
    return sheet(torch.cat([pictures[:count] for _, pictures in papers]), labels, COLUMNS)


def nearest_sheet(made: Tensor, training: Tensor, labels: list[str]) -> Image.Image:
    """Each made picture above the training picture nearest to it, both (n, 3, h, w) in 0..1."""
    return sheet(torch.cat([made, training]), [*labels, *["nearest in training"] * len(made)], len(made))

"""A text encoder's table of token vectors, with learned rows behind its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Extended(nn.Module):
    """ids from the table's size on stand for the further rows, each (vectors, width), in order."""

    def __init__(self, table: nn.Embedding, rows: Sequence[Tensor]) -> None:
        super().__init__()
        self.table = table
        self.first = table.num_embeddings
        self.rows = torch.cat(list(rows)).to(table.weight)

    def forward(self, ids: Tensor) -> Tensor:
        """(windows, tokens) -> (windows, tokens, width)."""
        vectors: Tensor = self.table(ids.clamp(max=self.first - 1))
        known = (ids < self.first)[..., None]
        return vectors.where(known, self.rows.to(vectors)[(ids - self.first).clamp(min=0)])

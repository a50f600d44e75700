"""Shared attention in numbers, beside the same thing written with whole matrices; and exact undo."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from modules.adapters.style_shared import normalised, self_attention, shared, with_first
from modules.families.unet.family import UnetFamily


def rows(count: int, tokens: int = 9, width: int = 32, seed: int = 0) -> Tensor:
    return torch.randn(count, tokens, width, generator=torch.Generator().manual_seed(seed))


def test_every_row_gets_the_statistics_of_the_first_of_its_group() -> None:
    x = rows(6) * torch.arange(1, 7)[:, None, None]
    mean, spread = normalised(x, 3, 1.0).mean(1), normalised(x, 3, 1.0).std(1)
    for row, first in ((1, 0), (2, 0), (4, 3), (5, 3)):
        assert torch.allclose(mean[row], x[first].mean(0), atol=1e-4)
        assert torch.allclose(spread[row], x[first].std(0), atol=1e-3)
    assert torch.allclose(normalised(x, 3, 1.0)[0], x[0], atol=1e-4)
    assert torch.equal(normalised(x, 3, 0.0), x)


def test_tokens_of_the_first_stand_behind_each_rows_own() -> None:
    x = rows(4)
    assert torch.equal(with_first(x, 2), torch.cat([x, x[[0, 0, 2, 2]]], 1))


@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_it_is_the_published_attention(attentive_epsilon: UnetFamily, amount: float) -> None:
    attention = self_attention(attentive_epsilon)[0]
    x = rows(6)
    with torch.no_grad(), shared(attentive_epsilon, 3, amount):
        ours = attention(x)
    with torch.no_grad():
        plain, wanted = attention(x), published(attention, x, 3, amount)
    assert (ours - wanted).abs().max() < 1e-5
    assert (ours - plain).abs().max() > 1e-3
    assert (ours[[0, 3]] - plain[[0, 3]]).abs().max() < 1e-4  # the first of a group sees nothing new


def test_leaving_undoes_everything_also_after_an_error(attentive_epsilon: UnetFamily) -> None:
    attention = self_attention(attentive_epsilon)[0]
    plain = attention(rows(2))
    with pytest.raises(ZeroDivisionError), shared(attentive_epsilon, 2):
        _ = 1 / 0
    assert torch.equal(attention(rows(2)), plain)
    assert not any(module._forward_hooks for module in attentive_epsilon.unet.modules())


def published(attention: Any, x: Tensor, pictures: int, amount: float) -> Tensor:
    """As in the authors' code: AdaIN of queries and keys, the first row's keys and values behind, softmax, unfused."""
    q, k, v = attention.to_q(x), attention.to_k(x), attention.to_v(x)
    answers = []
    for row in range(len(x)):
        first = row // pictures * pictures

        def alike(y: Tensor, row: int = row, first: int = first) -> Tensor:
            mean, spread = y.mean(1), (y.var(1) + 1e-5).sqrt()
            return torch.lerp(y[row], (y[row] - mean[row]) / spread[row] * spread[first] + mean[first], amount)

        keys, values = torch.cat([alike(k), alike(k, first)]), torch.cat([v[row], v[first]])
        heads = [part.chunk(attention.heads, -1) for part in (alike(q), keys, values)]
        weighed = [
            (one @ other.T / one.shape[-1] ** 0.5).softmax(-1) @ value for one, other, value in zip(*heads, strict=True)
        ]
        answers.append(attention.to_out[0](torch.cat(weighed, -1)))
    return torch.stack(answers)

"""A series in one style without training (StyleAligned: Hertz et al. 2024, "Style Aligned Image Generation").

Every picture of a batch also attends to the keys and values of the first, with its own queries and keys brought to the
first one's statistics. Hooks on the projections do it, so whichever attention kernel or LoRA is in use stays in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from modules.core.errors import BadRequest
from modules.core.family import Family

EPSILON = 1e-5  # of the authors' code, beside the variance


@contextmanager
def shared(family: Family, pictures: int, amount: float = 1.0) -> Iterator[None]:
    """Within it the rows of each `pictures` (one group for each prompt) share the attention of their first row.

    amount: 0 to 1, how far queries and keys are brought to the first one's statistics (section 4.2, AdaIN).
    """

    def alike(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return normalised(output, pictures, amount)

    def alike_and_first(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return with_first(normalised(output, pictures, amount), pictures)

    def first(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return with_first(output, pictures)

    hooks: dict[str, Callable[..., Tensor]] = {"to_q": alike, "to_k": alike_and_first, "to_v": first}
    with ExitStack() as undo:
        for attention in self_attention(family):
            for projection, hook in hooks.items():
                undo.callback(getattr(attention, projection).register_forward_hook(hook).remove)
        yield


def self_attention(family: Family) -> list[Any]:
    """Every self-attention of the U-Net. Raises BadRequest for a family without."""
    network = family.networks.get("unet")
    found = [module for name, module in network.named_modules() if name.endswith(".attn1")] if network else []
    if not found:
        raise BadRequest(
            f"a series in one style needs a U-Net (Stable Diffusion 1, 2, XL); {family.card.name} is another kind",
            "choose another checkpoint",
        )
    return found


def normalised(x: Tensor, pictures: int, amount: float) -> Tensor:
    """Each channel over the tokens gets mean and deviation of the group's first row. x: (groups * pictures, n, c)."""
    mean, spread = x.mean(1, keepdim=True), (x.var(1, keepdim=True) + EPSILON).sqrt()
    wanted_mean, wanted_spread = _first_of(mean, pictures), _first_of(spread, pictures)
    return torch.lerp(x, (x - mean) / spread * wanted_spread + wanted_mean, amount)


def with_first(x: Tensor, pictures: int) -> Tensor:
    """Each row's tokens, and behind them those of the group's first row: (rows, 2 n, c)."""
    return torch.cat([x, _first_of(x, pictures)], 1)


def _first_of(x: Tensor, pictures: int) -> Tensor:
    """The first row of each group, for all of its rows: like x."""
    return x.view(-1, pictures, *x.shape[1:])[:, :1].expand(-1, pictures, *x.shape[1:]).reshape_as(x)

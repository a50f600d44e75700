"""Fast mode: between whole calls of a U-Net its deep features are those of the last whole one (DeepCache, Ma et al.
2023, "DeepCache: accelerating diffusion models for free", section 3.3).

What lies deep in a U-Net changes little from step to step. A quick call computes the last layers from the newest
latents, with what stands beside them on the way down (their skips); all between is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from modules.core.errors import BadRequest
from modules.core.family import Family

INTRA = "down_intrablock_additional_residuals"  # of T2I-Adapters: one for each level
Given = tuple[Any, ...]
Named = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """What a whole call left: the words it was about, and what came up to its last layers, (batch, c, h, w)."""

    words: Tensor
    deep: Tensor


class DeepFeatures:
    """Of one U-Net, from call to call. layers: how many of the last layers every call computes.

    0 layers are one where they have attention, else all of the last level: without attention they cost little.
    Raises BadRequest for a network without a deep part.
    """

    def __init__(self, family: Family, layers: int = 0) -> None:
        unet: Any = family.networks.get("unet")
        if unet is None or len(getattr(unet, "up_blocks", ())) < 2:
            raise BadRequest(
                f"fast mode needs a U-Net (Stable Diffusion 1, 2, XL); {family.card.name} is another kind",
                "choose another checkpoint, or set fast mode to 1",
            )
        last = unet.up_blocks[-1]
        usual = 1 if hasattr(last, "attentions") else len(last.resnets)
        self.layers = min(layers or usual, len(last.resnets))
        self._unet = unet
        self._known: dict[tuple[int, ...], Known] = {}
        self._undo = ExitStack()

    @contextmanager
    def at_work(self, quick: bool) -> Iterator[None]:
        """Calls of the network inside are whole and remembered, instead of what was; or quick where something is known
        about their words: the very same tensor, or the same rows of it."""
        if not quick:
            self._known.clear()
        with ExitStack() as hooks:
            before = self._quick if quick else self._whole
            hooks.callback(self._unet.register_forward_pre_hook(before, with_kwargs=True).remove)
            hooks.callback(self._unet.register_forward_hook(self._restore, always_call=True).remove)
            yield

    def _whole(self, unet: nn.Module, given: Given, named: Named) -> None:
        """Watch what comes up to the last layers; a skip of the first level's width is behind it."""
        key, skip = _key(given), self._unet.conv_in.out_channels

        def note(layer: nn.Module, seen: Given) -> None:
            self._known[key] = Known(given[2], seen[0][:, :-skip].clone())

        first = self._unet.up_blocks[-1].resnets[-self.layers]
        self._undo.callback(first.register_forward_pre_hook(note).remove)

    def _quick(self, unet: nn.Module, given: Given, named: Named) -> tuple[Given, Named] | None:
        """Leave out all but the first and the last layers of the first level."""
        known = self._known.get(_key(given))
        if known is None:
            self._whole(unet, given, named)
            return None
        down, up = self._unet.down_blocks, self._unet.up_blocks
        nothing = known.deep.new_zeros(())  # residuals of ControlNets can be added to it
        for block in range(1, len(down)):
            self._replace(down, block, Answering((nothing, (nothing,))))
            self._replace(up, block - 1, Answering(known.deep))
        self._replace(self._unet, "mid_block", Answering(nothing))
        whole = self.layers == len(up[-1].resnets)
        for part in ("resnets", "attentions"):
            if hasattr(down[0], part):
                self._replace(down[0], part, getattr(down[0], part)[: self.layers - 1])
            if hasattr(up[-1], part):
                self._replace(up[-1], part, getattr(up[-1], part)[-self.layers :])
        self._replace(down[0], "downsamplers", None)
        if INTRA in named:  # the one of the first level is added behind its last layer
            named = named | {INTRA: named[INTRA][: int(whole and hasattr(down[0], "attentions"))]}
        return given, named

    def _replace(self, parent: nn.Module, name: str | int, other: nn.Module | None) -> None:
        self._undo.callback(parent._modules.__setitem__, str(name), parent._modules[str(name)])
        parent._modules[str(name)] = other

    def _restore(self, *call: object) -> None:
        self._undo.close()


class Answering(nn.Module):
    """Stands where a block is left out. resnets: one skip is taken from those before, as each block has left one."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer
        self.resnets = (None,)

    def forward(self, *given: Any, **named: Any) -> Any:
        return self.answer


def _key(given: Given) -> tuple[int, ...]:
    """Of a call: its words and its size."""
    sample, _, words = given[:3]
    return words.data_ptr(), *words.shape, *sample.shape

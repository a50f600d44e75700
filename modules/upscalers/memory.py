"""What a network needs for every pixel it is shown: found by looking at one small piece of work."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

PROBE = 64  # pixels of a side: every network of spandrel can see so small a picture
HIDDEN = 2.0  # times what is seen: kernels keep copies of their own in another order, for as long as they run


class Living(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is active: `most`, the bytes of all new tensors that lived at the same time, at the worst moment."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        super().__init__()  # type: ignore[no-untyped-call]
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(answer):
            if isinstance(tensor, Tensor):
                self._note(tensor.untyped_storage())
        return answer

    def _note(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._known:
            self._known.add(key)
            weakref.finalize(storage, self._forget, key, storage.nbytes())
            self._now += storage.nbytes()
            self.most = max(self.most, self._now)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._now -= size


@torch.inference_mode()
def bytes_a_pixel(work: Callable[[Tensor], object]) -> float:
    """Memory that `work` takes for each pixel of a picture (1, 3, h, w), its own kernels' included."""
    with Living() as living:
        work(torch.zeros(1, 3, PROBE, PROBE))
    return HIDDEN * float(living.most) / PROBE**2

"""The compiled loop run for tensors, in the threads that PyTorch computes with."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import e, log2, sqrt
from pathlib import Path
from threading import local

import numpy as np
import torch
from torch import Tensor

from modules.attention.amx.layout import JOB, room_of
from modules.attention.amx.loop import thread

TILES = 8
ALIGNED = 64  # bytes
Together = Callable[[int, int, int], None]


class Attention:
    """compute(q, k, v): (batch, heads, tokens, width) in bf16 -> the same for the queries, and their log-sum-exps."""

    def __init__(self) -> None:
        torch.cpu._init_amx()  # asks the operating system for the tiles: where it was measured earlier, nobody has yet
        self._together = _together()
        self._kept = local()
        shapes = np.zeros(ALIGNED, np.uint8)  # Intel's manual: palette 1, from byte 16 bytes of a row, from 48 rows
        shapes[0], shapes[48 : 48 + TILES] = 1, 16
        shapes[16 : 16 + 2 * TILES : 2] = 64
        self._shapes = shapes

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, with_lse: bool = False) -> tuple[Tensor, Tensor | None]:
        """For what `Amx` takes."""
        batch, heads, queries, width = q.shape
        out = q.new_empty(batch, queries, heads, width).transpose(1, 2)
        lse = q.new_empty(batch, heads, queries, dtype=torch.float32) if with_lse else None
        job = np.zeros(1, JOB)
        for name, one in (("q", q), ("k", k), ("v", v), ("out", out)):
            job[name] = one.data_ptr()
            for of, stride in zip(("batch", "head", "row"), one.stride(), strict=False):
                job[f"{name}_{of}"] = stride * one.element_size()
        threads = torch.get_num_threads()
        job["parts"] = max(1, -(-threads // (batch * heads)))
        job["items"] = batch * heads * job["parts"]
        job["heads"], job["queries"], job["keys"], job["width"] = heads, queries, k.shape[2], width
        job["factor"] = log2(e) / sqrt(width)
        counters = np.zeros(2, np.int64)
        job["next_thread"], job["next_item"] = counters.ctypes.data, counters[1:].ctypes.data
        job["tiles"] = self._shapes.ctypes.data
        job["lse"] = 0 if lse is None else lse.data_ptr()
        size = room_of(job[0], 0).end  # of the first thread's, from 0
        job["room_size"], job["room"] = size, self._room(size * threads)
        self._together(thread.address, job.ctypes.data, threads)
        return out, lse

    def _room(self, size: int) -> int:
        """An address of so many bytes, aligned; kept for the next time."""
        kept: Tensor | None = getattr(self._kept, "room", None)
        if kept is None or kept.numel() < size + ALIGNED:
            kept = self._kept.room = torch.empty(size + ALIGNED, dtype=torch.uint8)
        return -(-kept.data_ptr() // ALIGNED) * ALIGNED


def _together() -> Together:
    """together(function, argument, threads): the function in so many threads at once.

    In those of the OpenMP that PyTorch brought, where it is GNU's: others would wait for cores that its own keep awake.
    """
    folder = Path(torch.__file__).parent
    found = [*folder.glob("lib/libgomp*"), *folder.parent.glob("torch.libs/libgomp*")]
    if found:
        parallel = ctypes.CDLL(str(found[0])).GOMP_parallel
        parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        parallel.restype = None
        return lambda function, argument, threads: parallel(function, argument, threads, 0)
    pool = ThreadPoolExecutor(thread_name_prefix="attention")
    called = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

    def together(function: int, argument: int, threads: int) -> None:
        list(pool.map(called(function), [argument] * threads))

    return together

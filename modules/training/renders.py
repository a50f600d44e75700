"""The second part of the data: many scenes drawn once into one file, by several processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from modules.training.catalog import CONCEPTS
from modules.training.compose import Sprites, render
from modules.training.pack import load_pack
from modules.training.scenes import Holdouts, Scene, draw_scene
from modules.training.variation import USUAL, Strength

CHUNK = 250
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class RenderSet:
    """Pictures (n, 3, 64, 64) as bytes, on disk, with the scenes they show."""

    pictures: Bytes
    scenes: list[Scene]

    def floats(self, chosen: NDArray[np.int64]) -> Tensor:
        """Some of the pictures: (len(chosen), 3, 64, 64) in 0..1."""
        return torch.from_numpy(self.pictures[chosen]).float() / 255


@dataclass(frozen=True)
class Plan:
    """Which scenes a set holds. The same plan draws the same bytes, in any number of processes."""

    seed: int
    count: int
    holdouts: Holdouts
    strength: Strength = USUAL
    concepts: tuple[str, ...] = tuple(CONCEPTS)

    def scene(self, index: int) -> Scene:
        """The scene of one place in the set."""
        return draw_scene(np.random.default_rng((self.seed, 1, index)), self.holdouts, self.concepts)


def draw_all(plan: Plan, pack: Path, path: Path, workers: int) -> RenderSet:
    """Draw what the file does not hold yet; a killed run goes on where it was."""
    mark = path.with_suffix(".done")
    done = int(mark.read_text()) if mark.exists() else 0
    shape = (plan.count, 3, 64, 64)
    store = np.lib.format.open_memmap(path, mode="r+" if done else "w+", dtype=np.uint8, shape=shape)
    for start, pictures in _chunks(plan, pack, range(done, plan.count, CHUNK), workers):
        store[start : start + len(pictures)] = pictures
        done = start + len(pictures)
        if done % (20 * CHUNK) == 0 or done == plan.count:
            store.flush()
            mark.write_text(str(done))
        sys.stderr.write(f"\rpictures {done} of {plan.count} ")
    return RenderSet(store, [plan.scene(i) for i in range(plan.count)])


def _chunks(plan: Plan, pack: Path, starts: range, workers: int) -> Iterator[tuple[int, Bytes]]:
    """Pictures from each start on: by several processes, or by this one."""
    if not starts:
        return
    if workers == 1:
        _open(pack, plan)
        yield from zip(starts, map(_draw_chunk, starts), strict=True)
        return
    with ProcessPoolExecutor(workers, initializer=_open, initargs=(pack, plan)) as pool:
        yield from zip(starts, pool.map(_draw_chunk, starts), strict=True)


def draw_here(scenes: list[Scene], sprites: Sprites, strength: Strength = USUAL) -> Tensor:
    """A few scenes in this process: (n, 3, 64, 64) in 0..1."""
    return torch.stack([render(scene, sprites, strength) for scene in scenes])


class _Worker:
    """What a drawing process keeps between chunks: a namespace, because pool workers take no arguments."""

    sprites: Sprites
    plan: Plan


def _open(pack: Path, plan: Plan) -> None:
    torch.set_num_threads(1)  # one process a core
    _Worker.sprites, _Worker.plan = load_pack(pack).sprites, plan


def _draw_chunk(start: int) -> Bytes:
    plan = _Worker.plan
    scenes = [plan.scene(i) for i in range(start, min(start + CHUNK, plan.count))]
    pictures = draw_here(scenes, _Worker.sprites, plan.strength)
    return (pictures * 255).round().to(torch.uint8).numpy()

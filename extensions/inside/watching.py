"""Where the words of the prompt look while the network is asked: shares of the attention, for words alone.

After DAAM (Tang et al. 2022, "What the DAAM"): the mean over heads and decoder layers, here from each layer's own
log-sum-exp, so that nothing of the network's own computation changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from modules.hooks import EngineJob, Family, PromptPart, StepState, Technique, Word, WordAttention

from .layers import grid_of, layers_of
from .maps import grid, line

MOST_WORDS = 60  # of each part of a prompt


@dataclass
class Asked:
    """A part of the prompt the network is asked about, and its words."""

    part: PromptPart
    words: tuple[Word, ...]
    _given: Tensor | None = None
    _rows: Sequence[int] = ()

    def __post_init__(self) -> None:
        self.tokens = [token for word in self.words for token in word.tokens]
        whose = [at for at, word in enumerate(self.words) for _ in word.tokens]
        self.whose = torch.tensor(whose, device=self.part.conditioning.embeddings.device)

    def rows(self, words: Tensor) -> Sequence[int]:
        """Which rows of a call are about this part; looked up once for a tensor. words: (rows, tokens, width)."""
        if self._given is not words:
            own = self.part.conditioning.embeddings[0, : words.shape[1]]
            self._given, self._rows = words, [row for row, given in enumerate(words) if torch.equal(given, own)]
        return self._rows


class Watching(Technique):
    """at_once: each step's maps are told when it is done; else all of a picture's are kept with its job at its end.

    late: it begins in the middle of a batch, of which nothing is kept then.
    """

    def __init__(
        self, job: EngineJob, family: Family, at_once: bool = False, late: bool = False, most: int = MOST_WORDS
    ) -> None:
        """most: words of each part of the prompt, the first ones."""
        self._late = late
        request = job.request
        _, rows, columns = family.latent_shape(request.width, request.height)
        self._job, self._family, self._at_once, self._most = job, family, at_once, most
        self._layers = layers_of(family, rows, columns)
        self._asked: list[Asked] = []
        self._open = False  # a call is under way that somebody steps by; inversions are none
        self._seen: dict[tuple[int, str], list[Tensor]] = {}
        self._calls: list[list[Tensor]] = []  # of this step; for each part (pictures, words, rows, columns)
        self._done: list[int] = []  # steps of each pass
        self._lines: list[list[bytes]] = []  # of each picture
        self._first = 0
        self._entered = ExitStack()

    def __enter__(self) -> Self:
        self._entered.enter_context(self._family.watching(self.see, self._layers))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.close()

    def before_predict(self, state: StepState) -> None:
        """Note what will be asked; nothing if somebody knows the answer already."""
        self._seen, self._open = {}, state.prediction is None
        known = [one.part.conditioning.embeddings for one in self._asked]
        now = [part.conditioning.embeddings for part in state.prompt]
        if self._open and list(map(id, known)) != list(map(id, now)):
            words = [tuple(self._family.prompt_words(part.text))[: self._most] for part in state.prompt]
            self._asked = [Asked(part, own) for part, own in zip(state.prompt, words, strict=True)]

    def see(self, look: WordAttention) -> None:
        """One layer of one call."""
        for number, asked in enumerate(self._asked if self._open else ()):
            if asked.words and (rows := asked.rows(look.words)):
                shares = look.probabilities(rows, asked.tokens)  # (rows, tokens, places)
                of_words = shares.new_zeros(len(shares), len(asked.words), shares.shape[-1])
                of_words.index_add_(1, asked.whose, shares)
                self._seen.setdefault((number, look.layer), []).append(of_words)

    def after_call(self, state: StepState) -> None:
        self._open = False
        if self._seen:
            self._calls.append([self._mean(number, state.x) for number in range(len(self._asked))])

    def _mean(self, part: int, x: Tensor) -> Tensor:
        """Over the layers, on one grid: (pictures, words, rows, columns). x: the latents of the call.

        A negative prompt of the same words has rows too, behind them.
        """
        pictures, _, rows, columns = x.shape
        size = grid(rows, columns)
        layers = [torch.cat(calls)[:pictures] for (number, _), calls in self._seen.items() if number == part]
        if not layers:
            return torch.zeros(pictures, 0, *size)
        total = torch.zeros(pictures, layers[0].shape[1], *size, device=x.device)
        for places in {shares.shape[-1] for shares in layers}:
            alike = torch.stack([shares for shares in layers if shares.shape[-1] == places]).sum(0)
            on_grid = alike.reshape(*alike.shape[:-1], *grid_of(places, rows, columns))
            total += interpolate(on_grid, size, mode="bilinear", antialias=places > size[0] * size[1])
        return (total / len(layers)).cpu()

    def after_step(self, state: StepState) -> None:
        """A line for each picture of the batch."""
        if len(self._done) <= state.turn:
            self._done.append(state.steps)
        if not self._calls:
            return
        step = sum(self._done[: state.turn]) + state.step
        maps = torch.cat([torch.stack(calls).mean(0) for calls in zip(*self._calls, strict=True)], 1)
        words = [(number, word.text) for number, asked in enumerate(self._asked) for word in asked.words]
        self._calls = []
        self._first = state.first_picture
        self._lines = self._lines or [[] for _ in maps]
        for row, of_picture in enumerate(maps.numpy().astype(np.float32)):
            self._tell(row, step, line(step, words, of_picture))

    def _tell(self, row: int, step: int, told: bytes) -> None:
        if self._at_once:
            self._job.attach(f"words-{row}-{step}", told)
        else:
            self._lines[row].append(told)

    @property
    def first_lines(self) -> Sequence[bytes]:
        """Of this batch's first picture, so far."""
        return self._lines[0] if self._lines else ()

    def before_decode(self, latent: Tensor, index: int) -> None:
        """The maps of a batch are complete when its first picture is."""
        request = self._job.request
        own = request.variation_seed if request.variation_strength else request.seed
        for row, lines in enumerate(self._lines):
            if lines and not self._late:
                self._job.attach(f"words-{own + self._first + row}", b"".join(lines))
        self._lines, self._done, self._late = [], [], False

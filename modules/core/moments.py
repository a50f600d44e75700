"""The state of the loop at its named moments. Techniques and extensions get these values and return changed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from modules.core.family import Conditioning
    from modules.core.request import GenerationRequest


@dataclass(frozen=True)
class Prediction:
    """What one guided network call says the finished latents are. Both (batch, c, h, w), fp32.

    uncond_x0: the answer to the negative prompt alone; None where no guidance was used (cfg_scale 1).
    """

    x0: Tensor
    uncond_x0: Tensor | None = None


@dataclass(frozen=True)
class SamplerStep:
    """One step of a sampler: the latents x it stands at after step `index` (0-based), the sigma it came from."""

    index: int
    sigma: float
    x: Tensor
    prediction: Prediction


@dataclass(frozen=True)
class Turn:
    """From a step on (0-based, over all passes of a job) another sampler, or the noise of another seed; or both.

    sampler: empty keeps the one at work. seed: of the first picture of a batch, the next ones have the next seeds;
    None keeps the noise.
    """

    step: int
    sampler: str = ""
    seed: int | None = None


@dataclass(frozen=True)
class PromptPart:
    """One part of a prompt joined by AND, its weight, and the text that the encoder read for this step."""

    conditioning: Conditioning  # embeddings (1, tokens, width)
    weight: float = 1.0
    text: str = ""


@dataclass(frozen=True)
class Word:
    """A word of a prompt, and its weight. tokens: where it stands among all tokens of the embeddings, marks counted."""

    text: str
    tokens: tuple[int, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class WordAttention:
    """What one cross-attention compares: each place of the unfinished picture with each token of the words.

    layer: its name in the denoiser. words: the embeddings it was given, (rows, tokens, width).
    q: (rows, heads, places, width), k: (rows, heads, tokens, width). lse: (rows, heads, places), fp32, the logarithm of
    the sum over all tokens of exp(q k / sqrt(width)).
    """

    layer: str
    words: Tensor
    q: Tensor
    k: Tensor
    lse: Tensor

    def probabilities(self, rows: Sequence[int], tokens: Sequence[int]) -> Tensor:
        """How much of each place's attention these tokens have, mean over the heads: (rows, tokens, places), fp32.

        exp(q k / sqrt(width) - lse), which is the softmax's own column: over all tokens they add up to 1.
        """
        first, last = min(rows), max(rows) + 1
        which = slice(first, last) if last - first == len(rows) else list(rows)  # neighbours need not be copied
        chosen = self.k[which][:, :, list(tokens)].float() / sqrt(self.q.shape[-1])
        scores = chosen @ self.q[which].float().transpose(-1, -2)
        shares: Tensor = scores.sub_(self.lse[which][:, :, None]).exp_().mean(1)
        return shares


@dataclass(frozen=True)
class StepState:
    """Where a job is. `prediction` is None before the network was asked.

    first_picture: index in the job of the first row of x. step: 0-based. steps: how many there will be.
    prompt: the parts of the prompt in force at this step; uncond: the negative prompt, None without guidance.
    job: the job's id; empty where there is none. turn: 0, or 1 in the second, finer pass.
    """

    request: GenerationRequest
    first_picture: int
    step: int
    steps: int
    sigma: float
    x: Tensor
    prompt: tuple[PromptPart, ...]
    uncond: Conditioning | None = None
    prediction: Prediction | None = None
    job: str = ""
    turn: int = 0


@dataclass(frozen=True)
class PaintedStep:
    """A step of a checkpoint that paints itself. index: 0-based, over all stages. steps: how many there will be, as far
    as is known. x: latents after it. x0: the estimate of the finished ones. Both as the pipeline has them."""

    index: int
    steps: int
    sigma: float
    x: Tensor
    x0: Tensor

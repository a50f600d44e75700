"""Mode "adapter": the style pictures ride on the prompts of an ordinary job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from modules.adapters import style_ip
from modules.core.family import Conditioning, Family
from modules.engine.plan import Plan
from modules.engine.prompts import Prompts
from modules.engine.style.job import StyleJob, weighted
from modules.style.colour import on_white


@dataclass(frozen=True)
class Riding:
    """Picture tokens (1, n, width) to put behind every prompt, and those of no picture for the negative one."""

    shown: Tensor
    hidden: Tensor

    def dressed(self, work: Plan) -> Plan:
        """The job with the tokens in all of its prompts."""
        return replace(
            work, passes=tuple(replace(run, prompts=self._dressed_prompts(run.prompts)) for run in work.passes)
        )

    def _dressed_prompts(self, prompts: Prompts) -> Prompts:
        tokens = {True: self.hidden, False: self.shown}
        encoded = {(text, away): _with_tokens(one, tokens[away]) for (text, away), one in prompts.encoded.items()}
        return replace(prompts, encoded=encoded)


@contextmanager
def riding(job: StyleJob, family: Family, models: Sequence[Path]) -> Iterator[Riding]:
    """The adapter on the model while a job runs. Raises BadRequest with the files that are missing."""
    adapter = style_ip.find(family, models)
    with torch.inference_mode():
        pairs = [style_ip.tokens(adapter, family, models, on_white(style)) for style in job.styles]
        shown, hidden = (weighted(job.shares, side) for side in zip(*pairs, strict=True))
    with style_ip.applied(family, adapter, shown.shape[1], job.request.style_amount):
        yield Riding(shown, hidden)


def _with_tokens(one: Conditioning, tokens: Tensor) -> Conditioning:
    return replace(one, embeddings=torch.cat([one.embeddings, tokens.to(one.embeddings)], 1))

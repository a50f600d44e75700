"""Which conditioning is in force at which step. Each distinct text is encoded once a pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from modules.core.family import Conditioning, Family
from modules.core.moments import PromptPart
from modules.core.request import GenerationRequest
from modules.engine.guidance import needs_uncond
from modules.text.prompt import WeightedPrompt, prompt_plan, scheduled


@dataclass(frozen=True)
class Prompts:
    """The prompt's parts and the negative prompt as plans over the steps, with every text of them encoded."""

    parts: tuple[WeightedPrompt, ...]
    negative: WeightedPrompt | None
    encoded: dict[tuple[str, bool], Conditioning]  # text, whether it is the negative prompt

    def at(self, step: int) -> tuple[PromptPart, ...]:
        """The parts in force at a 0-based step."""
        texts = [(part, part.at(step)) for part in self.parts]
        return tuple(PromptPart(self.encoded[text, False], part.weight, text) for part, text in texts)

    def uncond_at(self, step: int) -> Conditioning | None:
        return None if self.negative is None else self.encoded[self.negative.at(step), True]


def encode_prompts(
    family: Family, request: GenerationRequest, steps: int, done: int = 0, concat: Tensor | None = None
) -> Prompts:
    """Run the text encoder over everything a pass will ask about; AND has no meaning in a negative prompt.

    steps: that really run. done: those of the pass before. concat: what the denoiser sees beside x, whatever the text.
    """
    steps = max(steps, 1)
    parts = prompt_plan(request.prompt, steps, done)
    negative = None
    if needs_uncond(family, request.cfg_scale, [part.weight for part in parts]):
        negative = scheduled(request.negative_prompt, steps, done=done)
    plans = [(part, False) for part in parts] + ([(negative, True)] if negative else [])
    encoded = {
        (text, away): replace(family.encode_prompt(text, request.clip_skip, away), concat=concat)
        for plan, away in plans
        for text in dict.fromkeys(text for _, text in plan.schedule)
    }
    return Prompts(parts, negative, encoded)

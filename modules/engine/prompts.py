"""Which conditioning is in force at which step. Each distinct text is encoded once a job."""

from __future__ import annotations

from dataclasses import dataclass

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
    encoded: dict[str, Conditioning]

    def at(self, step: int) -> tuple[PromptPart, ...]:
        """The parts in force at a 0-based step."""
        return tuple(PromptPart(self.encoded[part.at(step)], part.weight) for part in self.parts)

    def uncond_at(self, step: int) -> Conditioning | None:
        return None if self.negative is None else self.encoded[self.negative.at(step)]


def encode_prompts(family: Family, request: GenerationRequest) -> Prompts:
    """Run the text encoder over everything the job will ask about; AND has no meaning in a negative prompt."""
    parts = prompt_plan(request.prompt, request.steps)
    negative = None
    if needs_uncond(request.cfg_scale, [part.weight for part in parts]):
        negative = scheduled(request.negative_prompt, request.steps)
    plans = parts if negative is None else (*parts, negative)
    texts = dict.fromkeys(text for plan in plans for _, text in plan.schedule)
    return Prompts(parts, negative, {text: family.encode_prompt(text, request.clip_skip) for text in texts})

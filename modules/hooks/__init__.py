"""The public door for extensions: the marker, and the values the hooks speak. Import from here only."""

from modules.core.events import Frame
from modules.core.family import CheckpointCard, Conditioning, Family
from modules.core.moments import Prediction, PromptPart, SamplerStep, StepState
from modules.core.request import GenerationRequest
from modules.hooks.specs import Control, Page, Tab, hookimpl

__all__ = [
    "CheckpointCard",
    "Conditioning",
    "Control",
    "Family",
    "Frame",
    "GenerationRequest",
    "Page",
    "Prediction",
    "PromptPart",
    "SamplerStep",
    "StepState",
    "Tab",
    "hookimpl",
]

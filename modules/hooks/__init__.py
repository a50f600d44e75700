"""The public door for extensions: the marker, and the values the hooks speak. Import from here only."""

from modules.core.errors import BadRequest, Busy, CannotSave, NotThere, QueueFull, TaffyError
from modules.core.events import Answered, Attached, Frame, PictureMade, Stepped
from modules.core.extensions import Message
from modules.core.family import CheckpointCard, Conditioning, Family, NoiseLevels
from modules.core.moments import Prediction, PromptPart, SamplerStep, StepState, Turn, Word, WordAttention
from modules.core.request import GenerationRequest, parse_request
from modules.hooks.engine_values import Bench, EngineJob, NewSampler, Question, Technique
from modules.hooks.front_values import (
    Button,
    Call,
    Column,
    Control,
    Desk,
    JobCard,
    Outcome,
    Page,
    Picture,
    Piece,
    Reply,
    Route,
    Tab,
)
from modules.hooks.specs import API_VERSION, hookimpl

__all__ = [
    "API_VERSION",
    "Answered",
    "Attached",
    "BadRequest",
    "Bench",
    "Busy",
    "Button",
    "Call",
    "CannotSave",
    "CheckpointCard",
    "Column",
    "Conditioning",
    "Control",
    "Desk",
    "EngineJob",
    "Family",
    "Frame",
    "GenerationRequest",
    "JobCard",
    "Message",
    "NewSampler",
    "NoiseLevels",
    "NotThere",
    "Outcome",
    "Page",
    "Picture",
    "PictureMade",
    "Piece",
    "Prediction",
    "PromptPart",
    "Question",
    "QueueFull",
    "Reply",
    "Route",
    "SamplerStep",
    "StepState",
    "Stepped",
    "Tab",
    "TaffyError",
    "Technique",
    "Turn",
    "Word",
    "WordAttention",
    "hookimpl",
    "parse_request",
]

"""Files of a run that are either whole or absent, and the state a stage resumes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class Progress:
    """Where a stage stands: steps and samples seen, working seconds, and its loss curve."""

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)  # one smoothed value every LOSS_EVERY steps
    finished: bool = False


class Ema:
    """Exponential moving average of a model's weights, in fp32, with a warm-up of its decay."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def update(self, model: nn.Module, step: int) -> None:
        """w <- d w + (1 - d) theta, with d = min(decay, (1 + step) / (10 + step))."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.weights.values()), list(model.state_dict().values()), 1 - decay)


def save_atomically(value: Any, path: Path) -> None:
    """Write with torch.save to a part file, then rename: a killed run leaves the old file."""
    part = path.with_suffix(".part")
    torch.save(value, part)
    part.replace(path)


def save_stage(path: Path, progress: Progress, model: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer) -> None:
    """Everything a stage needs to go on as if it had never stopped."""
    state = {
        "progress": asdict(progress),
        "model": model.state_dict(),
        "ema": ema.weights,
        "optimizer": optimizer.state_dict(),
    }
    save_atomically(state, path)


def load_stage(path: Path, model: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer) -> Progress:
    """Put a saved stage back into its objects; a stage without a file starts at zero."""
    if not path.exists():
        return Progress()
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    ema.weights = state["ema"]
    return Progress(**state["progress"])


def load_ema(path: Path) -> tuple[Progress, dict[str, Tensor]]:
    """Only the averaged weights of a saved stage, and where it stood."""
    state = torch.load(path, weights_only=True)
    weights: dict[str, Tensor] = state["ema"]
    return Progress(**state["progress"]), weights

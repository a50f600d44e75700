"""The loop every trained stage shares: time budget, learning rate, averaging, saving, reporting."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from modules.training.checkpoint import Ema, Progress, load_stage, save_stage
from modules.training.clock import Clock, learning_rate

LOSS_EVERY = 20  # steps averaged into one point of the loss curve
SAVE_SECONDS = 60.0


@dataclass(frozen=True)
class Stage:
    """What one stage trains, and how fast."""

    name: str
    model: nn.Module
    loss: Callable[[int], Tensor]  # step -> scalar; draws its own batch, seeded by the step
    batch: int
    peak_rate: float
    warmup: int
    ema_decay: float
    betas: tuple[float, float] = (0.9, 0.99)
    decay_from: float = 0.75  # share of the time after which the rate falls


def run_stage(
    stage: Stage,
    path: Path,
    clock: Clock,
    report: Callable[[Progress, Ema], None] | None = None,
    save_every: float = SAVE_SECONDS,
) -> Ema:
    """Train until the clock's budget is used, resuming from `path` and saving to it.

    `report` is called after each save, with the averaged weights. A finished stage goes on only if
    the clock has time left.
    """
    optimizer = torch.optim.AdamW(stage.model.parameters(), lr=0.0, betas=stage.betas, fused=True)
    ema = Ema(stage.model, stage.ema_decay)
    progress = load_stage(path, stage.model, ema, optimizer)
    clock.used = progress.seconds
    saved, recent = time.monotonic(), torch.zeros(())
    while not clock.is_over:
        rate = learning_rate(clock.fraction, progress.step, stage.peak_rate, stage.warmup, stage.decay_from)
        recent = recent + _step(stage, optimizer, rate, progress.step)
        ema.update(stage.model, progress.step)
        progress.step += 1
        progress.samples += stage.batch
        clock.tick()
        progress.seconds = clock.used
        if progress.step % LOSS_EVERY == 0:
            progress.losses.append(float(recent) / LOSS_EVERY)
            recent = torch.zeros(())
            _show(stage.name, progress, clock)
        if (time.monotonic() - saved > save_every and progress.step % LOSS_EVERY == 0) or clock.is_over:
            progress.finished = clock.is_over
            save_stage(path, progress, stage.model, ema, optimizer)
            if report:
                report(progress, ema)
            saved = time.monotonic()
    return ema


def _step(stage: Stage, optimizer: torch.optim.Optimizer, rate: float, step: int) -> Tensor:
    """One update; the loss as a detached scalar."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = stage.loss(step)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(stage.model.parameters(), 1.0)
    optimizer.step()
    return loss.detach()


def _show(name: str, progress: Progress, clock: Clock) -> None:
    """One line on stderr that overwrites itself: bar, loss, speed, time left."""
    bar = "#" * int(clock.fraction * 20)
    speed = progress.samples / max(progress.seconds, 1e-9)
    sys.stderr.write(
        f"\r{name} [{bar:<20}] step {progress.step} loss {progress.losses[-1]:.4f} "
        f"{speed:.0f} samples/s, {clock.left / 60:.1f} min left "
    )
    sys.stderr.flush()

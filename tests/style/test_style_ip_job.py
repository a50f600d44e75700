"""Mode "adapter" on a job's prompts: whose rows carry the picture."""

from __future__ import annotations

from dataclasses import replace

import torch

from modules.core.moments import StepState
from modules.engine.guidance import Stacker, predict
from modules.engine.plan import plan
from modules.engine.style.ip import Riding
from tests.style.conftest import REQUEST, StyleStudio

PLAIN = replace(REQUEST, style_mode="none", image="", style_images=())


def rows(styles: StyleStudio, prompt: str, negative: str, cfg_scale: float) -> list[list[float]]:
    """What the last token of every row is made of (1: the picture, 0: none), call by call."""
    seen: list[list[float]] = []
    request = replace(PLAIN, prompt=prompt, negative_prompt=negative, cfg_scale=cfg_scale)
    riding = Riding(torch.ones(1, 2, 32), torch.zeros(1, 2, 32))
    with torch.inference_mode():
        run = riding.dressed(plan(styles.family, request, {})).passes[0]
        state = StepState(request, 0, 0, 4, 3.0, torch.randn(1, 4, 12, 16), run.prompts.at(0), run.prompts.uncond_at(0))
        hook = styles.family.unet.register_forward_pre_hook(
            lambda module, args: seen.append(args[2][:, -1, 0].tolist())
        )
        predict(styles.family, state, Stacker())
        hook.remove()
    return seen


def test_the_prompt_carries_the_picture_and_the_negative_prompt_does_not(styles: StyleStudio) -> None:
    assert rows(styles, "a cat", "a dog", 4) == [[1, 0]]


def test_it_is_so_also_when_both_say_the_same(styles: StyleStudio) -> None:
    assert rows(styles, "", "", 4) == [[1, 0]]


def test_without_guidance_there_is_only_the_prompt(styles: StyleStudio) -> None:
    assert rows(styles, "a cat", "a dog", 1) == [[1]]


def test_prompts_of_different_length_keep_their_own_tokens(styles: StyleStudio) -> None:
    assert rows(styles, "cat, " * 60, "a dog", 4) == [[1], [0]]

"""The controls of a second, finer pass over a picture (`hires_...` of the request)."""

from __future__ import annotations

import gradio as gr

from modules.core.request import GenerationRequest
from modules.hooks import Page
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES
from modules.ui.controls import Form, slider
from modules.ui.form import QUIET

SAME = ("As in the first pass", "")


def hires_controls(page: Page) -> Form:
    """A scale of 1 makes no second pass."""
    request = GenerationRequest
    with gr.Row():
        scale = slider(
            1,
            4,
            request.hires_scale,
            step=0.25,
            label="Times larger",
            info="The finished picture is made larger and painted over. 1: no second pass.",
            elem_id="hires-scale",
        )
        strength = slider(
            0,
            1,
            request.hires_strength,
            step=0.05,
            label="Strength",
            info="How much is painted over: 0.3 adds detail, 0.7 also changes shapes.",
            elem_id="hires-strength",
        )
    upscaler = upscaler_choice(page)
    with gr.Row():
        steps = slider(0, 150, request.hires_steps, step=1, label="Steps (0: same)", elem_id="hires-steps")
        cfg = slider(0, 30, request.hires_cfg_scale, step=0.5, label="CFG scale (0: same)", elem_id="hires-cfg")
    return {
        "hires_scale": scale,
        "hires_strength": strength,
        "hires_upscaler": upscaler,
        "hires_steps": steps,
        "hires_cfg_scale": cfg,
        **hires_words(),
    }


def upscaler_choice(page: Page) -> gr.Dropdown:
    """Files that came since the start are in the list when it is unfolded."""
    choice = gr.Dropdown(
        list(page.upscaler_names()),
        value=GenerationRequest.hires_upscaler,
        label="Upscaler",
        info="What makes it larger first. Latent ones need a strength of 0.5 or more.",
        elem_id="hires-upscaler",
        allow_custom_value=True,  # one that came since: the server says what is not here
        interactive=True,
    )
    choice.focus(lambda: gr.update(choices=list(page.upscaler_names())), None, choice, **QUIET)
    return choice


def hires_words() -> Form:
    """What the second pass may have of its own: sampler, schedule, prompts."""
    with gr.Row():
        sampler = gr.Dropdown([SAME, *SAMPLERS], value="", label="Sampler", elem_id="hires-sampler", interactive=True)
        schedule = gr.Dropdown(
            [SAME, *SCHEDULES], value="", label="Schedule", elem_id="hires-schedule", interactive=True
        )
    words = {"placeholder": "As in the first pass", "lines": 1, "max_lines": 6}
    prompt = gr.Textbox(label="Prompt of the second pass", elem_id="hires-prompt", **words)
    negative = gr.Textbox(label="Negative prompt of the second pass", elem_id="hires-negative", **words)
    return {
        "hires_sampler": sampler,
        "hires_schedule": schedule,
        "hires_prompt": prompt,
        "hires_negative_prompt": negative,
    }

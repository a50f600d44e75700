"""The tab that turns words into a picture: its layout, and what its buttons do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gradio as gr

from modules.core.errors import TaffyError
from modules.core.request import GenerationRequest
from modules.hooks import Page, Tab, hookimpl
from modules.jobs.job import LOCAL_OWNER
from modules.ui.controls import (
    Form,
    extension_controls,
    html,
    sampler_choice,
    schedule_choice,
    tiling_choice,
    variation_controls,
)
from modules.ui.form import form_request, keep_form, keep_groups, refusal

ID = "txt2img"


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab(ID, "txt2img", 10, build)]


def build(page: Page) -> None:
    """Form on the left, picture on the right; on a phone the picture comes first."""
    with gr.Row(elem_classes="taffy-frame"):
        with gr.Column(elem_classes="taffy-form", scale=2):
            form = lay_out_prompts()
            note = html("", "taffy-note")
            form |= lay_out_numbers()
            more, groups = lay_out_groups(page)
            form |= more
            with gr.Column(elem_classes="taffy-actions"):
                problem = html()
                html("<taffy-undo hidden></taffy-undo>")
                with gr.Row():
                    generate = gr.Button("Generate", variant="primary", elem_classes="taffy-generate", scale=3)
                    gr.Button("Stop", interactive=False, elem_classes="taffy-stop", scale=1, min_width=80)
                    html("<taffy-live></taffy-live>", "taffy-switch")
        with gr.Column(elem_classes="taffy-picture", scale=3):
            html("<taffy-stage></taffy-stage>")
    keep_form(ID, page, form, note)
    keep_groups(ID, groups)
    generate.click(
        lambda values: submit(page, {name: values[control] for name, control in form.items()}),
        inputs=set(form.values()),
        outputs=problem,
        queue=False,
        preprocess=False,  # the request checks its values itself, and says so in the page
        show_progress="hidden",
        api_visibility="private",
    )


def submit(page: Page, values: Mapping[str, object]) -> str:
    """Ask for the pictures a form describes. Returns the reason as HTML when that cannot be, else nothing."""
    try:
        page.submit(form_request(values), LOCAL_OWNER)
    except TaffyError as error:
        return refusal(error)
    return ""


def lay_out_prompts() -> Form:
    prompt = gr.Textbox(
        label="Prompt", lines=3, max_lines=12, placeholder="What should the picture show?", elem_id="prompt"
    )
    html("<taffy-words></taffy-words>")
    return {
        "prompt": prompt,
        "negative_prompt": gr.Textbox(
            label="Negative prompt", lines=1, max_lines=6, placeholder="What should it not show?", elem_id="negative"
        ),
        "checkpoint": gr.Dropdown(
            [], value=None, label="Checkpoint", allow_custom_value=True, interactive=True, elem_id="checkpoint"
        ),
    }


def lay_out_numbers() -> Form:
    whole = {"precision": 0, "min_width": 80}
    with gr.Row():
        width = gr.Number(512, label="Width", elem_id="width", scale=3, **whole)
        height = gr.Number(512, label="Height", elem_id="height", scale=3, **whole)
        count = gr.Number(GenerationRequest.count, label="Pictures", elem_id="count", scale=3, **whole)
        seed = gr.Number(GenerationRequest.seed, label="Seed (-1: any)", elem_id="seed", scale=4, **whole)
    html("<taffy-sizes></taffy-sizes><taffy-seed></taffy-seed>", "taffy-helpers")
    with gr.Row():
        steps = gr.Slider(1, 150, GenerationRequest.steps, step=1, label="Steps", elem_id="steps", buttons=[])
        cfg = gr.Slider(1, 30, GenerationRequest.cfg_scale, step=0.5, label="CFG scale", elem_id="cfg", buttons=[])
    return {"width": width, "height": height, "count": count, "seed": seed, "steps": steps, "cfg_scale": cfg}


def lay_out_groups(page: Page) -> tuple[Form, dict[str, gr.Accordion]]:
    """What few people change, folded: the controls, and the groups by name."""
    with gr.Accordion("Sampling", open=False, elem_id="sampling") as sampling:
        form: Form = {"sampler": sampler_choice(), "schedule": schedule_choice(), "tiling": tiling_choice()}
    with gr.Accordion("Variation", open=False, elem_id="variation") as variation:
        form |= variation_controls()
    more, groups = extension_controls(page.controls(ID))
    return form | more, {"Sampling": sampling, "Variation": variation, **groups}

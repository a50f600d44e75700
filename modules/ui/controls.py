"""The controls that several tabs have: choices out of the registries, and what extensions ask for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from html import escape
from itertools import groupby

import gradio as gr
from gradio.components import Component

from modules.core.request import GenerationRequest
from modules.hooks import Control, Page
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES

Form = dict[str, Component]  # the request's field, or "<extension>.<control>" for its extras -> its control


slider = partial(gr.Slider, buttons=[], interactive=True)


def html(value: str = "", elem_class: str = "") -> gr.HTML:
    """A piece of the page that is drawn by our own style and script."""
    return gr.HTML(value, elem_classes=["taffy-bare", elem_class], apply_default_css=False)


def note(page: Page) -> None:
    """Where the page says what the checkpoint is best at."""
    html(f'<taffy-note folder="{escape(str(page.models_folder))}"></taffy-note>', "taffy-note")


def lay_out_prompts(prefix: str = "") -> Form:
    """prefix: of the elements' ids, which must differ between tabs."""
    prompt = gr.Textbox(
        label="Prompt",
        lines=3,
        max_lines=12,
        placeholder="What should the picture show?",
        elem_id=f"{prefix}prompt",
        elem_classes=["taffy-writing", "taffy-prompt-box"],
    )
    html("<taffy-words></taffy-words>")
    html("<taffy-negative></taffy-negative>")
    negative = gr.Textbox(
        label="Negative prompt",
        lines=1,
        max_lines=6,
        placeholder="What should it not show?",
        elem_id=f"{prefix}negative",
        elem_classes=["taffy-writing", "taffy-negative-box"],
    )
    checkpoint = gr.Dropdown(
        [], value=None, label="Checkpoint", allow_custom_value=True, interactive=True, elem_id=f"{prefix}checkpoint"
    )
    html("<taffy-unusable></taffy-unusable>")
    return {"prompt": prompt, "negative_prompt": negative, "checkpoint": checkpoint}


def lay_out_numbers(prefix: str = "", side: int = 512, helpers: str = "") -> Form:
    """side: pixels before the checkpoint is known. helpers: more elements beside the shapes."""
    whole = {"precision": 0, "min_width": 80}
    with gr.Row():
        width = gr.Number(side, label="Width", elem_id=f"{prefix}width", scale=3, **whole)
        height = gr.Number(side, label="Height", elem_id=f"{prefix}height", scale=3, **whole)
        count = gr.Number(GenerationRequest.count, label="Pictures", elem_id=f"{prefix}count", scale=3, **whole)
        seed = gr.Number(GenerationRequest.seed, label="Seed (-1: any)", elem_id=f"{prefix}seed", scale=4, **whole)
    html(f"{helpers}<taffy-sizes></taffy-sizes><taffy-seed></taffy-seed>", "taffy-helpers")
    with gr.Row():
        steps = slider(1, 150, GenerationRequest.steps, step=1, label="Steps", elem_id=f"{prefix}steps")
        cfg = slider(1, 30, GenerationRequest.cfg_scale, step=0.5, label="CFG scale", elem_id=f"{prefix}cfg")
    return {"width": width, "height": height, "count": count, "seed": seed, "steps": steps, "cfg_scale": cfg}


def sampler_choice() -> gr.Dropdown:
    return gr.Dropdown(
        list(SAMPLERS),
        value=GenerationRequest.sampler,
        label="Sampler",
        elem_classes="taffy-sampler",
        info="The way from noise to picture. Names with “a” or “SDE” never settle: more steps, another picture.",
        interactive=True,
    )


def schedule_choice() -> gr.Dropdown:
    return gr.Dropdown(
        list(SCHEDULES),
        value=GenerationRequest.schedule,
        label="Schedule",
        elem_classes="taffy-schedule",
        info="How the steps are spread over the noise. Automatic is the sampler's own.",
        interactive=True,
    )


def tiling_choice() -> gr.Checkbox:
    return gr.Checkbox(
        GenerationRequest.tiling,
        label="Seamless tile",
        elem_classes="taffy-tiling",
        info="The picture continues over its edges, so that copies of it fit side by side.",
        interactive=True,
    )


def fast_controls() -> Form:
    whole = {"step": 1, "buttons": [], "interactive": True}
    return {
        "fast_every": gr.Slider(
            1,
            10,
            GenerationRequest.fast_every,
            label="Fast mode: whole steps",
            info="1: every step is whole, and the picture exact. 3: every third is; half the time, nearly the same.",
            elem_classes="taffy-fast_every",
            **whole,
        ),
        "fast_layers": gr.Slider(
            0,
            3,
            GenerationRequest.fast_layers,
            label="Layers in the quick steps (0: automatic)",
            info="How many of the last layers are computed at every step of fast mode: more is slower and nearer.",
            elem_classes="taffy-fast_layers",
            **whole,
        ),
    }


def variation_controls() -> Form:
    return {
        "variation_strength": slider(
            0,
            1,
            GenerationRequest.variation_strength,
            step=0.05,
            label="Strength",
            elem_classes="taffy-variation_strength",
            info="How far the picture turns from the one of the seed: 0 is that picture, 0.1 a sibling, 1 another one.",
        ),
        "variation_seed": gr.Number(
            GenerationRequest.variation_seed,
            precision=0,
            label="Variation seed (-1: any)",
            elem_classes="taffy-variation_seed",
            info="The picture it turns toward.",
            interactive=True,
        ),
        "earlier_variations": gr.Textbox(
            GenerationRequest.earlier_variations,
            label="Turned before",
            placeholder="Not yet",
            info="What the picture was varied by before, in order: seed:strength with commas between.",
            elem_classes="taffy-earlier_variations",
            interactive=True,
        ),
    }


def extension_controls(controls: Sequence[Control]) -> tuple[Form, dict[str, gr.Accordion]]:
    """A folded group for each extension, with its controls in their order; and the groups by name."""
    form: Form = {}
    groups = {}
    for extension, group in groupby(controls, key=lambda control: control.extension):
        with gr.Accordion(extension.replace("_", " ").capitalize(), open=False) as groups[extension]:
            for heading, part in groupby(group, key=lambda control: control.group):
                with gr.Accordion(heading, open=False) if heading else nullcontext():
                    form |= {f"{extension}.{control.name}": draw_control(control) for control in part}
    return form, groups


def draw_control(control: Control) -> Component:
    """What an extension asked for, as Gradio draws it."""
    common = {"value": control.default, "label": control.label, "info": control.info or None, "interactive": True}
    match control.kind:
        case "checkbox":
            return gr.Checkbox(**common)
        case "slider":
            return gr.Slider(control.minimum, control.maximum, step=control.step, **common)
        case "choice":
            return gr.Dropdown(list(control.choices), **common)
        case "text":
            return gr.Textbox(lines=control.lines, **common)
        case "picture":
            about = (
                f'data-name="{escape(control.extension)}.{escape(control.name)}" data-label="{escape(control.label)}"'
            )
            html(f"<taffy-extension-picture {about}></taffy-extension-picture>")
            return gr.JSON(control.default, visible="hidden")
        case "hidden":
            return gr.JSON(control.default, visible="hidden")

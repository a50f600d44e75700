"""The controls that several tabs have: choices out of the registries, and what extensions ask for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import gradio as gr
from gradio.components import Component

from modules.core.request import GenerationRequest
from modules.hooks import Control
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES

Form = dict[str, Component]  # the request's field, or "<extension>.<control>" for its extras -> its control


def html(value: str = "", elem_class: str = "") -> gr.HTML:
    """A piece of the page that is drawn by our own style and script."""
    return gr.HTML(value, elem_classes=["taffy-bare", elem_class], apply_default_css=False)


def sampler_choice() -> gr.Dropdown:
    return gr.Dropdown(
        list(SAMPLERS),
        value=GenerationRequest.sampler,
        label="Sampler",
        info="The way from noise to picture. Names with “a” or “SDE” never settle: more steps, another picture.",
        interactive=True,
    )


def schedule_choice() -> gr.Dropdown:
    return gr.Dropdown(
        list(SCHEDULES),
        value=GenerationRequest.schedule,
        label="Schedule",
        info="How the steps are spread over the noise. Automatic is the sampler's own.",
        interactive=True,
    )


def tiling_choice() -> gr.Checkbox:
    return gr.Checkbox(
        GenerationRequest.tiling,
        label="Seamless tile",
        info="The picture continues over its edges, so that copies of it fit side by side.",
        interactive=True,
    )


def variation_controls() -> Form:
    return {
        "variation_strength": gr.Slider(
            0,
            1,
            GenerationRequest.variation_strength,
            step=0.05,
            label="Strength",
            info="How far the picture turns from the one of the seed: 0 is that picture, 0.1 a sibling, 1 another one.",
            buttons=[],
            interactive=True,
        ),
        "variation_seed": gr.Number(
            GenerationRequest.variation_seed,
            precision=0,
            label="Variation seed (-1: any)",
            info="The picture it turns toward.",
            interactive=True,
        ),
    }


def extension_controls(controls: Sequence[Control]) -> tuple[Form, dict[str, gr.Accordion]]:
    """A folded group for each extension, with its controls in their order; and the groups by name."""
    form: Form = {}
    groups = {}
    for extension, group in groupby(controls, key=lambda control: control.extension):
        with gr.Accordion(extension.replace("_", " ").capitalize(), open=False) as groups[extension]:
            form |= {f"{extension}.{control.name}": draw_control(control) for control in group}
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
            return gr.Textbox(**common)

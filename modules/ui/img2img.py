"""The tab that changes a picture, a part of it, or what lies beyond its edge: its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gradio as gr

from modules.core.errors import BadRequest
from modules.core.request import GenerationRequest
from modules.hooks import Page, Tab, hookimpl
from modules.ui.controls import Form, html, lay_out_numbers, lay_out_prompts, note, slider
from modules.ui.form import form_request
from modules.ui.frame import Groups, lay_out_frame
from modules.ui.groups import lay_out_groups

ID = "img2img"
PREFIX = "img2img-"
START = {"prompt": "", "width": 0, "height": 0, "count": 1}  # the picture's own size, and words of one's own
UNSEEN = ("image", "mask", "parent", "origin")  # values that our own elements write and show
SIDES = ("left", "top", "right", "bottom")
REQUEST = GenerationRequest  # its defaults are the controls'


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab(ID, "img2img", 20, build)]


def build(page: Page) -> None:
    lay_out_frame(page, ID, lay_out, START, picture_request)


def picture_request(values: Mapping[str, object]) -> GenerationRequest:
    """The request of this form. Raises BadRequest, also when there is no picture."""
    if not values["image"]:
        raise BadRequest("there is no picture to start from", "drop one into the box above, paste it, or choose a file")
    return form_request(values)


def lay_out(page: Page) -> tuple[Form, Groups]:
    html("<taffy-source></taffy-source>")
    form: Form = {name: gr.Textbox("", visible="hidden", elem_id=f"{PREFIX}{name}") for name in UNSEEN}
    form |= lay_out_prompts(PREFIX)
    note(page)
    form |= lay_out_strength()
    form |= lay_out_numbers(PREFIX, 0, "<taffy-own-size></taffy-own-size>")
    form |= lay_out_fit()
    mask, extend = (
        gr.Accordion("Mask", open=False, elem_id="mask"),
        gr.Accordion("Extend", open=False, elem_id="extend"),
    )
    with mask:
        form |= lay_out_mask()
    with extend:
        form |= lay_out_extend()
    with gr.Accordion("Many pictures", open=False, elem_id="batch") as batch:
        html("<taffy-batch></taffy-batch>")
    more, groups = lay_out_groups(page, ID, PREFIX)
    return form | more, {"Mask": mask, "Extend": extend, "Batch": batch, **groups}


def lay_out_strength() -> Form:
    strength = slider(
        0,
        1,
        REQUEST.strength,
        step=0.01,
        label="Denoising strength",
        info="How much is painted anew: 0.3 keeps nearly all, 0.6 keeps the shapes, 0.9 keeps the rough colours.",
        elem_id=f"{PREFIX}strength",
    )
    html("<taffy-strength></taffy-strength>")
    exact = gr.Checkbox(
        REQUEST.exact_steps,
        label="Exact steps",
        info="Run all the steps asked for, however small the strength.",
        elem_id=f"{PREFIX}exact",
        interactive=True,
    )
    image_cfg = slider(
        0,
        10,
        REQUEST.image_cfg_scale,
        step=0.1,
        label="Image CFG scale",
        info="For checkpoints that follow instructions: how closely they keep to the picture. 1.5 is usual.",
        elem_id=f"{PREFIX}image-cfg",
    )
    return {"strength": strength, "exact_steps": exact, "image_cfg_scale": image_cfg}


def lay_out_fit() -> Form:
    choices = [("Stretch", "stretch"), ("Crop", "crop"), ("Fill", "fill"), ("Stretch latents", "latent")]
    fit = gr.Radio(
        choices,
        value=REQUEST.resize_mode,
        label="When the shape differs",
        elem_id=f"{PREFIX}resize",
        interactive=True,
    )
    return {"resize_mode": fit}


def lay_out_mask() -> Form:
    """What is done with the painted part. The editor itself is in `<taffy-source>`."""
    html("<taffy-mask-tools></taffy-mask-tools>")
    return lay_out_mask_edge() | lay_out_mask_content() | lay_out_area()


def lay_out_mask_edge() -> Form:
    with gr.Row():
        blur = slider(
            0,
            64,
            REQUEST.mask_blur,
            step=1,
            label="Blur",
            info="Pixels over which the edge fades.",
            elem_id="mask-blur",
        )
        grow = slider(
            -64,
            64,
            REQUEST.mask_grow,
            step=1,
            label="Grow",
            info="Pixels to add; less than 0 takes away.",
            elem_id="mask-grow",
        )
    return {"mask_blur": blur, "mask_grow": grow}


def lay_out_mask_content() -> Form:
    content = gr.Radio(
        [("Original", "original"), ("Fill", "fill"), ("Noise", "latent noise"), ("Nothing", "latent nothing")],
        value=REQUEST.mask_content,
        label="Start under the mask from",
        info="The original keeps shapes; fill takes the colours around it; noise and nothing need a strength near 1.",
        elem_id="mask-content",
        interactive=True,
    )
    with gr.Row():
        invert = gr.Checkbox(
            REQUEST.mask_invert,
            label="Invert",
            info="Change what is not painted.",
            interactive=True,
            elem_id="mask-invert",
        )
        soft = gr.Checkbox(
            REQUEST.soft_mask,
            label="Soft",
            info="Half painted changes half as much.",
            interactive=True,
            elem_id="mask-soft",
        )
    return {"mask_content": content, "mask_invert": invert, "soft_mask": soft}


def lay_out_area() -> Form:
    with gr.Row():
        only = gr.Checkbox(
            REQUEST.only_masked,
            label="Only the masked part, at full size",
            info="Cut it out with its surroundings, paint it at the size the checkpoint is best at, put it back.",
            elem_id="only-masked",
            interactive=True,
        )
        padding = slider(
            0,
            512,
            REQUEST.mask_padding,
            step=4,
            label="Surroundings",
            info="Pixels around it that are looked at.",
            elem_id="mask-padding",
        )
    return {"only_masked": only, "mask_padding": padding}


def lay_out_extend() -> Form:
    """Pixels beyond each edge."""
    html("<taffy-extend></taffy-extend>")
    form: Form = {}
    with gr.Row():
        for side in SIDES:
            form[f"extend_{side}"] = gr.Number(
                0, label=side.capitalize(), precision=0, min_width=80, elem_id=f"extend-{side}", interactive=True
            )
    overlap = slider(
        0,
        128,
        REQUEST.extend_overlap,
        step=4,
        label="Overlap",
        info="Pixels inside the old edge that may change, so that no seam is seen.",
        elem_id="extend-overlap",
    )
    return form | {"extend_overlap": overlap}

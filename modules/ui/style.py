"""The tab that gives one picture the look of another, or of words: its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gradio as gr

from modules.core.errors import BadRequest
from modules.core.request import GenerationRequest
from modules.hooks import Page, Tab, hookimpl
from modules.style.presets import PRESETS
from modules.ui.controls import Form, html, lay_out_numbers, lay_out_prompts, note, slider
from modules.ui.form import form_request
from modules.ui.frame import Groups, lay_out_frame
from modules.ui.groups import lay_out_groups

ID = "style"
PREFIX = "style-"
START = {"prompt": "", "count": 1}  # words of one's own
UNSEEN = ("image", "parent", "origin")  # values that our own elements write and show
LISTS = ("style_images", "style_weights")  # the same
UNUSED: dict[str, dict[str, object]] = {  # what a mode does not ask for, although the form has a value
    "colour": {"count": 1, "width": 0, "height": 0},
    "inject": {"count": 1},
}
NO_CONTENT = "there is no content picture", "drop one into the first box, paste it, or choose a file"
NO_STYLE = "there is no style picture", "press one of those that come with Taffy, or drop one there"
NO_WORDS = "there are no words", "write a prompt, or choose one of the presets"
REQUEST = GenerationRequest  # its defaults are the controls'


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab(ID, "style transfer", 30, build)]


def build(page: Page) -> None:
    lay_out_frame(page, ID, lay_out, START, style_request)


def style_request(values: Mapping[str, object]) -> GenerationRequest:
    """The request of this form. Raises BadRequest, also when a picture or words are missing."""
    mode = values["style_mode"]
    if mode in {"colour", "words", "inject"} and not values["image"]:
        raise BadRequest(*NO_CONTENT)
    if not values["style_images"] and (mode in {"colour", "inject", "adapter"} or values["style_match"]):
        raise BadRequest(*NO_STYLE)
    if mode == "words" and not values["prompt"] and not values["style_preset"]:
        raise BadRequest(*NO_WORDS)
    unused = UNUSED.get(str(mode), {})
    if mode == "words" and not values["style_match"]:
        unused = {"style_images": [], "style_weights": []}
    return form_request({**values, **unused})


def lay_out(page: Page) -> tuple[Form, Groups]:
    """Which controls a mode has is said in style.css, by their ids."""
    html("<taffy-style-content></taffy-style-content>")
    form: Form = {name: gr.Textbox("", visible="hidden", elem_id=f"{PREFIX}{name}") for name in UNSEEN}
    form["style_mode"] = gr.Textbox("colour", visible="hidden", elem_id=f"{PREFIX}mode")
    form |= {name: gr.JSON([], visible="hidden", elem_id=f"{PREFIX}{name}") for name in LISTS}
    html("<taffy-style-modes></taffy-style-modes>")
    html("<taffy-style-pictures></taffy-style-pictures>")
    form |= lay_out_knobs()
    html("<taffy-style-strip></taffy-style-strip>")
    form["style_preset"] = preset_choice()
    html("<taffy-style-preset></taffy-style-preset>")
    with gr.Column(elem_id="style-painted"):
        form |= lay_out_prompts(PREFIX)
        note(page)
        form |= lay_out_numbers(PREFIX)
    with gr.Accordion("More", open=False, elem_id="style-more") as more:
        form |= lay_out_colours() | lay_out_attention() | {"resize_mode": fit_choice()}
    others, groups = lay_out_groups(page, ID, PREFIX)
    return form | others, {"More": more, **groups}


def lay_out_knobs() -> Form:
    share = {"minimum": 0, "maximum": 1, "step": 0.01, "buttons": [], "interactive": True}
    return {
        "style_amount": gr.Slider(
            value=REQUEST.style_amount,
            label="How much of the style",
            info="How far the colours, and whatever else this way takes from the style, go toward it.",
            elem_id="style-amount",
            **share,
        ),
        "style_keep": gr.Slider(
            value=REQUEST.style_keep,
            label="Keep the content",
            info="0 lets the style's strokes win, 0.5 is the usual mix, 1 is nearly the content picture itself.",
            elem_id="style-keep",
            **share,
        ),
        "strength": gr.Slider(
            value=REQUEST.strength,
            label="How much is painted anew",
            info="Denoising strength: 0.35 keeps nearly all of the content, 0.75 its rough layout.",
            elem_id="style-strength",
            **share,
        ),
    }


def preset_choice() -> gr.Dropdown:
    return gr.Dropdown(
        [("None", ""), *((f"{name} ({PRESETS[name].group})", name) for name in PRESETS)],
        value="",
        label="Style preset",
        info="Adds its words to the prompt. Write to search.",
        elem_id="style-preset",
        interactive=True,
    )


def lay_out_colours() -> Form:
    return {
        "style_match": gr.Checkbox(
            REQUEST.style_match,
            label="Match colours",
            info="Give the finished picture the colours of the style pictures.",
            elem_id="style-match",
            interactive=True,
        ),
        "style_method": gr.Radio(
            [("How colours hang together", "transport"), ("Mean and spread alone", "statistics")],
            value=REQUEST.style_method,
            label="What of the colours is matched",
            elem_id="style-method",
            interactive=True,
        ),
        "style_luma": gr.Checkbox(
            REQUEST.style_luma,
            label="Keep lightness",
            info="Only the hues and their strength change.",
            elem_id="style-luma",
            interactive=True,
        ),
    }


def lay_out_attention() -> Form:
    return {
        "style_keep_falls": gr.Checkbox(
            REQUEST.style_keep_falls,
            label="Let go of the content on the way",
            info="The content guides the strokes half as much in the end: more style, less content.",
            elem_id="style-falls",
            interactive=True,
        ),
        "style_contrast": slider(
            0.5,
            3,
            REQUEST.style_contrast,
            step=0.05,
            label="Contrast",
            info="How sharply each place picks its strokes; 1.5 is usual, less is blurred.",
            elem_id="style-contrast",
        ),
        "style_grid": slider(
            0,
            1,
            REQUEST.style_grid,
            step=0.05,
            label="Coarsest grid",
            info="0.5: fine and middle strokes are taken; less takes larger forms too, and more of the content goes.",
            elem_id="style-grid",
        ),
        "style_memory": gr.Radio(
            [("As it fits", "automatic"), ("Remember every step", "stored"), ("Little memory, slower", "lock-step")],
            value=REQUEST.style_memory,
            label="Memory",
            elem_id="style-memory",
            interactive=True,
        ),
    }


def fit_choice() -> gr.Radio:
    return gr.Radio(
        [("Crop", "crop"), ("Stretch", "stretch"), ("Fill", "fill"), ("Stretch latents", "latent")],
        value="crop",
        label="When the shape differs",
        elem_id="style-resize",
        interactive=True,
    )

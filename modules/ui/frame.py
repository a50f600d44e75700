"""The frame of a tab that makes pictures: form and buttons on one side, the picture on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import gradio as gr
from gradio.components import Component

from modules.core.errors import TaffyError
from modules.core.people import Person
from modules.core.request import GenerationRequest
from modules.hooks import Page
from modules.ui.controls import Form, html
from modules.ui.filling import Filling, Values
from modules.ui.form import form_request, keep_form, refusal

Groups = dict[str, gr.Accordion]  # by the name their state is remembered under
LayOut = Callable[[Page], tuple[Form, Groups]]
MakeRequest = Callable[[Mapping[str, object]], GenerationRequest]  # raises BadRequest


def lay_out_frame(
    page: Page, tab: str, lay_out: LayOut, start: Values | None = None, make_request: MakeRequest = form_request
) -> None:
    """Form on the left, picture on the right; on a phone the picture comes first.

    start: values a new form has instead of the checkpoint's; they do not follow the checkpoint.
    """
    with gr.Row(elem_classes="taffy-frame", elem_id=f"taffy-frame-{tab}"):
        with gr.Column(elem_classes="taffy-form", scale=2):
            form, groups = lay_out(page)
            with gr.Column(elem_classes="taffy-actions"):
                problem = html()
                html("<taffy-undo hidden></taffy-undo>")
                with gr.Row():
                    generate = gr.Button("Generate", variant="primary", elem_classes="taffy-generate", scale=3)
                    gr.Button("Stop", interactive=False, elem_classes="taffy-stop", scale=1, min_width=80)
                    html("<taffy-live></taffy-live>", "taffy-switch")
        with gr.Column(elem_classes="taffy-picture", scale=3):
            html("<taffy-stage></taffy-stage>")
    filling = Filling(page, form, start or {})
    filling.begin()
    keep_form(tab, form, filling, groups)

    def press(values: Mapping[Component, object], asked: gr.Request) -> str:
        named = {name: values[control] for name, control in form.items()}
        return submit(page, named, asked.request.state.person, make_request)

    generate.click(
        press,
        inputs=set(form.values()),
        outputs=problem,
        queue=False,
        preprocess=False,  # the request checks its values itself, and says so in the page
        show_progress="hidden",
        api_visibility="private",
    )


def submit(page: Page, values: Mapping[str, object], person: Person, make_request: MakeRequest) -> str:
    """Ask for the pictures a form describes. Returns HTML: why that cannot be, else what will be different."""
    try:
        _, notes = page.accept(make_request(values), person.must_make())
    except TaffyError as error:
        return refusal(error)
    return "".join(f'<p class="taffy-notes" role="status">{escape(note)}</p>' for note in notes)

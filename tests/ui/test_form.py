"""How a form becomes a request, how its refusal reads, and how controls of extensions are drawn."""

from __future__ import annotations

import gradio as gr
import pytest

from modules.core.errors import BadRequest
from modules.hooks import Control
from modules.ui.controls import draw_control
from modules.ui.form import form_request, refusal


def test_extensions_values_travel_in_extras() -> None:
    request = form_request({"prompt": "a cat", "invert.enabled": True})
    assert request.prompt == "a cat"
    assert request.extras == {"invert.enabled": True}


def test_an_empty_number_is_refused_with_its_name_and_what_is_needed() -> None:
    with pytest.raises(BadRequest, match="Width: a whole number of pixels is needed, the field is empty"):
        form_request({"width": None})


def test_an_empty_text_is_no_text() -> None:
    assert form_request({"prompt": None}).prompt == ""


def test_a_refusal_says_the_sentence_and_the_advice_as_text() -> None:
    html = refusal(BadRequest("no <b>size</b>", "try 64"))
    assert "no &lt;b&gt;size&lt;/b&gt;" in html
    assert "try 64" in html


@pytest.mark.parametrize(
    ("control", "kind"),
    [
        (Control("a", "A", "checkbox", default=True), gr.Checkbox),
        (Control("a", "A", "slider", default=3, minimum=1, maximum=5, step=1), gr.Slider),
        (Control("a", "A", "text", default="x"), gr.Textbox),
        (Control("a", "A", "choice", default="x", choices=("x", "y")), gr.Dropdown),
    ],
)
def test_every_kind_of_control_is_drawn_with_its_default(control: Control, kind: type) -> None:
    drawn = draw_control(control)
    assert (type(drawn), drawn.value) == (kind, control.default)

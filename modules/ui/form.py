"""A form of a tab: its way to a request, its memory in the browser, and its events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context
from gradio.events import Dependency

from modules.core.errors import BadRequest, TaffyError
from modules.core.request import GenerationRequest, parse_request
from modules.ui.controls import Form
from modules.ui.filling import Filling, Updates

NUMBERS = {  # what an empty one asks for
    "width": "Width: a whole number of pixels",
    "height": "Height: a whole number of pixels",
    "count": "Pictures: a whole number from 1 to 64",
    "seed": "Seed: a whole number, or -1 for any,",
    "steps": "Steps: a whole number from 1 to 150",
    "cfg_scale": "CFG scale: a number from 0 to 100",
    "variation_strength": "Strength of the variation: a number from 0 to 1",
    "variation_seed": "Variation seed: a whole number, or -1 for any,",
}
First = Callable[..., Any]  # as Gradio's events: (function, inputs, outputs, ...)
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
TELL = """(...values) => {
    if (!window.taffyFilled?.[TAB]) return {__type__: "update"};
    const form = Object.fromEntries(NAMES.map((name, at) => [name, values[at]]));
    window.taffyForms = {...window.taffyForms, [TAB]: form};
    document.dispatchEvent(new CustomEvent("taffy-form", {detail: {tab: TAB, form}}));
    return form;
}"""
SEEN = "() => { if (!window.taffyFilled?.[TAB]) document.querySelector('#BUTTON').click(); }"
FILLED = "() => { window.taffyFilled = {...window.taffyFilled, [TAB]: true}; }"  # before that nothing is news
WRITE = """() => {
    const {[TAB]: wanted = {}, ...others} = window.taffyWanted ?? {};
    window.taffyWanted = others;
    return NAMES.map((name) => name in wanted ? wanted[name] : {__type__: "update"});
}"""  # what is typed meanwhile elsewhere stays


def form_request(values: Mapping[str, object]) -> GenerationRequest:
    """A form's values by name -> the request; extensions' controls go into its extras. Raises BadRequest."""
    empty = [f"{asked} is needed, the field is empty" for name, asked in NUMBERS.items() if values.get(name, 0) is None]
    if empty:
        raise BadRequest("; ".join(empty))
    fields = {name: value for name, value in values.items() if "." not in name and value is not None}  # no text: None
    extras = {name: value for name, value in values.items() if "." in name}
    return parse_request(fields | {"extras": extras})


def refusal(error: TaffyError) -> str:
    """The sentence for the page, and what to try; `<taffy-refusal>` is known to our script."""
    sentences = "".join(f"<p>{escape(text)}</p>" for text in (error.message, error.advice) if text)
    return f'<taffy-refusal role="alert">{sentences}</taffy-refusal>'


def keep_form(tab: str, form: Form, filling: Filling, groups: Mapping[str, gr.Accordion]) -> None:
    """Fill the form when it is first seen, remember it in the browser at every change, let it follow its checkpoint;
    groups of controls are open or folded as they were when this browser was here last.

    Our script hears of every change (`taffyForms`), sets values (`taffyWanted`, button `taffy-write-<tab>`), and has
    the list of checkpoints filled anew (`taffy-refresh-<tab>`).
    """
    memory, folds = browser_memory(f"taffy-{tab}"), browser_memory(f"taffy-{tab}-groups")
    controls = list(form.values())

    def first(remembered: object, unfolded: object, asked: gr.Request) -> Updates:
        return {**filling.first(remembered, asked), **opened(groups, unfolded)}

    filled = first_sight(tab)(first, [memory, folds], [*controls, *groups.values()], **QUIET)
    form["checkpoint"].input(filling.follow, controls, controls, preprocess=False, **QUIET)
    hidden_button(f"taffy-refresh-{tab}").click(filling.refresh, memory, controls, **QUIET)
    connect_script(tab, form, memory, filled)
    keep_groups(groups, folds)


def connect_script(tab: str, form: Form, memory: gr.BrowserState, filled: Dependency) -> None:
    """Our script hears of every change once the form is filled, and of the form that comes into sight, and can set
    values; the browser remembers them."""
    controls, names = list(form.values()), json.dumps(list(form))
    write, tell, note = (s.replace("NAMES", names).replace("TAB", json.dumps(tab)) for s in (WRITE, TELL, FILLED))
    hidden_button(f"taffy-write-{tab}").click(None, None, controls, js=write, **QUIET)
    filled.then(None, js=note, **QUIET).then(None, controls, memory, js=tell, **QUIET)
    events = [control.change for control in controls]
    if isinstance(Context.block, gr.Tab):
        events.append(Context.block.select)
    gr.on(events, None, controls, memory, js=tell, trigger_mode="multiple", **QUIET)


def first_sight(tab: str) -> First:
    """The event of a tab seen for the first time: the page opens, or, unless it is the page's first tab, it is opened.

    Called inside the tab. What a tab out of sight would hold is a second's work for the browser when the page opens.
    """
    place, page = Context.block, Context.root_block
    assert page is not None, "a tab is built inside a page"
    if not isinstance(place, gr.Tab) or (place.parent is not None and place.parent.children[0] is place):
        opened: First = page.load
        return opened
    with at_the_root():
        button = hidden_button(f"taffy-fill-{tab}")
    place.select(
        None, None, None, js=SEEN.replace("TAB", json.dumps(tab)).replace("BUTTON", button.elem_id or ""), **QUIET
    )
    pressed: First = button.click
    return pressed


@contextmanager
def at_the_root() -> Iterator[None]:
    """Components made in this block are the page's: those of a tab that nobody opened yet are not there for Gradio."""
    inside, Context.block = Context.block, Context.root_block
    yield
    Context.block = inside


def browser_memory(key: str) -> gr.BrowserState:
    """What the browser remembers."""
    with at_the_root():
        return gr.BrowserState(None, storage_key=key, secret="fixed, to outlive a restart")


def hidden_button(elem_id: str) -> gr.Button:
    """A button for our script to press."""
    return gr.Button(elem_id=elem_id, visible="hidden")


def opened(groups: Mapping[str, gr.Accordion], remembered: object) -> Updates:
    """Those that were open; anything may stand in the browser's memory."""
    kept = remembered if isinstance(remembered, dict) else {}
    return {group: gr.update(open=True) for name, group in groups.items() if kept.get(name) is True}


def keep_groups(groups: Mapping[str, gr.Accordion], memory: gr.BrowserState) -> None:
    """The browser remembers which groups are open."""
    for name, group in groups.items():
        for happens, is_open in ((group.expand, "true"), (group.collapse, "false")):
            happens(None, memory, memory, js=f"(kept) => ({{...kept, {json.dumps(name)}: {is_open}}})", **QUIET)

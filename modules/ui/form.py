"""A form of a tab: its way to a request, its memory in the browser, and its defaults, which are the checkpoint's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.context import Context
from gradio.events import Dependency

from modules.core.errors import BadRequest, TaffyError
from modules.core.request import GenerationRequest, parse_request
from modules.hooks import CheckpointCard, Page
from modules.jobs.pace import usual_count
from modules.ui.controls import Form

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
Values = dict[str, object]  # by the names of a form
Updates = dict[Component, Any]
First = Callable[..., Dependency]  # as Gradio's events: (function, inputs, outputs, ...)
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
WRITE = """(...values) => {
    const wanted = window.taffyWanted;
    return NAMES.map((name, at) => name in wanted ? wanted[name] : values[at]);
}"""
NO_CHECKPOINT = (
    "<p>There is no checkpoint yet. Put a <code>.safetensors</code> file into <code>{folder}</code>"
    " and it appears here by itself.</p>"
)
BIGGER = (
    "<p>Want a bigger one? Put its <code>.safetensors</code> file into <code>{folder}</code>:"
    " the list notices by itself.</p>"
)
NO_SUCH_CHECKPOINT = "<p>There is no checkpoint of this name. Reload the page to see the newest list.</p>"


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


def card_defaults(card: CheckpointCard) -> Values:
    """What a checkpoint was made for, as fields of the request; how many pictures, before anything was measured."""
    side = card.native_size
    return {
        "width": side,
        "height": side,
        "steps": card.default_steps,
        "cfg_scale": card.default_cfg,
        "sampler": card.default_sampler or GenerationRequest.sampler,
        "schedule": card.default_schedule or GenerationRequest.schedule,
        "count": usual_count(None, side, side, card.default_steps),
        "strength": 1.0 if card.input_kind == "instruct" else GenerationRequest.strength,
    }


def card_words(card: CheckpointCard, folder: Path) -> str:
    """The same for the page, then what the checkpoint says of itself: cut short by the style, whole in the tooltip.

    folder: where bigger ones are put.
    """
    way = "".join(f", {name}" for name in (card.default_sampler, card.default_schedule) if name)
    why = f" ({escape(card.defaults_from)})" if way and card.defaults_from else ""
    size = f"{card.native_size} × {card.native_size} pixels"
    best = f"Best at {size}, {card.default_steps} steps, CFG {card.default_cfg:g}{escape(way)}{why}."
    small = BIGGER.format(folder=escape(str(folder))) if card.words else ""
    return f'<p title="{escape(card.description)}">{best} {escape(card.description)}</p>{small}'


def remembered_values(form: Form, remembered: object) -> dict[str, object]:
    """What the browser kept, as far as this form still has such a control; anything may stand in there."""
    kept = remembered if isinstance(remembered, dict) else {}
    return {name: kept[name] for name, control in form.items() if _fits(kept.get(name), control.value)}


def _fits(value: object, default: object) -> bool:
    """Whether a value is of the kind of a control's default; empty text controls have None."""
    kinds = (bool, (int, float), (str, type(None)), list)
    return value is not None and any(isinstance(value, kind) and isinstance(default, kind) for kind in kinds)


def followed_values(values: Mapping[str, object], card: CheckpointCard, cards: Sequence[CheckpointCard]) -> Values:
    """A form whose checkpoint was changed to `card`: what somebody chose stays, the rest becomes the card's.

    A value that is any checkpoint's default counts as not chosen by anybody.
    """
    defaults = [card_defaults(known) for known in cards]
    names = [name for name in card_defaults(card) if name != "count"]  # usual.js knows whether that was chosen
    ours = {name: card_defaults(card)[name] for name in names if values.get(name) in [d[name] for d in defaults]}
    return {**values, **ours}


def keep_form(tab: str, page: Page, form: Form, note: gr.HTML, seen: First, start: Values | None = None) -> None:
    """Fill the form when it is first seen, remember it in the browser at every change, let it follow its checkpoint.

    note: where the page says what the checkpoint is best at. start: values of a new form that are not the
    checkpoint's and do not follow it. Our script hears of every change (`taffyForms`), sets values (`taffyWanted`,
    button `taffy-write-<tab>`), and has the list of checkpoints filled anew (`taffy-refresh-<tab>`).
    """
    ours = start or {}
    memory = browser_memory(f"taffy-{tab}")
    controls = list(form.values())

    def fill(remembered: object) -> Updates:
        cards, values = page.checkpoints(), remembered_values(form, remembered)
        if not cards:
            return {note: NO_CHECKPOINT.format(folder=escape(str(page.models_folder)))}
        card = next((card for card in cards if card.name == values.get("checkpoint")), cards[0])
        return show({**first_prompt(card), **card_defaults(card), **ours, **values}, card, cards)

    def refresh(remembered: object) -> Updates:
        cards, current = page.checkpoints(), remembered_values(form, remembered).get("checkpoint")
        card = next((card for card in cards if card.name == current), None)
        return fill(remembered) if card is None else {form["checkpoint"]: gr.update(choices=choices(cards))}

    def follow(*values: object) -> Updates:
        cards, current = page.checkpoints(), dict(zip(form, values, strict=True))
        card = next((card for card in cards if card.name == current["checkpoint"]), None)
        if card is None:
            return {note: NO_SUCH_CHECKPOINT}
        kept = {name: current[name] for name in ours}
        return show({**followed_values(current, card, cards), **kept}, card, cards)

    def show(values: Mapping[str, object], card: CheckpointCard, cards: Sequence[CheckpointCard]) -> Updates:
        more: dict[str, dict[str, object]] = {
            "width": {"step": card.size_multiple},
            "height": {"step": card.size_multiple},
            "checkpoint": {"choices": choices(cards)},
        }
        values = {**values, "checkpoint": card.name}
        news = {
            form[name]: gr.update(value=value, **more.get(name, {})) for name, value in values.items() if name in form
        }
        return news | {note: card_words(card, page.models_folder)}

    filled = seen(fill, memory, [*controls, note], **QUIET)
    form["checkpoint"].input(follow, controls, [*controls, note], preprocess=False, **QUIET)
    hidden_button(f"taffy-refresh-{tab}").click(refresh, memory, [*controls, note], **QUIET)
    connect_script(tab, form, memory, filled)


def connect_script(tab: str, form: Form, memory: gr.BrowserState, filled: Dependency) -> None:
    """Our script hears of every change once the form is filled, and of the form that comes into sight, and can set
    values; the browser remembers them."""
    controls, names = list(form.values()), json.dumps(list(form))
    write, tell, note = (s.replace("NAMES", names).replace("TAB", json.dumps(tab)) for s in (WRITE, TELL, FILLED))
    hidden_button(f"taffy-write-{tab}").click(None, controls, controls, js=write, **QUIET)
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
        return page.load
    with at_the_root():
        button = hidden_button(f"taffy-fill-{tab}")
    place.select(
        None, None, None, js=SEEN.replace("TAB", json.dumps(tab)).replace("BUTTON", button.elem_id or ""), **QUIET
    )
    return button.click


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


def choices(cards: Sequence[CheckpointCard]) -> list[tuple[str, str]]:
    return [(card.name, card.name) for card in cards]


def first_prompt(card: CheckpointCard) -> Values:
    """What a newcomer finds in the prompt: the example that is being drawn already."""
    return {"prompt": card.examples[0]} if card.examples else {}


def keep_groups(tab: str, groups: Mapping[str, gr.Accordion], seen: First) -> None:
    """Groups of controls are open or folded as they were when this browser was here last."""
    memory = browser_memory(f"taffy-{tab}-groups")

    def unfold(remembered: object) -> list[object]:
        kept = remembered if isinstance(remembered, dict) else {}
        return [gr.update(open=True) if kept.get(name) is True else gr.skip() for name in groups]

    seen(unfold, memory, list(groups.values()), **QUIET)
    for name, group in groups.items():
        for happens, is_open in ((group.expand, "true"), (group.collapse, "false")):
            happens(None, memory, memory, js=f"(kept) => ({{...kept, {json.dumps(name)}: {is_open}}})", **QUIET)

"""What a form shows: what the browser remembers of it, else what its checkpoint was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from modules.core.request import GenerationRequest
from modules.hooks import CheckpointCard, Page
from modules.jobs.pace import usual_count
from modules.ui.controls import Form

Values = dict[str, object]  # by the names of a form
Updates = dict[Block, Any]
UPDATE = "__type__"  # Gradio's mark among the changes of a control


@dataclass(frozen=True)
class Filling:
    """The events that fill a form.

    start: values of a new form that are not the checkpoint's and do not follow it.
    """

    page: Page
    form: Form
    start: Values

    @property
    def nothing(self) -> Updates:
        """Gradio takes no empty answer."""
        return {self.form["checkpoint"]: gr.skip()}

    def begin(self) -> None:
        """Build the controls as a new form is filled: a browser that remembers nothing has nothing to change."""
        for control, changes in self.fill(None, None).items():
            for name in changes.keys() - {UPDATE}:
                setattr(control, name, changes[name])

    def first(self, remembered: object, asked: gr.Request | None = None) -> Updates:
        """For a page that has just been opened: only what its controls were not built with."""
        wanted = self.fill(remembered, asked)
        news = {
            control: {
                name: value for name, value in changes.items() if name == UPDATE or value != getattr(control, name)
            }
            for control, changes in wanted.items()
        }
        return {control: changes for control, changes in news.items() if changes.keys() > {UPDATE}} or self.nothing

    def refresh(self, remembered: object, asked: gr.Request | None = None) -> Updates:
        """There may be other checkpoints than before. A page that has told nothing yet is being filled by `first`."""
        cards, current = self.page.checkpoints(), remembered_values(self.form, remembered).get("checkpoint")
        if not isinstance(remembered, dict) or any(card.name == current for card in cards):
            return {self.form["checkpoint"]: gr.update(choices=choices(cards))}
        return self.fill(remembered, asked)

    def follow(self, *values: object) -> Updates:
        """Another checkpoint was chosen."""
        cards, current = self.page.checkpoints(), dict(zip(self.form, values, strict=True))
        card = next((card for card in cards if card.name == current["checkpoint"]), None)
        if card is None:
            return self.nothing
        kept = {name: current[name] for name in self.start}
        return self.show({**followed_values(current, card, cards), **kept}, current, card, cards)

    def fill(self, remembered: object, asked: gr.Request | None) -> Updates:
        """asked: of whom; a new form begins with their own checkpoint."""
        cards = self.page.checkpoints(asked.request.state.person.sees) if asked else self.page.checkpoints()
        values = remembered_values(self.form, remembered)
        if not cards:
            return self.nothing
        card = next((card for card in cards if card.name == values.get("checkpoint")), cards[0])
        return self.show({**first_prompt(card), **card_defaults(card), **self.start, **values}, {}, card, cards)

    def show(self, values: Values, shown: Values, card: CheckpointCard, cards: Sequence[CheckpointCard]) -> Updates:
        """Only what is not shown yet: every value costs the browser milliseconds, and may undo what was done since."""
        wanted = {**values, "checkpoint": card.name}
        more: dict[str, dict[str, object]] = {
            "width": {"step": card.size_multiple},
            "height": {"step": card.size_multiple},
            "checkpoint": {"choices": choices(cards)},
        }
        news = {name: {"value": value} for name, value in wanted.items() if name not in shown or value != shown[name]}
        both = {name: {**news.get(name, {}), **more.get(name, {})} for name in news | more}
        return {self.form[name]: gr.update(**changes) for name, changes in both.items() if name in self.form}


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


def choices(cards: Sequence[CheckpointCard]) -> list[tuple[str, str]]:
    return [(card.name, card.name) for card in cards]


def first_prompt(card: CheckpointCard) -> Values:
    """What a newcomer finds in the prompt: the example that is being drawn already."""
    return {"prompt": card.examples[0]} if card.examples else {}

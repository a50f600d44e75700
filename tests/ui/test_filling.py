"""What a form remembers, and how it follows its checkpoint."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from modules.core.request import GenerationRequest
from modules.hooks import CheckpointCard
from modules.ui.controls import Form
from modules.ui.filling import Filling, Updates, card_defaults, first_prompt, followed_values, remembered_values

SMALL = CheckpointCard("small", "sd1", 4, 4, 64, 8, 75, "epsilon", 20, 5.0)
LARGE = replace(SMALL, name="large", native_size=512, default_steps=25, default_cfg=7.0)
CARDS = [SMALL, LARGE]
QUICK = replace(LARGE, name="fast", default_steps=4, default_cfg=1.0, default_sampler="LCM", defaults_from="its name")
UNTOUCHED = {"prompt": "a cat", "width": 64, "height": 64, "steps": 20, "cfg_scale": 5.0, "count": 4}


@pytest.fixture
def form() -> Form:
    return {"prompt": gr.Textbox(), "width": gr.Number(64), "sampler": gr.Dropdown(["Euler"]), "x.on": gr.Checkbox()}


def test_what_was_remembered_comes_back(form: Form) -> None:
    kept = {"prompt": "a cat", "width": 128, "sampler": "Euler", "x.on": True}
    assert remembered_values(form, kept) == kept


@pytest.mark.parametrize("kept", [None, "text", [1], {"prompt": 3}, {"width": "wide"}, {"x.on": "yes"}, {"gone": 1}])
def test_memories_that_do_not_fit_the_form_are_left_out(form: Form, kept: object) -> None:
    assert remembered_values(form, kept) == {}


def test_an_untouched_form_gets_the_new_checkpoints_defaults() -> None:
    after = followed_values(UNTOUCHED, LARGE, CARDS)
    assert after == {"prompt": "a cat", "width": 512, "height": 512, "steps": 25, "cfg_scale": 7.0, "count": 4}


def test_what_somebody_chose_stays_when_the_checkpoint_changes() -> None:
    after = followed_values(UNTOUCHED | {"steps": 33, "width": 96}, LARGE, CARDS)
    assert (after["steps"], after["width"], after["height"]) == (33, 96, 512)


def test_a_checkpoint_that_follows_orders_starts_at_strength_1_and_the_next_one_at_its_own() -> None:
    orders = replace(SMALL, name="orders", input_kind="instruct")
    there = followed_values(UNTOUCHED | {"strength": GenerationRequest.strength}, orders, [SMALL, orders])
    assert there["strength"] == 1
    assert followed_values(there, SMALL, [SMALL, orders])["strength"] == GenerationRequest.strength
    assert followed_values(UNTOUCHED | {"strength": 0.3}, orders, [SMALL, orders])["strength"] == 0.3
    assert "strength" not in followed_values(UNTOUCHED, orders, [SMALL, orders])  # txt2img has none


def test_a_checkpoint_of_few_steps_brings_its_sampler_and_the_next_one_the_usual_one() -> None:
    usual = {"sampler": GenerationRequest.sampler, "schedule": GenerationRequest.schedule}
    cards = [LARGE, QUICK]
    there = followed_values(UNTOUCHED | usual | {"steps": 25, "cfg_scale": 7.0}, QUICK, cards)
    assert (there["steps"], there["sampler"], there["schedule"]) == (4, "LCM", "automatic")
    assert followed_values(there, LARGE, cards)["sampler"] == GenerationRequest.sampler
    assert followed_values(there | {"sampler": "Heun"}, LARGE, cards)["sampler"] == "Heun"


def test_small_pictures_come_by_the_four() -> None:
    assert (card_defaults(SMALL)["count"], card_defaults(LARGE)["count"]) == (4, 1)


def test_a_newcomer_finds_the_first_example_in_the_prompt() -> None:
    assert first_prompt(replace(SMALL, examples=("a castle", "a cat"))) == {"prompt": "a castle"}
    assert first_prompt(SMALL) == {}


class Cards:
    """As much of a tab's Page as a form is filled from."""

    def checkpoints(self, owner: str = "") -> list[CheckpointCard]:
        return CARDS


@pytest.fixture
def filling() -> Filling:
    with gr.Blocks():
        checkpoint = gr.Dropdown([], value=None, allow_custom_value=True)
        form: Form = {"prompt": gr.Textbox(), "checkpoint": checkpoint, "width": gr.Number(64), "steps": gr.Number(20)}
        return Filling(Cards(), form, {})  # type: ignore[arg-type]


def sent(filling: Filling, updates: Updates) -> dict[str, object]:
    """The values among these updates, by name."""
    return {name: updates[part]["value"] for name, part in filling.form.items() if "value" in updates.get(part, {})}


def test_a_new_page_is_sent_only_what_it_was_not_built_with(filling: Filling) -> None:
    assert sent(filling, filling.first({"prompt": "a cat", "steps": 20})) == {"prompt": "a cat", "checkpoint": "small"}


def test_a_browser_that_remembers_nothing_is_sent_nothing_by_a_form_that_was_built_for_it(filling: Filling) -> None:
    filling.begin()
    assert filling.form["checkpoint"].value == "small"
    assert filling.first(None) == {filling.form["checkpoint"]: gr.skip()}
    assert sent(filling, filling.first({"checkpoint": "large"})) == {
        "checkpoint": "large",
        "width": 512,
        "steps": 25,
    }


def test_a_checkpoint_that_was_chosen_is_not_sent_back_so_that_an_undo_meanwhile_stays(filling: Filling) -> None:
    assert sent(filling, filling.follow("a cat", "large", 64, 20)) == {"width": 512, "steps": 25}


def test_a_longer_list_of_checkpoints_changes_no_value(filling: Filling) -> None:
    updates = filling.refresh({"checkpoint": "large"})
    assert sent(filling, updates) == {}
    assert updates[filling.form["checkpoint"]]["choices"] == [("small", "small"), ("large", "large")]


def test_a_page_that_is_still_being_filled_keeps_what_is_typed_when_the_list_grows(filling: Filling) -> None:
    assert sent(filling, filling.refresh(None)) == {}


def test_a_form_that_had_no_checkpoint_is_filled_when_one_comes(filling: Filling) -> None:
    assert sent(filling, filling.refresh({"prompt": "a cat", "checkpoint": None}))["checkpoint"] == "small"


def test_a_checkpoint_that_is_gone_gives_way_to_the_first_with_all_its_values(filling: Filling) -> None:
    assert sent(filling, filling.refresh({"checkpoint": "gone"}))["checkpoint"] == "small"

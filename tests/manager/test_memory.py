from __future__ import annotations

from modules.core.scarcity import ram_total
from modules.manager.memory import out_of_memory, ram_budget


def test_the_sentence_says_what_it_was_for_and_what_to_change() -> None:
    error = out_of_memory("loading x", "cpu")
    assert error.message == "there was not enough memory for loading x"
    assert error.advice == "close other programs or choose a smaller checkpoint or smaller pictures"


def test_a_graphics_card_may_be_left_alone_but_a_processor_is_all_there_is() -> None:
    assert out_of_memory("x", "cuda").advice.endswith("or start Taffy with --use-cpu")
    assert "--use-cpu" not in out_of_memory("x", "cpu").advice


def test_the_budget_is_two_fifths_of_the_machine_or_what_was_asked_for() -> None:
    assert ram_budget("3") == 3 * 10**9
    assert ram_budget("0") == 0
    assert ram_budget("auto") == int(0.4 * ram_total()) > 0

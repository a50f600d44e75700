"""A1111's prompt grammar: its own published examples, and what happens to texts it cannot read."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.core.request import MAX_PROMPT
from modules.text.prompt import DEEPEST, parse_attention, prompt_plan, scheduled

GRAMMAR = st.lists(
    st.sampled_from(["a", " b", "(", ")", "[", "]", ":", "|", "\\", ":1.2)", ":.5]", ":3]", " BREAK ", "2", "\n", "#"])
).map("".join)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("normal text", [("normal text", 1)]),
        ("", [("", 1)]),
        ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("a [unbalanced", [("a ", 1), ("unbalanced", 1 / 1.1)]),
        (r"\(literal\]", [("(literal]", 1)]),
        (r"a\\b \c", [(r"a\b c", 1)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("(a:.5)(b: -1 )(c:+2.)", [("a", 0.5), ("b", -1), ("c", 2)]),
        ("a) b] :1.2)", [("a) b] :1.2)", 1)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.1 / 1.1), (" c", 1 / 1.1)]),
    ],
)
def test_brackets_weigh_words(text: str, pieces: list[tuple[str, float]]) -> None:
    found = parse_attention(text)
    assert [piece for piece, _ in found] == [piece for piece, _ in pieces]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in pieces])


def test_nested_brackets_multiply_to_the_last_bit_as_in_a1111() -> None:
    assert parse_attention("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).") == (
        ("a ", 1.0),
        ("house", 1.5730000000000004),
        (" ", 1.1),
        ("on", 1.0),
        (" a ", 1.1),
        ("hill", 0.55),
        (", sun, ", 1.1),
        ("sky", 1.4641000000000006),
        (".", 1.1),
    )


@pytest.mark.parametrize("weight", ["1.2.3", ".", "", "+", "1,2", "nan", "1e3"])
def test_a_weight_that_is_no_number_is_text(weight: str) -> None:
    assert parse_attention(f"(a:{weight})") == ((f"a:{weight}", 1.1),)


def test_break_is_a_piece_of_its_own() -> None:
    assert parse_attention("a  BREAK\nb BREAKFAST") == (("a", 1.0), ("BREAK", -1.0), ("b BREAKFAST", 1.0))


def test_two_breaks_leave_an_empty_piece_between_them() -> None:
    assert parse_attention("a BREAK BREAK b") == (
        ("a", 1.0),
        ("BREAK", -1.0),
        ("", 1.0),
        ("BREAK", -1.0),
        ("b", 1.0),
    )


def test_break_inside_brackets_is_not_weighed() -> None:
    """A1111 multiplies its -1 and then takes it for the word "break"."""
    assert parse_attention("(a BREAK b:1.2)") == (("a", 1.2), ("BREAK", -1.0), ("b", 1.2))


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("test", [(10, "test")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3 ]", [(3, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("[b:.5]", [(5, ""), (10, "b")]),
        ("a [b::.5] c", [(5, "a b c"), (10, "a  c")]),
        ("a [{b|d{:.5] c", [(5, "a  c"), (10, "a {b|d{ c")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("[a:b:0]", [(10, "b")]),
        ("[a:b:-1]", [(10, "b")]),
        ("[a:b:99]", [(10, "a")]),
        ("[a:b:c:3]", [(10, "[a:b:c:3]")]),
        ("[a:b]", [(10, "[a:b]")]),
        ("[a:b|c]", [(10, "[a:b|c]")]),
        (r"\[a:b:3\] [c\]:3]", [(3, r"\[a:b:3\] "), (10, r"\[a:b:3\] c\]")]),
        ("a | b [c:3]", [(3, "a | b "), (10, "a | b c")]),
    ],
)
def test_a_schedule_says_which_text_ends_when(text: str, schedule: list[tuple[int, str]]) -> None:
    assert list(scheduled(text, 10).schedule) == schedule


@pytest.mark.parametrize(
    ("text", "cycle"),
    [
        ("[a|(b:1.1)]", ["a", "(b:1.1)"]),
        ("[fe|]male", ["female", "male"]),
        ("[fe|||]male", ["female", "male", "male", "male"]),
        ("[[a|b]|c]", ["a", "c"]),
    ],
)
def test_alternatives_change_at_every_step(text: str, cycle: list[str]) -> None:
    assert scheduled(text, 10).schedule == tuple((step + 1, cycle[step % len(cycle)]) for step in range(10))


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("[a:b:1.5]", [(5, "a"), (10, "b")]),
        ("[a:b:.5]", [(10, "b")]),
        ("[a:b:2.0]", [(10, "a")]),
        ("[a:b:24]", [(4, "a"), (10, "b")]),
        ("[a:b:20]", [(10, "b")]),
        ("[a:b:99]", [(10, "a")]),
    ],
)
def test_a_second_pass_goes_on_counting_where_the_first_ended(text: str, schedule: list[tuple[int, str]]) -> None:
    """As in A1111: after 20 steps, 24 is the fourth of the second pass, and 1.5 its middle."""
    assert list(scheduled(text, 10, done=20).schedule) == schedule


def test_a_text_still_holds_at_the_step_it_ends_at() -> None:
    part = scheduled("[a:b:.5]", 10)
    assert [part.at(step) for step in range(10)] == ["a"] * 6 + ["b"] * 4


def test_and_makes_parts_with_weights() -> None:
    parts = prompt_plan("a cat AND a (dog:1.2) :.5 AND [x:y:3] : -1", 10)
    assert [(part.weight, part.at(9)) for part in parts] == [(1, "a cat "), (0.5, " a (dog:1.2)"), (-1, " y")]


def test_and_must_be_a_word_in_capitals() -> None:
    assert len(prompt_plan("bread and butter, ANDROID, SAND", 10)) == 1


def test_a_prompt_without_and_keeps_its_last_number() -> None:
    (part,) = prompt_plan("a screen of 16:9", 10)
    assert (part.weight, part.at(0)) == (1, "a screen of 16:9")


def test_comments_end_at_the_line() -> None:
    (part,) = prompt_plan("a cat # AND a dog\non a mat # [x|y]", 10)
    assert part.schedule == ((10, "a cat \non a mat "),)


def test_negative_prompts_are_not_split() -> None:
    assert scheduled("ugly AND bad", 10).at(0) == "ugly AND bad"


def test_a_text_nested_too_deep_has_no_schedules() -> None:
    fine, deep = ("[" * depth + "a:3]" + "]" * (depth - 1) for depth in (DEEPEST - 1, DEEPEST))
    assert len(scheduled(fine, 10).schedule) == 2
    assert scheduled(deep, 10).schedule == ((10, deep),)


@given(st.one_of(GRAMMAR, st.text()), st.integers(1, 150))
def test_any_text_can_be_read(text: str, steps: int) -> None:
    for part in prompt_plan(text, steps):
        ends = [end for end, _ in part.schedule]
        assert ends == sorted(set(ends)) and ends[0] >= 1 and ends[-1] == steps
        assert parse_attention(part.at(steps - 1))


@given(st.text().filter(lambda text: not set(text) & set("()[]\\#|:") and "BREAK" not in text and "AND" not in text))
def test_a_text_without_marks_is_left_alone(text: str) -> None:
    (part,) = prompt_plan(text, 20)
    assert parse_attention(part.at(0)) == ((text, 1.0),)


@pytest.mark.parametrize("hostile", ["(a", "[a:", "[", "[a|b]", " ", ":", "1", "\\", ": ", "a BREAK ", "AND ", "(a:9"])
def test_the_longest_hostile_prompt_takes_seconds_at_most(hostile: str) -> None:
    text = (hostile * MAX_PROMPT)[:MAX_PROMPT]
    start = time.process_time()
    parse_attention(text)
    prompt_plan(text, 150)
    assert time.process_time() - start < 5

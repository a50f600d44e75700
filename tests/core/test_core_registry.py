"""Registries: one name, one value, whatever the case; strangers are told who is known."""

from __future__ import annotations

import pytest

from modules.core.errors import BadSetting, UnknownName
from modules.core.registry import Registry


@pytest.fixture
def fruit() -> Registry[int]:
    registry: Registry[int] = Registry("fruit")
    registry.add("Pear", 2, aliases=("poire",))
    registry.add("apple", 1)
    return registry


def test_names_come_in_the_order_they_were_registered(fruit: Registry[int]) -> None:
    assert (list(fruit), len(fruit)) == (["Pear", "apple"], 2)


@pytest.mark.parametrize("name", ["Pear", "pear", " PEAR ", "Poire"])
def test_case_spaces_and_aliases_find_the_value(name: str, fruit: Registry[int]) -> None:
    assert (fruit[name], fruit.canonical(name), name in fruit) == (2, "Pear", True)


def test_an_unknown_name_is_told_the_known_ones(fruit: Registry[int]) -> None:
    with pytest.raises(UnknownName, match="there is no fruit called 'plum'") as caught:
        fruit["plum"]
    assert caught.value.advice == "known: Pear, apple"


def test_an_empty_registry_says_that_it_knows_none() -> None:
    with pytest.raises(UnknownName) as caught:
        Registry[int]("fruit")["plum"]
    assert caught.value.advice == "known: none"


@pytest.mark.parametrize(("name", "aliases"), [("PEAR", ()), ("poire", ()), ("quince", ("apple",))])
def test_a_taken_name_is_refused_and_nothing_changes(name: str, aliases: tuple[str, ...], fruit: Registry[int]) -> None:
    with pytest.raises(ValueError, match="there is already a fruit called"):
        fruit.add(name, 3, aliases)
    assert (list(fruit), "quince" in fruit) == (["Pear", "apple"], False)


def test_the_decorator_gives_back_what_it_registered() -> None:
    registry: Registry[object] = Registry("function")

    @registry.register("here")
    def here() -> None: ...

    assert registry["here"] is here


def test_what_is_no_text_is_in_no_registry(fruit: Registry[int]) -> None:
    assert 3 not in fruit


def test_a_name_from_a_setting_is_checked_against_the_names_and_the_words_beside_them() -> None:
    table: Registry[int] = Registry("number")
    table.add("one", 1)
    table.check("--number", "one")
    table.check("--number", "automatic", "automatic")
    with pytest.raises(BadSetting, match="--number is 'two', allowed is automatic or one"):
        table.check("--number", "two", "automatic")

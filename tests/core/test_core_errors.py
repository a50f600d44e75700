"""Errors: a sentence, perhaps advice, and a tree that the docstring draws as it is."""

from __future__ import annotations

import pickle
import re

from modules.core import errors
from modules.core.errors import BadRequest, CannotSave, TaffyError, UnknownName


def test_an_error_is_its_sentence() -> None:
    error = CannotSave("the disk is full", "free some space")
    assert (str(error), error.message, error.advice) == ("the disk is full", "the disk is full", "free some space")


def test_advice_may_be_left_out() -> None:
    assert TaffyError("no").advice == ""


def test_an_unknown_name_is_a_bad_request() -> None:
    assert issubclass(UnknownName, BadRequest)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"^[│├└─ ]*(\w+)(?: {2}|$)", errors.__doc__ or "", re.MULTILINE)) - {""}
    real = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert real <= drawn


def test_an_error_survives_the_way_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(CannotSave("the disk is full")))
    assert (type(copy), copy.message) == (CannotSave, "the disk is full")

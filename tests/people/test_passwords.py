"""Passwords are kept so that nobody can read them back."""

from __future__ import annotations

import pytest

from modules.core.errors import BadSetting
from modules.people.passwords import NOBODY, hashed, is_right


def test_the_right_password_fits_and_no_other_does() -> None:
    kept = hashed("correct horse \N{HORSE FACE}")
    assert is_right("correct horse \N{HORSE FACE}", kept)
    assert not is_right("correct horse", kept)
    assert not is_right("", kept)


def test_the_same_password_is_kept_differently_each_time_and_is_not_in_what_is_kept() -> None:
    one, other = hashed("swordfish"), hashed("swordfish")
    assert one != other
    assert "swordfish" not in one


@pytest.mark.parametrize("password", ["", "seven77", "x" * 257])
def test_a_password_has_a_length(password: str) -> None:
    with pytest.raises(BadSetting, match="8 to 256 letters"):
        hashed(password)


def test_no_password_is_right_for_nobody() -> None:
    assert not any(is_right(password, NOBODY) for password in ("", "nobody", "\udc80"))

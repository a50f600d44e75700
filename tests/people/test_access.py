"""What lets somebody in, how long, and what ends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modules.core.errors import BadSetting, NotAllowed
from modules.core.people import OWNER_HERE, Person
from modules.core.settings import Settings
from modules.people import sessions
from modules.people.access import Access, access_of
from modules.people.throttle import EACH, TOGETHER, Throttle
from modules.people.users import Users

WORD = "correct horse"


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(tmp_path, is_shared=True)


def test_the_token_is_made_once_cannot_be_guessed_and_only_we_may_read_it(access: Access, tmp_path: Path) -> None:
    assert len(access.token) >= 32  # of 64 letters: 192 bits
    assert Access(tmp_path, is_shared=True).token == access.token
    assert Access(tmp_path / "other", is_shared=True).token != access.token
    for secret in ("token", "session.key"):
        assert os.name != "posix" or (tmp_path / secret).stat().st_mode & 0o777 == 0o600


def test_a_token_that_others_could_read_is_closed_to_them_at_the_next_start(access: Access, tmp_path: Path) -> None:
    (tmp_path / "token").chmod(0o644)
    assert Access(tmp_path, is_shared=True).token == access.token
    assert os.name != "posix" or (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_only_the_token_is_the_token(access: Access) -> None:
    assert access.of_token(access.token) == OWNER_HERE
    assert not any(access.of_token(token) for token in ("", access.token[:-1], access.token + "x", "\N{CAT FACE}"))


def test_a_server_for_itself_has_no_token_at_all(tmp_path: Path) -> None:
    access = Access(tmp_path)
    assert (access.token, access.of_token("")) == ("", None)
    assert not list(tmp_path.iterdir())


def test_a_named_owner_takes_the_place_of_the_token(access: Access) -> None:
    token, note = access.token, access.note_for(OWNER_HERE)
    access.users.add("ben", "user", WORD)
    assert access.of_token(token) == access.of_session(note) == OWNER_HERE
    access.users.add("anna", "owner", WORD)
    assert (access.token, access.of_token(token), access.of_session(note)) == ("", None, None)


def test_a_password_lets_its_user_in(access: Access) -> None:
    access.users.add("anna", "owner", WORD)
    access.users.add("eve", "viewer", WORD)
    assert access.of_password("anna", WORD) == Person("anna", "owner")
    assert access.of_password("eve", WORD) == Person("eve", "viewer", "anna")
    assert not access.of_password("anna", WORD + "!")
    assert not access.of_password("nobody", WORD)


def test_a_cookie_is_good_until_the_password_changes_or_the_user_goes(access: Access) -> None:
    access.users.add("ben", "user", WORD)
    note = access.note_for(Person("ben", "user"))
    assert access.of_session(note) == Person("ben", "user")
    access.users.change("ben", password="another horse")
    assert access.of_session(note) is None
    assert not access.of_password("ben", WORD)  # though it was right a moment ago
    note = access.note_for(Person("ben", "user"))
    access.users.remove("ben")
    assert access.of_session(note) is None


def test_a_role_changes_at_once(access: Access) -> None:
    access.users.add("ben", "user", WORD)
    note = access.note_for(Person("ben", "user"))
    access.users.change("ben", role="viewer")
    assert access.of_session(note) == Person("ben", "viewer", "local")


def test_no_letter_of_a_cookie_can_be_changed(access: Access) -> None:
    note = access.note_for(OWNER_HERE)
    for at in range(len(note)):
        other = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
        assert access.of_session(other) is None or other.rstrip("AB") == note[:-1]
    for note in (
        "",
        ".",
        "..",
        "local",
        "local.9",
        "local.9999999999999999999.x",
        "local.\N{SUPERSCRIPT TWO}.x",
        "a.b.c.d",
    ):
        assert access.of_session(note) is None


def test_a_cookie_ends_after_thirty_days() -> None:
    key = b"key"
    assert sessions.is_true(sessions.sign("ben", "x", key), "x", key)
    assert not sessions.is_true(sessions.sign("ben", "x", key, now=0), "x", key)


def test_users_added_by_another_process_count_at_once(access: Access, tmp_path: Path) -> None:
    Users(tmp_path / "users.json").add("ben", "user", WORD)
    assert access.of_password("ben", WORD) == Person("ben", "user")


@pytest.mark.parametrize("name", ["", "Ben", "local", "../x", "con", "a b", "-x", "x" * 33, "é"])
def test_names_are_names_of_folders(access: Access, name: str) -> None:
    with pytest.raises(BadSetting, match="nobody can be called"):
        access.users.add(name, "user", WORD)


def test_a_user_is_there_once_and_has_a_role(access: Access) -> None:
    access.users.add("ben", "user", WORD)
    with pytest.raises(BadSetting, match="already"):
        access.users.add("ben", "user", WORD)
    with pytest.raises(BadSetting, match="no role"):
        access.users.add("eve", "king", WORD)
    with pytest.raises(BadSetting, match="no user 'eve'"):
        access.users.remove("eve")


def test_a_list_of_users_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text('[{"name": "ben"}]')
    with pytest.raises(BadSetting, match=r"users\.json cannot be read"):
        Access(tmp_path, is_shared=True)


def test_no_auth_without_listen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="goes with --listen"):
        access_of(Settings(data_dir=tmp_path, no_auth=True))
    assert access_of(Settings(data_dir=tmp_path, no_auth=True, listen=True)).token == ""


def test_an_address_has_five_tries_a_minute() -> None:
    now = [100.0]
    throttle = Throttle(lambda: now[0])
    assert [throttle.seconds("a") for _ in range(EACH)] == [0.0] * EACH
    assert throttle.seconds("a") == 60.0
    assert throttle.seconds("b") == 0.0
    now[0] += 59
    assert throttle.seconds("a") == 1.0
    now[0] += 1
    assert throttle.seconds("a") == 0.0


def test_many_addresses_together_have_a_limit_too() -> None:
    throttle = Throttle(lambda: 100.0)
    assert [throttle.seconds(str(address)) for address in range(TOGETHER)] == [0.0] * TOGETHER
    assert throttle.seconds("another") > 0


def test_who_was_right_starts_anew() -> None:
    throttle = Throttle(lambda: 100.0)
    for _ in range(EACH):
        throttle.seconds("a")
    throttle.forgive("a")
    assert throttle.seconds("a") == 0.0


def test_a_viewer_makes_nothing() -> None:
    with pytest.raises(NotAllowed, match="viewers look"):
        Person("eve", "viewer", "anna").must_make()
    assert Person("ben", "user").must_make() == "ben"

"""`python webui.py user ...`: named users come, change and go."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modules.commands import ask_password, run
from modules.core.errors import BadSetting
from modules.core.settings import ROOT
from modules.people.users import Users

WORD = "correct horse"
Say = Callable[..., str]


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path / "access" / "users.json")


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """say("user", ..., typed=...) runs a command of this data folder; returns what it prints."""

    def say(*words: str, typed: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        run([*words, "--data-dir", str(tmp_path)])
        return capsys.readouterr().out.strip()

    return say


def test_users_are_added_with_a_role_and_listed(say: Say, users: Users) -> None:
    assert say("user", "list") == "There are no named users yet."
    assert say("user", "add", "anna", "--role", "owner", typed=f"{WORD}\n") == "anna can log in as owner."
    assert say("user", "add", "ben", typed=f"{WORD}\n") == "ben can log in as a user."
    assert say("user", "list") == "anna\towner\nben\tuser"
    assert users.verify("ben", WORD) is not None


def test_a_new_password_takes_the_place_of_the_old_one(say: Say, users: Users) -> None:
    say("user", "add", "ben", typed=WORD)
    assert "logged out everywhere" in say("user", "password", "ben", typed="another horse\n")
    assert users.verify("ben", WORD) is None
    assert users.verify("ben", "another horse") is not None


def test_a_role_changes_and_the_password_stays(say: Say, users: Users) -> None:
    say("user", "add", "ben", typed=WORD)
    assert say("user", "role", "ben", "viewer") == "ben is viewer now."
    user = users.verify("ben", WORD)
    assert user is not None
    assert user.role == "viewer"


def test_who_is_removed_cannot_log_in(say: Say, users: Users) -> None:
    say("user", "add", "ben", typed=WORD)
    assert "cannot log in any more" in say("user", "remove", "ben")
    assert users.verify("ben", WORD) is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["user"], "not how users are changed"),
        (["user", "add"], "not how users are changed"),
        (["user", "add", "Ben"], "nobody can be called 'Ben'"),
        (["user", "add", "ben", "--role", "king"], "no role 'king'"),
        (["user", "remove", "ben"], "no user 'ben'"),
        (["user", "role", "ben", "owner"], "no user 'ben'"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(say: Say, users: Users, words: list[str], sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        say(*words, typed=WORD)
    assert users.all() == ()


def test_a_short_password_is_refused(say: Say, users: Users) -> None:
    with pytest.raises(BadSetting, match="8 to 256 letters, got 5"):
        say("user", "add", "ben", typed="short\n")
    assert users.all() == ()


def test_a_person_types_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    typed = iter([WORD, WORD, WORD, "something else"])
    assert ask_password(lambda question: next(typed)) == WORD
    with pytest.raises(BadSetting, match="not the same"):
        ask_password(lambda question: next(typed))


def test_the_program_itself_takes_the_command(tmp_path: Path, users: Users) -> None:
    command = [sys.executable, "webui.py", "user", "add", "anna", "--role", "owner", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, input=f"{WORD}\n", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "anna can log in as owner."
    assert WORD not in done.stdout + done.stderr
    assert users.owner() == "anna"
    bad = subprocess.run(
        [*command[:4], "anna", "--data-dir", str(tmp_path)],
        check=False,
        cwd=ROOT,
        input=WORD,
        capture_output=True,
        text=True,
    )
    assert (bad.returncode, "anna is there already" in bad.stderr, "Traceback" in bad.stderr) == (1, True, False)

"""The log: nothing in it lets anybody in, and it does not grow for ever."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.log import HIDDEN, KEEP, Discreet, log_to

TOKEN = "Zx8-the_token_of_the_link-Zx8"


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """The handlers of the tests come back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "line",
    [
        "GET /login?token=swordfish&x=1",
        "name=ben&password=swordfish&x=1",
        '{"name": "ben", "password": "correct swordfish \\" battery", "x": 1}',
        "{'Password': 'my swordfish is \"long\"'}",
        "Authorization: Bearer swordfish",
        "(b'authorization', b'Basic swordfish')",
        "Cookie: other=1; taffy-7860=anna.1.swordfish; x=1",
        "set-cookie: taffy-80=swordfish; HttpOnly",
        "api_key = swordfish",
        'API-KEY: "swordfish"',
        "secret:swordfish",
    ],
)
def test_whatever_lets_somebody_in_is_hidden_and_the_rest_stays(line: str) -> None:
    told = Discreet().hide(line)
    assert "swordfish" not in told
    assert "battery" not in told
    assert HIDDEN in told
    assert ("x=1" in line, '"x": 1' in line) == ("x=1" in told, '"x": 1' in told)


def test_words_that_let_nobody_in_stay() -> None:
    line = "the prompt has 12 tokens; a password has 8 letters; seed=7, steps=20"
    assert Discreet(["", TOKEN]).hide(line) == line


def test_a_known_secret_is_hidden_wherever_it_stands_also_in_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "taffy.log"
    log_to(file, [TOKEN])
    try:
        raise ValueError(f"opened with {TOKEN}")
    except ValueError:
        logging.getLogger("x").exception("it is %s", TOKEN)
    text = file.read_text()
    assert TOKEN not in text
    assert f"opened with {HIDDEN}" in text
    assert "Traceback" in text


def test_the_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modules.log.MOST_BYTES", 2000)
    log_to(tmp_path / "taffy.log")
    for number in range(400):
        logging.getLogger("x").info("line %d", number)
    files = sorted(tmp_path.iterdir())
    assert len(files) == KEEP + 1
    assert all(file.stat().st_size <= 2000 for file in files)
    assert "line 399" in (tmp_path / "taffy.log").read_text()


def test_a_disk_that_refuses_the_log_is_no_reason_to_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("a file in the way")
    log_to(tmp_path / "logs" / "taffy.log")
    logging.getLogger("x").warning("heard")
    assert "heard" in capsys.readouterr().err

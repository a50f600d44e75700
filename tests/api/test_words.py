"""What the page is told of a prompt while it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import Server


@pytest.fixture
def ask(serve: Callable[..., Server]) -> Callable[[dict[str, Any]], Any]:
    client = serve().client
    return lambda question: client.post("/words", json=question)


def test_tokens_are_counted(ask: Callable[[dict[str, Any]], Any]) -> None:
    prompt = "a photo of a (cat:1.2)"
    assert ask({"prompt": prompt}).json() == {
        "tokens": 5,
        "window": 75,
        "unknown": [],
        "quick": None,
        "scenery": prompt,
    }


def test_a_checkpoint_that_is_not_there_is_no_reason_not_to_count(ask: Callable[[dict[str, Any]], Any]) -> None:
    assert ask({"prompt": "a cat", "checkpoint": "gone"}).json()["tokens"] == 2


@pytest.mark.parametrize("question", [{}, {"prompt": 3}, {"prompt": "x" * 20_001}, {"prompt": "x", "other": 1}])
def test_other_questions_get_a_sentence(ask: Callable[[dict[str, Any]], Any], question: dict[str, Any]) -> None:
    answer = ask(question)
    assert answer.status_code == 422
    assert answer.json()["error"]

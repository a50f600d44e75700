"""Questions of extensions: answered piece by piece, stopped by closing the answer, and given up after a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from modules.core.errors import BadExtension, Busy, WorkerLost
from modules.core.events import Answered, Event, Failed, Finished
from modules.core.task import Ask, Task, Unload
from modules.jobs.questions import Question, Questions, answer, ask, ended, pieces
from modules.worker.local import LocalWorker


class Counting:
    """Answers with 0, 1, 2 ... as many as are asked for, and notes whether it was stopped before the end."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def run(self, task: Task) -> Generator[Event, None, None]:
        assert isinstance(task, Ask)
        assert isinstance(task.payload, int)
        try:
            for number in range(task.payload):
                yield Answered(number, task=task.id)
                time.sleep(0.001)
        except GeneratorExit:
            self.stopped.set()
            raise
        yield Failed(task.id, "BadRequest", "no more", "ask for less") if task.name == "fails" else Finished(task.id, 0)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def worker(counting: Counting) -> LocalWorker:
    return LocalWorker(lambda: counting)


def asked(worker: LocalWorker, most: int, name: str = "count") -> Question:
    """A question that the worker is at."""
    questions = Questions()
    questions.put(ask("x", "", name, most, {}))
    question = questions.take()
    assert question is not None
    threading.Thread(target=answer, args=(question, worker, lambda event: None), daemon=True).start()
    return question


def test_an_answer_comes_piece_by_piece(worker: LocalWorker) -> None:
    assert [piece.message for piece in pieces(asked(worker, 5), worker.cancel)] == [0, 1, 2, 3, 4]


def test_closing_the_answer_stops_the_work(worker: LocalWorker, counting: Counting) -> None:
    answers = pieces(asked(worker, 1_000_000), worker.cancel)
    assert next(answers).message == 0
    answers.close()  # type: ignore[attr-defined]
    assert counting.stopped.wait(10)


def test_what_the_worker_refuses_is_raised_after_the_pieces_there_were(worker: LocalWorker) -> None:
    answers = pieces(asked(worker, 1, "fails"), worker.cancel)
    assert next(answers).message == 0
    with pytest.raises(BadExtension, match="no more"):
        next(answers)


def test_where_the_engine_has_no_time_the_question_is_given_up_and_never_asked() -> None:
    questions = Questions()
    question = questions.put(ask("x", "", "count", 1, {}))
    with pytest.raises(Busy, match=r"no time for this in 0\.05 seconds"):
        next(pieces(question, lambda id: None, wait=0.05))
    assert questions.take() is None


def test_a_worker_half_that_says_nothing_for_too_long_is_stopped() -> None:
    questions, stopped = Questions(), list[str]()
    question = questions.put(ask("x", "", "count", 1, {}))
    assert questions.take() is question
    with pytest.raises(BadExtension, match=r"no answer within 0\.05 seconds"):
        next(pieces(question, stopped.append, patience=0.05))
    assert stopped == [question.task.id]


def test_whoever_waits_for_a_while_only_leaves_the_question_in_its_place() -> None:
    questions = Questions()
    question = questions.put(Unload("unload"))
    assert not ended(question, 0)
    assert questions.take() is question
    question.pieces.put(Finished("unload", 0))
    assert ended(question, 0)


def test_an_end_that_is_an_error_is_raised_to_whoever_waits_for_it() -> None:
    question = Question(Unload("unload"))
    question.pieces.put(WorkerLost("it died"))
    with pytest.raises(WorkerLost):
        ended(question, 0)


def test_a_device_that_cannot_be_used_answers_nothing() -> None:
    questions = Questions()
    questions.serve(2)
    question = questions.put(ask("x", "", "count", 1, {}), device=1)
    questions.leave(1)
    with pytest.raises(WorkerLost, match="device 1 cannot be used"):
        next(pieces(question, lambda id: None))

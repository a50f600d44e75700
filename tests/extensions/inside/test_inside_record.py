"""What is kept of the steps: exact, small, complete; nothing where nobody wants it."""

from __future__ import annotations

import numpy as np
import pytest

from extensions.inside.record import Call, Record, seeds_of, unpacked
from modules.hooks import BadRequest
from tests.extensions.inside.conftest import Studio


def test_every_call_is_kept_as_the_loop_had_it(inside: Studio) -> None:
    record = inside.made(sampler="Heun").record
    assert [call.step for call in record.calls] == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert {call.x0.shape for call in record.calls} == {(1, 4, 12, 16)}
    assert {call.x0.dtype for call in record.calls} == {np.dtype(np.float32)}
    assert record.at(1) is record.calls[3]


def test_each_batch_has_a_record_of_its_own(inside: Studio) -> None:
    records = inside.made(count=3, batch_size=2).records
    assert [(record.seed, record.pictures, record.calls[0].x0.shape[0]) for record in records] == [(3, 2, 2), (5, 1, 1)]
    assert [list(seeds_of(record.key)) for record in records] == [[3, 4], [5]]


def test_nothing_is_kept_when_nobody_wants_it(inside: Studio) -> None:
    assert inside.made({"inside.options": b'{"keep": false}'}).records == ()


def test_keeping_the_steps_does_not_change_the_picture(inside: Studio) -> None:
    assert inside.made({}).pixels == inside.made().pixels


def test_a_call_for_512_pixels_takes_less_than_70_kb() -> None:
    numbers = np.zeros((1, 4, 64, 64), np.float32)
    calls = tuple(Call(step, 14.614643096923828 / (step + 1), numbers) for step in range(20))
    assert len(Record(2**53 - 1, 1, (20,), calls).packed()) <= 20 * 70_000


def test_a_record_is_read_as_it_was_written() -> None:
    x0 = np.random.default_rng(0).standard_normal((2, 4, 3, 5)).astype(np.float32)
    record = Record(7, 2, (1,), (Call(0, 0.1, x0, last=True),))
    again = unpacked(record.packed())
    assert (again.seed, again.pictures, again.passes, again.problem) == (7, 2, (1,), "")
    assert (again.calls[0].step, again.calls[0].sigma, again.calls[0].last) == (0, 0.1, True)
    assert np.array_equal(again.calls[0].x0, x0)


@pytest.mark.parametrize("data", [b"", b"{}\n", b'{"kind": "taffy-steps", "format": 2}\n', b"\xff\xfe"])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest, match="cannot be read"):
        unpacked(data)


def test_a_record_that_was_cut_off_is_refused() -> None:
    data = Record(7, 1, (1,), (Call(0, 0.1, np.zeros((1, 4, 8, 8), np.float32)),)).packed()
    with pytest.raises(BadRequest, match="cannot be read"):
        unpacked(data[:-4])

"""What travels in a picture's file: put in and taken out unchanged, and what strangers write is refused at once."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from extensions.inside.carried import Making, making_of, renamed
from extensions.inside.chunk import KIND, MOST, SIGNATURE, chunk_of, chunks, with_chunk, without_chunk
from extensions.inside.record import Call, Record
from modules.core.errors import BadRequest, NotThere
from modules.hooks import GenerationRequest

REQUEST = GenerationRequest(
    "a cat", checkpoint="tiny", seed=7, steps=2, image="inputA", extras={"x.y": {"input": "inputB"}}
)
LOOKS = b"".join(
    json.dumps({"step": step, "src": f"data:image/jpeg;base64,{'A' * 40}"}).encode() + b"\n" for step in range(2)
)


def png() -> bytes:
    file = BytesIO()
    Image.effect_noise((24, 16), 60).convert("RGB").save(file, "PNG")
    return file.getvalue()


def record(**values: object) -> Record:
    calls = tuple(Call(step, 3.0 - step, np.full((1, 4, 2, 3), step, np.float32)) for step in range(2))
    return replace(Record(7, 1, (2,), calls, batch=(6, 2), made={"Threads": "2"}), **values)  # type: ignore[arg-type]


def making(**values: object) -> Making:
    whole = Making(
        REQUEST, {"Model hash": "abc", "Device": "CPU"}, record(), LOOKS, {"inputA": b"one", "inputB": b"two"}
    )
    return replace(whole, **values)  # type: ignore[arg-type]


def test_the_picture_is_shown_by_programs_that_know_nothing_of_it() -> None:
    before = png()
    carrying = with_chunk(before, b"x" * 1000)
    with Image.open(BytesIO(before)) as one, Image.open(BytesIO(carrying)) as other:
        assert one.tobytes() == other.tobytes()
    assert [kind for kind, _, _ in chunks(carrying)][-2:] == [KIND, b"IEND"]


def test_the_chunk_is_ancillary_private_and_not_for_programs_that_change_the_pixels() -> None:
    assert [chr(letter).islower() for letter in KIND] == [True, True, False, False]


def test_what_is_put_in_comes_out_and_leaves_no_trace_when_taken_out() -> None:
    before = png()
    assert chunk_of(with_chunk(before, b"data")) == b"data"
    assert chunk_of(with_chunk(with_chunk(before, b"old"), b"new")) == b"new"
    assert without_chunk(with_chunk(before, b"data")) == before


def test_a_making_is_the_same_after_its_way() -> None:
    found = making_of(making().packed())
    assert (found.request, found.facts, found.looks, found.inputs) == (
        REQUEST, {"Model hash": "abc", "Device": "CPU"}, LOOKS, {"inputA": b"one", "inputB": b"two"},
    )  # fmt: skip
    assert (found.record.seed, found.record.passes, found.record.batch) == (7, (2,), (6, 2))
    assert found.record.made == {"Threads": "2"}
    assert all(np.array_equal(a.x0, b.x0) for a, b in zip(found.record.calls, record().calls, strict=True))


def test_input_pictures_get_the_names_they_have_here() -> None:
    found = renamed(REQUEST, {"inputA": "hereA", "inputB": "hereB"})
    assert found == replace(REQUEST, image="hereA", extras={"x.y": {"input": "hereB"}})


def test_a_picture_without_it_says_so() -> None:
    with pytest.raises(NotThere, match="does not carry its steps"):
        chunk_of(png())


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def sized(pieces: object) -> bytes:
    head = {"kind": "taffy-making", "format": 1, "request": {}, "facts": {}, "pieces": pieces}
    return json.dumps(head).encode() + b"\n"


def nan() -> bytes:
    broken = replace(record().calls[0], x0=np.full((1, 4, 2, 3), np.nan, np.float32))
    return making(record=record(calls=(broken, record().calls[1]))).packed()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no line": lambda: b"{" * 2_000_000,
    "deep": lambda: b"[" * 900_000 + b"\n",
    "a long number": lambda: b"9" * 900_000 + b"\n",
    "another kind": lambda: changed(making().packed(), b"taffy-making", b"taffy-faking"),
    "a later format": lambda: changed(making().packed(), b'"format": 1', b'"format": 9'),
    "cut off": lambda: making().packed()[:-3],
    "too long": lambda: making().packed() + b"x",
    "negative sizes": lambda: sized([["steps", 5], ["looks", -5]]),
    "huge sizes": lambda: sized([["steps", 2**80]]),
    "many parts": lambda: sized([[str(n), 0] for n in range(50_000)]),
    "no steps": lambda: sized([]),
    "another request": lambda: changed(making().packed(), b'"prompt"', b'"prumpt"'),
    "a request out of range": lambda: changed(making().packed(), b'"steps": 2', b'"steps": 2000000'),
    "facts with line ends": lambda: making(facts={"a": "b\nc"}).packed(),
    "many facts": lambda: making(facts={str(n): "x" for n in range(101)}).packed(),
    "looks elsewhere": lambda: making(
        looks=changed(LOOKS, b"data:image/jpeg;base64,", b"https://elsewhere/x?")
    ).packed(),
    "looks with markup": lambda: making(looks=changed(LOOKS, b"AAAA", b"<svg")).packed(),
    "unknown parts": lambda: changed(making().packed(), b"input.inputA", b"other.inputA"),
    "numbers that are none": nan,
    "no calls": lambda: making(record=record(calls=())).packed(),
    "steps left out": lambda: making(record=record(calls=record().calls[:1])).packed(),
    "steps backwards": lambda: making(record=record(calls=record().calls[::-1])).packed(),
    "many pictures": lambda: making(record=record(pictures=9)).packed(),
    "seeds below zero": lambda: making(record=record(seed=-1)).packed(),
    "endless passes": lambda: making(record=record(passes=(2, 10**9))).packed(),
    "negative shapes": lambda: changed(making().packed(), b"false, 1, 4, 2, 3]", b"false,-1, 4, 2,-3]"),
    "huge shapes": lambda: changed(making().packed(), b"false, 1, 4, 2, 3]", b"false, 1, 4, 9e9]"),
    "shapes of text": lambda: changed(making().packed(), b"false, 1, 4, 2, 3]", b'false, 1, "4","3"]'),
}


@contextmanager
def within_a_second() -> Iterator[None]:
    """Of this thread's own time, without sweeping up what hundreds of other tests have left."""
    gc.freeze()
    began = time.thread_time()
    try:
        yield
        assert time.thread_time() - began < 1
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_a_stranger_wrote_is_refused_within_a_second(data: Callable[[], bytes]) -> None:
    hostile = data()
    with within_a_second(), pytest.raises(BadRequest):
        making_of(hostile)


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + crc32(kind + data).to_bytes(4, "big")


FILES: dict[str, Callable[[], bytes]] = {
    "no picture": lambda: b"hello",
    "a JPEG": lambda: b"\xff\xd8\xff" + b"x" * 100,
    "cut off": lambda: with_chunk(png(), b"data")[:-20],
    "a length beyond the file": lambda: SIGNATURE + (2**32 - 1).to_bytes(4, "big") + KIND + b"data",
    "a flipped bit": lambda: with_chunk(png(), b"data").replace(b"taFYdata", b"taFYdatA"),
    "two of them": lambda: with_chunk(png(), b"data").replace(chunk(KIND, b"data"), chunk(KIND, b"data") * 2),
    "many small pieces": lambda: SIGNATURE + chunk(b"teXt", b"") * 400_000,
    "too large": lambda: SIGNATURE + bytes(MOST),
    "no end": lambda: SIGNATURE + chunk(b"IHDR", b"x" * 13),
}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_files_that_are_no_picture_are_refused_within_a_second(file: Callable[[], bytes]) -> None:
    hostile = file()
    with within_a_second(), pytest.raises((BadRequest, NotThere)):
        chunk_of(hostile)


def test_random_damage_never_ends_in_anything_but_a_sentence() -> None:
    good, chance = making().packed(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(good)
        for at in chance.integers(0, len(good), 8):
            damaged[at] = chance.integers(256)
        try:
            making_of(bytes(damaged))
        except BadRequest as error:
            assert error.message


def test_steps_that_are_too_large_stay_at_home() -> None:
    with pytest.raises(BadRequest, match="at most 30 can travel"):
        with_chunk(png(), bytes(MOST))

"""The film of a job: what is kept of it, and what it looks like."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from modules.core.errors import NotThere
from modules.core.events import Frame
from modules.jobs.film import Films, Shot, develop


def shot(level: int, picture: int = 0, size: tuple[int, int] = (48, 32)) -> Shot:
    file = BytesIO()
    Image.new("L", size, level).save(file, "JPEG")
    return Shot(picture, Frame(file.getvalue(), *size, "grey"))


def levels(webp: bytes) -> list[int]:
    """The brightness of every picture of a film."""
    return [frame.convert("L").tobytes()[0] for frame in ImageSequence.Iterator(Image.open(BytesIO(webp)))]


def test_a_film_is_its_shots_in_order() -> None:
    film = develop([shot(20), shot(120), shot(220)], {})
    assert Image.open(BytesIO(film)).size == (48, 32)
    assert levels(film) == pytest.approx([20, 120, 220], abs=4)


def test_every_picture_ends_with_its_result(tmp_path: Path) -> None:
    for index in (0, 1):
        Image.new("RGB", (96, 64), (200 + index * 50,) * 3).save(tmp_path / f"{index}.png")
    results = {index: tmp_path / f"{index}.png" for index in (0, 1)}
    film = develop([shot(20), shot(60), shot(20, picture=1)], results)
    assert levels(film) == pytest.approx([20, 60, 200, 20, 250], abs=4)


def test_a_large_or_long_film_is_made_smaller() -> None:
    film = develop([shot(50 + 100 * (n // 3 % 2), size=(1024, 512)) for n in range(200)], {})
    assert Image.open(BytesIO(film)).size == (384, 192)
    assert 40 <= len(levels(film)) <= 80


def test_the_oldest_film_makes_room() -> None:
    films = Films(budget=3 * len(shot(20).frame.jpeg))
    for job in ("a", "b", "b", "c"):
        films.add(job, shot(20))
    assert [job in films for job in "abc"] == [False, True, True]
    assert films.size == 3 * len(shot(20).frame.jpeg)
    with pytest.raises(NotThere, match="last few jobs"):
        films.shots("a")


def test_a_film_without_end_keeps_every_second_shot() -> None:
    films = Films(budget=10 * len(shot(20).frame.jpeg))
    for _ in range(100):
        films.add("a", shot(20))
    assert 4 <= len(films.shots("a")) <= 10

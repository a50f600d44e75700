"""The starter's own training set: how near its pictures come to the 60,000 it learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from extensions.inside.features import SHOWN, TRAINED
from modules.core.events import Answered, PictureMade
from modules.core.settings import ROOT
from modules.core.task import Ask, Generate
from modules.worker.config import WorkerConfig
from modules.worker.service import Service
from tests.extensions.inside.conftest import EXTENSIONS, REQUEST

Told = list[tuple[Mapping[str, Any], Image.Image]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    cache = str(tmp_path_factory.mktemp("cache"))
    folders = (str(ROOT / "models"),), cache, (str(EXTENSIONS),)
    return Service(WorkerConfig(*folders, use_cpu=True, precision="fp32", threads=1))


def trained(service: Service, rgb: bytes) -> Told:
    payload: Any = {"checkpoint": "starter", "vae": "automatic"}
    events = list(service.run(Ask("ask", "inside", "trained", payload, "job", {"pixels": rgb})))
    pieces: list[Any] = [event for event in events if isinstance(event, Answered)]
    return [(piece.message, Image.open(BytesIO(piece.data))) for piece in pieces]


@pytest.fixture(scope="module")
def castle(service: Service) -> Told:
    request = replace(REQUEST, checkpoint="starter", prompt="a flat castle", width=64, height=64, steps=12)
    events = service.run(Generate("job", request, {}, {}))
    (made,) = [event for event in events if isinstance(event, PictureMade)]
    return trained(service, made.rgb)


def test_the_nearest_come_first_with_a_picture_each(castle: Told) -> None:
    distances = [about["distance"] for about, _ in castle]
    assert len(distances) == SHOWN
    assert distances == sorted(distances)
    assert {image.size for _, image in castle} == {(64, 64)}
    assert castle[0][0]["of"] == len(np.load(TRAINED)["points"])


def test_a_made_picture_is_no_nearer_than_training_pictures_are_to_each_other(castle: Told) -> None:
    assert castle[0][0]["closer"] > 0.01


def test_a_training_picture_itself_would_be_found(service: Service, castle: Told) -> None:
    """The twin: as far as it can be painted from what is kept of it."""
    _, image = castle[0]
    (nearest, _), *_ = trained(service, image.convert("RGB").tobytes())
    assert nearest["distance"] < castle[0][0]["distance"] / 2


def test_the_file_is_where_it_is_looked_for() -> None:
    assert Path(ROOT / "modules" / "training" / "features.npz") == TRAINED

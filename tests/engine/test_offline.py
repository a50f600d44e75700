"""Everything passes with the network cut off: loading and painting ask nobody outside this computer."""

from __future__ import annotations

import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modules.core.errors import BadRequest
from modules.core.events import Loaded, PictureMade, Stepped
from modules.jobs.complete import complete
from tests.engine.conftest import REQUEST, Studio, studio
from tests.families.whole_folders import save_folder

__all__ = ["studio"]
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Whoever outside was asked, by address or name; nobody answers."""
    found: list[object] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            found.append(address)
            raise OSError("the network is cut off")
        connect(self, address)

    def guarded_look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in LOOPBACK:
            found.append(host)
            raise OSError("the network is cut off")
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    return found


@pytest.fixture
def engine_models(tiny_models: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_models, tmp_path / "models")
    save_folder("pixart", tmp_path / "models" / "Stable-diffusion" / "whole")
    return tmp_path / "models"


def test_the_network_is_cut_off_here(asked: list[object]) -> None:
    with pytest.raises(OSError, match="cut off"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    assert asked


@pytest.mark.parametrize("checkpoint", ["tiny", "whole"])
def test_a_picture_is_made_from_files_alone(studio: Studio, asked: list[object], checkpoint: str) -> None:
    assert studio.pictures(checkpoint=checkpoint, steps=2)
    assert asked == []


def test_a_folder_that_runs_as_a_whole_tells_its_steps_and_makes_its_pictures(studio: Studio) -> None:
    events = studio.events(checkpoint="whole", steps=3, count=3, batch_size=2)
    assert [event.card.pipeline for event in events if isinstance(event, Loaded)] == ["PixArtSigmaPipeline"]
    steps = [(event.first_picture, event.step, event.steps) for event in events if isinstance(event, Stepped)]
    assert steps == [(0, 1, 3), (0, 2, 3), (0, 3, 3), (2, 1, 3), (2, 2, 3), (2, 3, 3)]
    made = [event for event in events if isinstance(event, PictureMade)]
    assert [event.seed for event in made] == [3, 4, 5]
    assert made[0].facts["Pipeline"] == "PixArtSigmaPipeline" and made[0].facts["RNG"] == "CPU"
    alone = studio.pictures(checkpoint="whole", steps=3, seed=5)[0]
    assert np.abs(alone - studio.pictures(checkpoint="whole", steps=3, seed=3, count=3)[2]).max() <= 2


def test_a_closed_job_ends_and_the_next_one_runs(studio: Studio) -> None:
    events = studio.engine.generate("job", replace(REQUEST, checkpoint="whole"), {})
    next(event for event in events if isinstance(event, Stepped))
    events.close()  # type: ignore[attr-defined]
    assert studio.pictures(checkpoint="whole", steps=1)


def test_what_a_whole_pipeline_cannot_do_is_refused_by_name(studio: Studio) -> None:
    card = next(event.card for event in studio.events(checkpoint="whole", steps=1) if isinstance(event, Loaded))
    request = replace(REQUEST, checkpoint="whole", width=64, height=64)
    assert complete(request, card, ()).sampler == ""
    with pytest.raises(BadRequest, match="whole cannot tile or use LoRAs: it runs as a whole in diffusers'"):
        complete(replace(request, tiling=True, prompt="a <lora:x:1>"), card, ())

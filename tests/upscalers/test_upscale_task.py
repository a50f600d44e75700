"""The worker's answer to an `Upscale` task."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from modules.core.events import Event, Failed, Finished, PictureMade, Stepped
from modules.core.task import Unload, Upscale
from modules.core.upscaling import UpscaleRequest
from modules.worker.config import WorkerConfig
from modules.worker.service import Service
from tests.upscalers.conftest import noise

ASK = UpscaleRequest(kind="upscale", image="a", upscaler="rrdb")


@pytest.fixture
def service(networks: Path, tmp_path: Path) -> Service:
    return Service(WorkerConfig((str(networks),), str(tmp_path), use_cpu=True, precision="fp32", threads=1))


def answered(service: Service, picture: Image.Image, request: UpscaleRequest = ASK) -> list[Event]:
    file = BytesIO()
    picture.save(file, "PNG")
    return list(service.run(Upscale("job", request, {"a": file.getvalue()})))


def test_tiles_are_steps_and_the_picture_comes_at_the_end(service: Service) -> None:
    first, made, end = answered(service, noise(40, 30))
    assert isinstance(first, Stepped)
    assert (first.step, first.steps, first.frame is not None) == (1, 1, True)
    assert isinstance(made, PictureMade)
    assert (made.width, made.height, len(made.rgb), made.alpha) == (80, 60, 80 * 60 * 3, b"")
    assert isinstance(end, Finished)


def test_the_record_says_how_a1111_would(service: Service) -> None:
    request = replace(ASK, second_upscaler="Lanczos", second_share=0.5, width=100, height=90, crop=True)
    made = answered(service, noise(40, 30), request)[-2]
    assert isinstance(made, PictureMade)
    assert (
        dict(made.facts).items()
        >= {
            "Postprocess upscaler": "rrdb",
            "Postprocess upscaler 2": "Lanczos",
            "Postprocess upscale to": "100x90",
            "Postprocess crop to": "100x90",
            "Source size": "40x30",
            "Network": "ESRGAN, 2x",
            "Precision": "fp32",
        }.items()
    )
    plain = answered(service, noise(8, 8), replace(ASK, upscaler="Lanczos", scale=3))[-2]
    assert isinstance(plain, PictureMade)
    assert plain.facts["Postprocess upscale by"] == "3"
    assert "Precision" not in plain.facts


def test_opacity_travels_beside_the_colours(service: Service) -> None:
    made = answered(service, noise(20, 10, "RGBA"))[-2]
    assert isinstance(made, PictureMade)
    assert (len(made.rgb), len(made.alpha)) == (40 * 20 * 3, 40 * 20)


def test_a_picture_that_is_opaque_everywhere_has_no_opacity(service: Service) -> None:
    made = answered(service, noise(20, 10).convert("RGBA"))[-2]
    assert isinstance(made, PictureMade)
    assert made.alpha == b""


def test_a_file_that_cannot_be_used_fails_the_job_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "ESRGAN").mkdir()
    (tmp_path / "ESRGAN" / "rrdb.pth").write_bytes(b"no pickle")
    service = Service(WorkerConfig((str(tmp_path),), str(tmp_path), use_cpu=True, precision="fp32", threads=1))
    *_, failed = answered(service, noise(8, 8))
    assert isinstance(failed, Failed)
    assert failed.message == "rrdb.pth is damaged or no PyTorch file"


def test_unload_gives_the_networks_memory_back(service: Service) -> None:
    answered(service, noise(8, 8))
    assert service._upscalers.network("rrdb") is not None
    list(service.run(Unload("unload")))
    assert service._upscalers.network("rrdb") is None

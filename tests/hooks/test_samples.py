"""Each hook's sample does what it says: one test for each, in the order of the specs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from PIL import Image

from modules.app import App, build
from modules.core.events import Answered, Attached, Event, Failed, PictureMade, Stepped, Told
from modules.core.people import LOCAL_OWNER
from modules.core.request import GenerationRequest
from modules.core.settings import Settings
from modules.core.task import Ask, Generate
from modules.hooks import Call, Family, Picture, Prediction, StepState
from modules.hooks.engine_host import EngineHost
from modules.hooks.front_host import FrontHost
from modules.preview.base import PREVIEWS
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES
from modules.upscalers.base import UPSCALERS
from modules.worker.config import WorkerConfig
from modules.worker.service import Service
from tests.hooks.writing import sample
from tests.workers import Installed, noise_worker

REQUEST = GenerationRequest(checkpoint="tiny", width=64, height=64, steps=2, seed=1, cfg_scale=3)
PICTURE = Picture("id", "job", 0, LOCAL_OWNER, 64, 32, 1, "", 0.0, REQUEST)
IN_WORKER = ("samplers", "schedules", "previews", "kernels", "upscalers", "technique", "answer")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[App]:
    """All samples of the front half in one app, with a worker of noise."""
    folder = tmp_path_factory.mktemp("samples")
    for hook in ("tabs", "controls", "settings", "buttons", "routes", "columns", "change_prompt", "pack", "hear"):
        sample(folder, hook)
    for hook in ("after_save", "after_job", "families"):
        sample(folder, hook)
    (sample(folder, "assets") / "look.css").write_text("p {}")
    data = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=data, models_dirs=(tiny_models,), extensions_dirs=(folder,))
    app = replace(build(settings), worker=noise_worker(), packages=Installed())
    yield app
    assert app.host.faults == ()
    app.gallery.close()
    app.queue.journal.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Service]:
    """The samples that need a whole worker, in one."""
    folder = tmp_path_factory.mktemp("samples")
    for hook in IN_WORKER:
        sample(folder, hook)
    cache = str(folder / "cache")
    service = Service(
        WorkerConfig((str(tiny_models),), cache, (str(folder),), use_cpu=True, precision="fp32", threads=1)
    )
    yield service
    assert service._host.faults == ()
    service._host.switch(IN_WORKER)


def made(service: Service, **values: Any) -> list[Event]:
    events = list(service.run(Generate("job", replace(REQUEST, **values))))
    assert not isinstance(events[-1], Failed), events[-1]
    return events


def rgb(events: list[Event]) -> bytes:
    return next(event.rgb for event in events if isinstance(event, PictureMade))


def host(folder: Path, hook: str) -> EngineHost:
    sample(folder, hook)
    return EngineHost([folder])


def state(**values: Any) -> StepState:
    x = torch.randn(1, 4, 8, 8)
    return replace(StepState(REQUEST, 0, 0, 4, sigma=2.0, x=x, prompt=()), **values)


def test_tabs(app: App) -> None:
    import gradio

    (tab,) = [tab for tab in app.host.tabs() if tab.extension == "tabs"]
    with gradio.Blocks() as page:
        app.host.build(tab, app.desk("tabs"))
    assert any("1 checkpoints" in str(block.get_config()) for block in page.blocks.values())


def test_controls(app: App) -> None:
    (control,) = app.host.controls("txt2img")
    assert (control.extension, control.name, control.default) == ("controls", "amount", 0.2)
    assert app.host.controls("img2img") == ()


def test_settings(app: App) -> None:
    assert app.desk("settings").settings == {"language": "English"}
    app.extending.change_settings("settings", {"language": "Latin"})
    assert app.desk("settings").settings == {"language": "Latin"}


def test_buttons(app: App) -> None:
    outcome = app.host.press("buttons", "twice", PICTURE, app.desk("buttons"))
    assert "in the queue" in outcome.text
    (waiting,) = [job.request for job in app.queue.journal.waiting()]
    assert isinstance(waiting, GenerationRequest)
    assert (waiting.width, waiting.height) == (128, 64)


def test_routes(app: App) -> None:
    route = app.host.route("routes", "GET", "count")
    assert app.host.reply(route, Call(LOCAL_OWNER), app.desk("routes")).body == b'{"checkpoints": 1}'


def test_columns(app: App) -> None:
    assert app.host.column_values(PICTURE) == [("Shape", "wide")]


def test_assets(app: App) -> None:
    assert app.host.assets()["assets/look.css"].read_text() == "p {}"


def test_change_prompt(app: App) -> None:
    assert app.host.change_prompt("a moggy", 1, REQUEST, app.desk) == "a cat"


def test_pack(app: App) -> None:
    assert app.host.pack("job", REQUEST, app.desk) == {}
    (app.desk("pack").folder / "palette.bin").write_bytes(b"red")
    assert app.host.pack("job", REQUEST, app.desk) == {"pack.palette": b"red"}


def test_hear(app: App) -> None:
    app.host.hear("hear", "job", {"a": 1}, app.desk)
    assert app.desk("hear").attached("job", "said") == b"{'a': 1}"


def test_after_save(app: App) -> None:
    app.host.saved("picture-7", REQUEST, app.desk)
    assert (app.desk("after_save").folder / "made.txt").read_text() == "picture-7 1\n"


def test_after_job(app: App) -> None:
    app.host.ended("job", "failed", app.desk)
    assert app.desk("after_job").attached("job", "ending") == b"failed"


def test_samplers(service: Service) -> None:
    """Its steps are Euler's, written another way."""
    straight, euler = (rgb(made(service, sampler=name, schedule="karras")) for name in ("Straight", "Euler"))
    assert max(abs(one - other) for one, other in zip(straight, euler, strict=True)) <= 1
    assert "Straight" in SAMPLERS


def test_schedules(service: Service) -> None:
    assert rgb(made(service, schedule="steady", steps=4)) != rgb(made(service, schedule="karras", steps=4))
    assert "steady" in SCHEDULES


def test_previews(service: Service) -> None:
    frames = [event.frame for event in made(service, preview="grey") if isinstance(event, Stepped) and event.frame]
    assert frames[-1].method == "grey"
    assert "grey" in PREVIEWS


def test_kernels(service: Service) -> None:
    from modules.attention.base import KERNELS

    q, k, v = torch.randn(3, 1, 2, 5, 4)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert torch.allclose(KERNELS["plain"].compute(q, k, v), expected, atol=1e-6)


def test_upscalers(service: Service) -> None:
    picture = Image.new("RGB", (2, 1), "red")
    picture.putpixel((1, 0), (0, 0, 255))
    larger = service._upscalers.upscale(picture, "Blocks", 4, 2)
    while True:
        try:
            next(larger)
        except StopIteration as stop:
            assert stop.value.tobytes() == picture.resize((4, 2), Image.Resampling.NEAREST).tobytes()
            break
    assert "Blocks" in UPSCALERS


def test_technique(service: Service) -> None:
    events = made(service)
    kept = [event for event in events if isinstance(event, Attached)]
    assert [len(json.loads(one.data)) for one in kept] == [1, 2]
    assert [event.message for event in events if isinstance(event, Told)] == [{"step": 0}, {"step": 1}]


def test_answer(service: Service) -> None:
    told = [event for event in service.run(Ask("q", "answer", "shape", "tiny")) if isinstance(event, Answered)]
    assert [(one.task, one.message) for one in told] == [("q", [4, 16, 16])]


def test_families(app: App) -> None:
    header = SimpleNamespace(tensors={"painted.weight": {}})
    assert app.host.families()["painted"].matches(header)


def test_before_predict(tmp_path: Path) -> None:
    assert host(tmp_path, "before_predict").fold("before_predict", state()).sigma == 2.0 * 0.99


def test_after_predict(tmp_path: Path) -> None:
    asked = state(prediction=Prediction(torch.randn(1, 4, 8, 8) * 3, torch.randn(1, 4, 8, 8)))
    given = host(tmp_path, "after_predict").fold("after_predict", asked).prediction
    assert given is not None and asked.prediction is not None and asked.prediction.uncond_x0 is not None
    assert torch.isclose(given.x0.std(), asked.prediction.uncond_x0.std())


def test_after_call(tmp_path: Path) -> None:
    one = host(tmp_path, "after_call")
    one.notice("after_call", state())
    (plugin,) = [plugin for name, plugin in one._plugins.list_name_plugin() if name == "after_call"]
    assert cast("Any", plugin).calls == [2.0]


def test_after_step(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        host(tmp_path, "after_step").notice("after_step", state())
    assert "step 1 of 4: sigma 2.00" in caplog.text


def test_before_decode(tmp_path: Path) -> None:
    latent = torch.randn(1, 4, 8, 8)
    assert torch.equal(host(tmp_path, "before_decode").change_latent(latent, REQUEST, 0), latent.flip(-1))


def test_after_decode(tmp_path: Path) -> None:
    image = Image.new("RGB", (2, 2), (255, 0, 0))
    assert host(tmp_path, "after_decode").change_image(image, REQUEST).getpixel((0, 0)) == (0, 255, 255)


def test_show_step(tmp_path: Path) -> None:
    frame = host(tmp_path, "show_step").show_step(state(), cast("Family", None))
    assert frame is not None
    assert frame.method == "brightness"


def test_no_sample_of_the_front_is_loaded_by_the_worker(tmp_path: Path) -> None:
    sample(tmp_path, "controls")
    assert not EngineHost([tmp_path]).loaded("controls")
    front = FrontHost([tmp_path])
    front.load()
    assert front.loaded("controls")

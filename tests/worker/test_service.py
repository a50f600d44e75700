"""What a worker says when a task cannot be done."""

from __future__ import annotations

import gc
import shutil
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from modules.core.events import Described, Event, Failed, Finished, Loaded, PictureMade, Shown, WorkerCard
from modules.core.moments import StepState
from modules.core.request import GenerationRequest
from modules.core.task import Ask, Attend, Encode, Generate, Load, LookIn, Task, Unload
from modules.families.header import read_header
from modules.hooks import Answered, Bench, Question, hookimpl
from modules.worker.config import WorkerConfig
from modules.worker.service import Service

REQUEST = GenerationRequest(checkpoint="tiny", width=64, height=64, steps=2, seed=1)


@pytest.fixture
def service(tiny_models: Path, tmp_path: Path) -> Service:
    return Service(WorkerConfig((str(tiny_models),), str(tmp_path), use_cpu=True, precision="fp32", threads=1))


def failure(service: Service, error: Exception) -> Failed:
    """How a job ends in whose second step `error` is raised."""

    class Breaks:
        @hookimpl
        def after_step(self, state: StepState) -> None:
            if state.step == 1:
                raise error

    service._host.register(Breaks(), "breaks")
    last = list(service.run(Generate("job", REQUEST)))[-1]
    assert isinstance(last, Failed)
    return last


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_lack_of_memory_is_explained_and_the_weights_are_given_back(service: Service, error: Exception) -> None:
    failed = failure(service, error)
    assert failed.error == "OutOfMemory"
    assert "not enough memory" in failed.message
    assert failed.advice
    assert service.card().loaded == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits the room of a process")
def test_a_process_that_runs_out_of_room_fails_one_job_and_makes_the_next(service: Service) -> None:
    resource = pytest.importorskip("resource")
    assert isinstance(list(service.run(Generate("first", REQUEST)))[-1], Finished)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 100_000_000, hard))
    try:
        failed = list(service.run(Generate("large", replace(REQUEST, width=4096, height=4096))))[-1]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert isinstance(failed, Failed)
    assert (failed.error, "not enough memory" in failed.message) == ("OutOfMemory", True)
    assert isinstance(list(service.run(Generate("next", REQUEST)))[-1], Finished)


@pytest.mark.parametrize("kind", [MemoryError, RuntimeError])
def test_nothing_of_the_job_is_left_when_the_memory_is_given_back(service: Service, kind: type[Exception]) -> None:
    """The error's own traceback would hold on to the weights, and what is freed later stays with the process."""

    class Breaks:
        @hookimpl
        def after_step(self, state: StepState) -> None:
            raise kind("out of memory")

    service._host.register(Breaks(), "breaks")
    gc.collect()
    gc.disable()
    try:
        traces: list[weakref.ref[object]] = []
        for event in service.run(Generate("job", REQUEST)):
            if isinstance(event, Loaded):
                family = service._manager.current
                assert family
                traces.append(weakref.ref(family.networks["unet"]))
                del family
            if isinstance(event, Failed):
                assert [trace() for trace in traces] == [None]
        assert isinstance(event, Failed)
    finally:
        gc.enable()


def test_a_load_that_fails_halfway_leaves_nothing_loaded_and_says_so(
    service: Service, tiny_models: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "Stable-diffusion"
    folder.mkdir(parents=True)
    whole = load_file(tiny_models / "Stable-diffusion" / "tiny.safetensors")
    misfit = {key: weight[:1] if key.endswith("conv_out.bias") else weight for key, weight in whole.items()}
    metadata = read_header(tiny_models / "Stable-diffusion" / "tiny.safetensors").metadata
    save_file(misfit, folder / "misfit.safetensors", dict(metadata))
    told(service, LookIn("look", (str(tiny_models), str(folder.parent))))
    assert told(service, Load("load", "tiny")).loaded == "tiny"
    events = list(service.run(Load("load", "misfit")))
    assert isinstance(events[-1], Failed)
    assert [event.card.loaded for event in events if isinstance(event, Described)] == [""]


class Curious:
    """An extension that looks at a checkpoint to answer."""

    @hookimpl
    def answer(self, question: Question, bench: Bench) -> Iterator[Answered]:
        with bench.family("tiny"):
            yield Answered("seen")


def test_a_checkpoint_that_an_answer_needed_is_said_to_be_loaded(service: Service) -> None:
    service._host.register(Curious(), "curious")
    cards = [
        [event.card.loaded for event in service.run(Ask("ask", "curious", "look")) if isinstance(event, Described)]
        for _ in range(2)
    ]
    assert cards == [["tiny"], []]


class Attentive:
    """An extension with a kernel that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    @hookimpl
    def kernels(self) -> dict[str, object]:
        return {"own": self.compute}

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        self.calls += 1
        return scaled_dot_product_attention(q, k, v)


def test_an_extensions_kernel_is_used_when_asked_for_and_no_more_when_it_is_off(
    tiny_models: Path, tmp_path: Path
) -> None:
    config = WorkerConfig((str(tiny_models),), str(tmp_path), use_cpu=True, precision="fp32", threads=1)
    service = Service(replace(config, attention="own"))  # before the extension is there, as at every start
    service._host.load()
    own = Attentive()
    service._host.register(own, "attentive")
    service._host.tables_changed()
    list(service.run(Generate("job", REQUEST)))
    assert service.card().attention == "own"
    assert (calls := own.calls) > 0
    service._host._plugins.unregister(own)
    service._host.tables_changed()
    assert service.card().why_attention == "own was asked for, but it is not there"
    assert isinstance(list(service.run(Generate("job", REQUEST)))[-1], Finished)
    assert own.calls == calls


def test_any_other_error_is_told_and_the_next_task_runs(service: Service) -> None:
    assert "a bug" in failure(service, ValueError("a bug")).message
    assert isinstance(list(service.run(Load("next", "tiny")))[-1], Finished)


def test_what_a_request_starts_from_is_shown_and_nothing_is_made(service: Service) -> None:
    file = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    request = replace(REQUEST, image="picture", strength=0.5)
    events = list(service.run(Encode("look", request, {"picture": file.getvalue()})))
    assert [event.name for event in events if isinstance(event, Shown)] == ["round trip", "noised start"]
    assert isinstance(events[-1], Finished)


def told(service: Service, task: Task) -> WorkerCard:
    """What the engine says of itself after a task."""
    return [event.card for event in service.run(task) if isinstance(event, Described)][-1]


def test_unload_gives_the_weights_back_and_says_so(service: Service) -> None:
    assert told(service, Load("load", "tiny")).loaded == "tiny"
    assert told(service, Unload("unload")).loaded == ""
    assert service._manager.current is None


def test_folders_that_are_added_are_looked_into_from_then_on(
    service: Service, tiny_models: Path, tmp_path: Path
) -> None:
    (tmp_path / "more" / "checkpoints").mkdir(parents=True)
    shutil.copy(
        tiny_models / "Stable-diffusion" / "tiny.safetensors", tmp_path / "more" / "checkpoints" / "new.safetensors"
    )
    assert isinstance(list(service.run(Load("load", "new")))[-1], Failed)
    told(service, LookIn("look", (str(tiny_models), str(tmp_path / "more"))))
    assert told(service, Load("load", "new")).loaded == "new"


SMALL = "this network is small, another would gain nothing"


def test_the_attention_kernel_changes_while_a_checkpoint_is_loaded_and_the_record_says_why(service: Service) -> None:
    def facts() -> dict[str, str]:
        made = [event for event in service.run(Generate("job", REQUEST)) if isinstance(event, PictureMade)]
        return dict(made[0].facts)

    before = facts()
    card = told(service, Attend("attend", "sliced"))
    assert (card.attention, card.why_attention) == ("sliced", "it was asked for")
    assert (facts()["Attention"], facts()["Attention because"]) == ("sliced", "it was asked for")
    assert (before["Attention"], before["Attention because"]) == ("sdpa", SMALL)


def test_an_unknown_kernel_is_refused_and_the_old_one_stays(service: Service) -> None:
    assert isinstance(list(service.run(Attend("attend", "magic")))[-1], Failed)
    assert service.card().attention == "automatic"


class Hungry:
    """An extension at whose second step of the picture with seed 2 memory runs out, as often as it is told."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    @hookimpl
    def after_step(self, state: StepState) -> None:
        if state.step == 1 and state.request.seed + state.first_picture == 2 and self.failures:
            self.failures -= 1
            raise MemoryError


def hungry(service: Service, failures: int, offload: str = "automatic") -> list[Event]:
    """What happens to a job of two pictures on a device with memory of its own, which runs out at the second one."""
    service._manager._device = replace(service._device, apart=True, offload=offload)
    service._host.register(Hungry(failures), "hungry")
    return list(service.run(Generate("job", replace(REQUEST, count=2))))


def made(events: list[Event]) -> list[PictureMade]:
    return [event for event in events if isinstance(event, PictureMade)]


def test_where_memory_runs_out_the_rest_is_made_once_more_with_fewer_weights_on_the_device(service: Service) -> None:
    plain = made(list(service.run(Generate("plain", replace(REQUEST, count=2)))))
    service.run(Unload("unload"))
    events = hungry(service, failures=1)
    assert isinstance(events[-1], Finished)
    assert [(event.index, event.seed) for event in made(events)] == [(0, 1), (1, 2)]
    assert [event.rgb for event in made(events)] == [event.rgb for event in plain]
    assert ["Weights" in event.facts for event in made(events)] == [False, True]
    assert service.card().placement == "part by part"
    assert service.card().why_placement == "memory ran out with more of it on the device"


def test_it_is_tried_once_more_and_not_for_ever(service: Service) -> None:
    last = hungry(service, failures=2)[-1]
    assert isinstance(last, Failed)
    assert last.message == "there was not enough memory for this picture, with its weights part by part"


def test_where_nothing_smaller_is_left_and_nothing_waits_it_is_said_at_once(service: Service) -> None:
    events = hungry(service, failures=1, offload="blocks")
    assert len(made(events)) == 1
    assert isinstance(events[-1], Failed)
    assert events[-1].message.endswith("with its weights block by block")

"""A picture that is being made: its steps so far, their numbers and words, and what becomes of them when it is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from threading import Event as Flag
from threading import Thread
from typing import Any

import numpy as np
import pytest

from extensions.inside.pieces import key_of, sweep
from extensions.inside.record import Record, unpacked
from modules.app import App, build
from modules.core.errors import NotThere
from modules.core.events import Answered, Attached, Event, PictureMade, Stepped
from modules.core.extensions import Message
from modules.core.settings import Settings
from modules.core.task import Generate, Task
from modules.core.upscaling import UpscaleRequest
from modules.worker.local import LocalWorker, Runs
from tests.app.asking import ME, ended, until
from tests.engine.conftest import png, scene
from tests.extensions.inside.conftest import EXTENSIONS, KEEP, REQUEST, Studio
from tests.extensions.inside.test_inside_front import asked
from tests.workers import Installed


def options(**values: Any) -> dict[str, bytes]:
    return {"inside.options": json.dumps({"keep": True, "watch": False, "every": 0.0, **values}).encode()}


def told(events: list[Event]) -> list[tuple[dict[str, Any], Record]]:
    """Every piece: what the page wants, and its steps."""
    pieces = [event.data for event in events if isinstance(event, Attached) and key_of(event.key)]
    parts = [piece.partition(b"\n") for piece in pieces]
    return [(json.loads(head), unpacked(record)) for head, _, record in parts]


def test_each_step_is_told_before_it_counts_as_done(inside: Studio) -> None:
    events = inside.events(options(), sampler="Heun", steps=3)
    kinds = [type(one) for one in events if isinstance(one, Stepped) or (isinstance(one, Attached) and key_of(one.key))]
    assert kinds == [Attached, Stepped] * 3


def test_what_was_told_is_what_is_kept_in_the_end(inside: Studio) -> None:
    events = inside.events(options(), sampler="Heun", steps=3, count=2, batch_size=2)
    (whole,) = [
        unpacked(event.data) for event in events if isinstance(event, Attached) and event.key.startswith("steps")
    ]
    calls = [call for _, record in told(events) for call in record.calls]
    assert [call.step for call in calls] == [call.step for call in whole.calls] == [0, 0, 1, 1, 2]
    assert all(np.array_equal(one.x0, other.x0) for one, other in zip(calls, whole.calls, strict=True))


def test_telling_does_not_change_the_picture(inside: Studio) -> None:
    assert inside.made(options(keep=False)).pixels == inside.made(KEEP).pixels
    (picture,) = [event.rgb for event in inside.events(options()) if isinstance(event, PictureMade)]
    assert picture == inside.made(KEEP).pixels[0]


def test_pieces_are_told_some_times_a_second_and_not_more(inside: Studio) -> None:
    assert len(told(inside.events(options(every=1000.0)))) == 1


def test_the_first_piece_has_the_start_and_every_one_a_look(inside: Studio) -> None:
    pieces = told(inside.events(options()))
    assert [about["start"] is None for about, _ in pieces] == [False, True, True, True, True]
    assert pieces[0][0]["start"]["channels"][0]["deviation"] == pytest.approx(14.6, rel=0.2)
    assert [about["looks"][0][0] for about, _ in pieces] == [0, 1, 2, 3, 4]
    assert all(about["looks"][0][1].startswith("data:image/jpeg;base64,") for about, _ in pieces)


def test_words_come_with_their_steps_if_they_are_watched(inside: Studio) -> None:
    pieces = told(inside.events(options(watch=True), steps=3))
    assert [[one["step"] for one in about["words"]] for about, _ in pieces] == [[0], [1], [2]]
    assert told(inside.events(options(), steps=1))[0][0]["words"] == []


def test_words_are_watched_from_the_next_step_on_when_somebody_asks_for_it_on_the_way(inside: Studio) -> None:
    events: list[Event] = []
    for event in inside.service.run(Generate("job", replace(REQUEST, sampler="Euler a"), {}, options())):
        events.append(event)
        if isinstance(event, Stepped) and event.step == 2:
            inside.service.say("job", "inside", "watch")
            inside.service.say("another", "inside", "nonsense")
    seen = [[one["step"] for one in about["words"]] for about, _ in told(events)]
    assert seen == [[], [], [], [3], [4]], "the step after which it is heard is done"
    assert not [event for event in events if isinstance(event, Attached) and event.key.startswith("words")], "not whole"
    (picture,) = [event.rgb for event in events if isinstance(event, PictureMade)]
    assert picture == inside.made(sampler="Euler a").pixels[0]


def test_nothing_is_told_where_nothing_is_kept(inside: Studio) -> None:
    assert told(inside.events(options(keep=False))) == []


@dataclass
class Gate:
    """Where a worker waits: after this step of the job with this seed, until it is let through."""

    seed: int
    step: int = 3
    there: Flag = field(default_factory=Flag)
    open: Flag = field(default_factory=Flag)

    def wait(self) -> None:
        self.there.set()
        assert self.open.wait(30)


class Held(LocalWorker):
    """Stops at the gate, or before the first question's second piece; says what it was given."""

    gate: Gate | None = None
    asking: Gate | None = None

    def __init__(self, build: Callable[[], Runs]) -> None:
        super().__init__(build)
        self.given: list[str] = []
        self.said: list[tuple[str, str, object]] = []

    def say(self, task_id: str, extension: str, message: Message) -> None:
        self.said.append((task_id, extension, message))
        super().say(task_id, extension, message)

    def run(self, task: Task) -> Generator[Event, None, None]:
        self.given.append(type(task).__name__)
        for event in super().run(task):
            yield event
            made = isinstance(task, Generate) and isinstance(event, Stepped) and (task.request.seed, event.step)
            if self.gate and made == (self.gate.seed, self.gate.step):
                self.gate.wait()
            if isinstance(event, Answered) and self.asking and not self.asking.there.is_set():
                self.asking.wait()


@pytest.fixture(scope="module")
def held(inside: Studio) -> Held:
    return Held(lambda: inside.service)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, inside: Studio, held: Held) -> Iterator[App]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("running"), models_dirs=(inside.models,), extensions_dirs=(EXTENSIONS,)
    )
    app = replace(build(settings), worker=held, packages=Installed())
    app.start()
    front: Any = app.host._plugins.get_plugin("inside")
    front.EVERY = 0.0  # every step is told
    yield app
    faults = [fault for fault in app.extending.faults() if fault.extension == "inside"]
    app.close()
    assert not faults


@pytest.fixture
def running(app: App, held: Held) -> Iterator[Any]:
    """running(**values): a job of which three steps are done."""
    gates: list[Gate] = []

    def start(seed: int, **values: Any) -> str:
        held.gate = Gate(seed)
        gates.append(held.gate)
        job = app.submit(replace(REQUEST, seed=seed, **values), ME)
        assert held.gate.there.wait(30)
        return job

    yield start
    held.gate = None
    for gate in gates:
        gate.open.set()


def news(app: App, job: str, **query: object) -> Any:
    (about,) = asked(app, "GET", "running", job=job, **{name: str(value) for name, value in query.items()})
    return about


def finish(app: App, held: Held, job: str) -> None:
    assert held.gate
    held.gate.open.set()
    assert ended(app, job).state == "done"


def test_a_running_job_has_its_steps_so_far(app: App, held: Held, running: Any) -> None:
    job = running(seed=31)
    about = news(app, job)
    assert [step for step, _ in about["steps"]] == [0, 1, 2]
    assert (about["seed"], about["picture"], about["state"], about["known"]["prompt"]) == (31, "", "running", "a cat")
    assert [step for step, _ in about["looks"]] == [0, 1, 2]
    assert about["start"]["name"] == "start"
    later = news(app, job, seed=31, since=2)
    assert ([step for step, _ in later["steps"]], later["start"]) == ([2], None)
    (channels,) = asked(app, "GET", "running-latent", job=job, seed="31", step="1")
    finish(app, held, job)
    (picture,) = app.desk("inside").job(job, ME).pictures
    assert asked(app, "GET", "latent", picture=picture.id, step="1") == [channels], "the same numbers afterwards"


def test_when_it_is_done_its_picture_is_named_and_the_pieces_are_gone(app: App, held: Held, running: Any) -> None:
    job = running(seed=33)
    finish(app, held, job)
    desk = app.desk("inside")
    (picture,) = desk.job(job, ME).pictures
    assert news(app, job, seed=33, since=3)["picture"] == picture.id
    (known,) = asked(app, "GET", "steps", picture=picture.id)
    assert known["way"] == f"{job} 33"
    until_swept(app, job)
    assert set(desk.attachments(job)) == {"steps-33-1"}


def until_swept(app: App, job: str) -> None:
    until(lambda: not any(key_of(key) for key in app.desk("inside").attachments(job)))


def test_of_a_batch_the_first_picture_is_shown(app: App, held: Held, running: Any) -> None:
    job = running(seed=35, count=2, batch_size=2)
    assert news(app, job)["known"]["pictures"] == 2
    finish(app, held, job)
    assert news(app, job, seed=35)["picture"] == app.desk("inside").job(job, ME).pictures[0].id


def test_one_that_is_stopped_leaves_nothing(app: App, held: Held, running: Any) -> None:
    job = running(seed=37)
    app.cancel(job, ME)
    assert held.gate
    held.gate.open.set()
    until_swept(app, job)
    about = news(app, job, seed=37, since=3)
    assert (about["state"], about["picture"], about["steps"]) == ("cancelled", "", [])
    with pytest.raises(NotThere, match="not there any more"):
        asked(app, "GET", "running-latent", job=job, seed="37", step="1")


def test_the_words_of_a_running_job_can_be_asked_for(app: App, held: Held, running: Any) -> None:
    job = running(seed=47, steps=6)
    asked(app, "POST", "watch", body={"job": job})
    assert held.said == [(job, "inside", "watch")]
    finish(app, held, job)
    with pytest.raises(NotThere):
        asked(app, "POST", "watch", owner="somebody", body={"job": job})


def test_jobs_of_others_cannot_be_watched(app: App, held: Held, running: Any) -> None:
    job = running(seed=39)
    for path in ("running", "running-latent"):
        with pytest.raises(NotThere):
            asked(app, "GET", path, owner="somebody", job=job)
    finish(app, held, job)


def test_what_has_no_steps_says_so(app: App) -> None:
    image = app.inputs.put(ME, png(scene())).id
    job = app.submit(UpscaleRequest("upscale", image), ME)
    assert "paints nothing out of noise" in news(app, job)["missing"]


def test_the_button_beside_a_running_job_leads_there(app: App, held: Held, running: Any) -> None:
    job = running(seed=41)
    card = app.desk("inside").job(job, ME)
    assert app.host.press("inside", "inside", card, app.desk("inside")).link == f"#inside-job={job}"
    finish(app, held, job)


def test_a_job_has_its_turn_between_the_parts_of_a_long_look(app: App, held: Held) -> None:
    job = app.submit(replace(REQUEST, seed=45), ME)
    ended(app, job)
    (picture,) = app.desk("inside").job(job, ME).pictures
    held.asking = Gate(0)
    told: list[Any] = []
    look = Thread(target=lambda: told.extend(asked(app, "GET", "words", picture=picture.id, make="1")))
    look.start()
    assert held.asking.there.wait(30)
    held.given.clear()
    other = app.submit(replace(REQUEST, seed=46), ME)
    held.asking.open.set()
    assert ended(app, other).state == "done"
    look.join(30)
    assert [one["step"] for one in told] == [0, 1, 2, 3, 4]
    assert held.given == ["Generate", "Ask"], "and then the rest of the look"


def test_pieces_of_an_attempt_before_a_crash_are_swept(app: App) -> None:
    desk = app.desk("inside")
    job = app.submit(replace(REQUEST, seed=43), ME)
    ended(app, job)
    until_swept(app, job)
    desk.attach(job, "now-43-1-0000-0003", b"{}\n")
    sweep(desk, job)
    assert set(desk.attachments(job)) == {"steps-43-1"}

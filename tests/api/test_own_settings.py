"""Settings: the machine's are the owner's, and every named user has some of their own that nobody else feels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from modules.core.events import Described, WorkerCard
from modules.manager.index import FOLDER
from tests.api.conftest import Server, started
from tests.headers import header_only
from tests.workers import NoiseConfig

WORD = "correct horse"
CARD = WorkerCard("noise", "fp32", "none", "", (), (), (), ())
CAT = {"prompt": "a cat", "steps": 1, "width": 32, "height": 32}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Anna is an owner, Ben and Eve are users, Dora is a viewer; there is a second checkpoint."""
    folder = tmp_path_factory.mktemp("own")
    header_only(folder / "models" / FOLDER / "other.safetensors")
    with started(folder, NoiseConfig(), listen=True) as server:
        for name, role in {"anna": "owner", "ben": "user", "eve": "user", "dora": "viewer"}.items():
            server.app.access.users.add(name, role, WORD)
        yield server


def settings(server: Server, name: str) -> dict[str, object]:
    told = server.client.get("/settings", auth=(name, WORD)).json()["settings"]
    return {one["name"]: one["value"] for one in told}


def change(server: Server, name: str, **changes: object) -> httpx.Response:
    return server.client.post("/settings", auth=(name, WORD), json=changes)


def accepted(server: Server, name: str) -> dict[str, object]:
    """What a job of somebody's is made with who leaves everything open."""
    id = server.client.post("/jobs", auth=(name, WORD), json=CAT).json()["id"]
    request: dict[str, object] = server.client.get(f"/jobs/{id}", auth=(name, WORD)).json()["request"]
    return request


def test_a_users_own_choice_counts_for_their_jobs_and_for_nobody_elses(server: Server) -> None:
    assert change(server, "ben", preview="off", ckpt="tiny").status_code == 200
    assert settings(server, "ben") == {"preview": "off", "ckpt": "tiny"}
    assert (accepted(server, "ben")["preview"], accepted(server, "ben")["checkpoint"]) == ("off", "tiny")
    for name in ("eve", "anna"):
        assert (accepted(server, name)["preview"], accepted(server, name)["checkpoint"]) == ("automatic", "other")
    assert [card.name for card in server.app.checkpoints("ben")] == ["tiny", "other"]  # so begins a new form


def test_the_owner_sees_what_the_engine_made_of_a_choice_and_why(server: Server) -> None:
    card = replace(CARD, attention="sdpa", why_attention="it was asked for", placement="part by part", why_placement="")
    server.app.watchers.follow(Described("describe", card))
    told = server.client.get("/settings", auth=("anna", WORD)).json()["settings"]
    made = {one["name"]: one["in_use"] for one in told if one["in_use"]}
    assert made == {"attention": "sdpa: it was asked for", "offload": "part by part"}


def test_what_a_user_leaves_open_is_as_the_owner_sets_it(server: Server) -> None:
    change(server, "ben", preview="off")
    assert change(server, "anna", preview="linear").status_code == 200
    assert (settings(server, "eve")["preview"], settings(server, "ben")["preview"]) == ("linear", "off")
    change(server, "ben", preview=None)
    assert accepted(server, "ben")["preview"] == "linear"
    change(server, "anna", preview=None)


def test_users_neither_change_nor_see_the_machines(server: Server) -> None:
    assert settings(server, "ben").keys() == {"ckpt", "preview"}
    told = server.client.get("/settings", auth=("ben", WORD))
    assert str(server.app.settings.data_dir) not in told.text
    for changes in ({"queue_limit": 1}, {"preview": "off", "port": 1}, {"nothing": 1}):
        assert change(server, "eve", **changes).status_code == 403
    assert settings(server, "eve")["preview"] == "automatic"  # all or none


@pytest.mark.parametrize("value", ["3d", 7, ["off"], {"off": 1}])
def test_a_choice_that_is_not_there_is_refused_with_a_sentence(server: Server, value: object) -> None:
    answer = change(server, "eve", preview=value)
    assert (answer.status_code, "allowed is automatic" in answer.json()["error"]) == (422, True)


def test_a_viewer_has_nothing_to_set(server: Server) -> None:
    assert settings(server, "dora") == {}
    assert change(server, "dora", preview="off").status_code == 403


def test_own_choices_outlive_a_restart_and_end_with_the_role(server: Server) -> None:
    change(server, "ben", preview="off")
    assert type(server.app.own)(server.app.settings.data_dir / "people").of("ben")["preview"] == "off"
    server.app.access.users.change("ben", role="owner")
    try:
        assert "queue_limit" in settings(server, "ben")
        assert accepted(server, "ben")["preview"] == "automatic"
    finally:
        server.app.access.users.change("ben", role="user")


def test_a_damaged_file_chooses_nothing(server: Server) -> None:
    for damage in ("{", "[]", '{"preview": 7}', '{"preview": "gone", "port": "1"}'):
        (server.app.settings.data_dir / "people" / "eve.json").write_text(damage)
        assert accepted(server, "eve")["preview"] == "automatic"


def test_without_names_nobody_has_settings_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    with started(tmp_path_factory.mktemp("open"), NoiseConfig(), listen=True, no_auth=True) as server:
        elsewhere = {"x-forwarded-for": "10.0.0.7"}
        assert server.client.get("/settings", headers=elsewhere).json()["settings"] == []
        assert server.client.post("/settings", headers=elsewhere, json={"preview": "off"}).status_code == 403

"""The Models page's routes: what is listed, what is kept, and who may do what."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from modules.core.request import GenerationRequest
from tests.api.conftest import Server
from tests.headers import header_only, plain_file

Ask = Callable[..., Any]


@pytest.fixture
def models(server: Server) -> Path:
    """A LoRA, one that draws in a few steps, a VAE, an upscaler and a pickle beside the server's checkpoint."""
    folder = server.app.settings.models_dirs[0]
    down = "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"
    plain_file(folder / "Lora" / "ink.safetensors", {down: (4, 320)}, {"ss_base_model_version": "sd_v1"})
    plain_file(folder / "Lora" / "lcm-lora-sdv1-5.safetensors", {down: (4, 320)})
    plain_file(folder / "VAE" / "fine.safetensors", {"decoder.conv_in.weight": (4, 4, 3, 3)})
    plain_file(folder / "ESRGAN" / "sharp.safetensors", {"conv_first.weight": (4, 3, 3, 3)})
    (folder / "Stable-diffusion" / "old.ckpt").write_bytes(b"\x80\x02.")
    return folder


@pytest.fixture
def listed(server: Server, models: Path) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in server.client.get("/models").json()["items"]}


def test_everything_on_disk_is_listed_with_what_it_is(listed: dict[str, dict[str, Any]]) -> None:
    assert {name: (item["kind"], item["family"]) for name, item in listed.items()} == {
        "tiny": ("checkpoint", "sd1"),
        "old": ("checkpoint", ""),
        "ink": ("lora", "sd1"),
        "lcm-lora-sdv1-5": ("lora", ""),
        "fine.safetensors": ("vae", ""),
        "sharp": ("upscaler", ""),
    }
    assert listed["tiny"]["bytes"] > 0
    assert listed["lcm-lora-sdv1-5"]["quick"]["sampler"] == "LCM"


def test_what_cannot_be_used_says_why_and_what_to_do(listed: dict[str, dict[str, Any]]) -> None:
    assert "can run programs" in listed["old"]["problem"]
    assert listed["old"]["convertible"]
    assert not listed["tiny"]["convertible"]


def test_notes_are_kept_beside_the_file_and_come_back(server: Server, models: Path, listed: dict[str, Any]) -> None:
    ask = f"/models/{listed['ink']['id']}/notes"
    answer = server.client.post(ask, json={"notes": "0.7 is best", "words": "ink style"}).json()
    assert (answer["notes"], answer["words"]) == ("0.7 is best", "ink style")
    assert json.loads((models / "Lora" / "ink.json").read_text())["activation text"] == "ink style"
    assert server.client.post(ask, json={"notes": 3}).status_code == 422


def test_a_picture_of_the_gallery_becomes_a_models_preview(
    server: Server, models: Path, listed: dict[str, Any]
) -> None:
    job = server.app.submit(GenerationRequest(width=32, height=32, steps=1, seed=1), "local")
    until(lambda: server.app.gallery.of_job(job, "local"))
    picture = server.app.gallery.of_job(job, "local")[0].id
    ask = f"/models/{listed['ink']['id']}/picture"
    assert server.client.get(ask).status_code == 404
    answer = server.client.post(ask, json={"picture": picture}).json()
    assert answer["picture"].startswith(ask)
    shown = server.client.get(answer["picture"])
    assert shown.headers["content-type"] == "image/png"
    assert (models / "Lora" / "ink.preview.png").read_bytes() == shown.content


def test_a_pickle_is_converted_on_demand_or_the_reason_is_told(
    server: Server, models: Path, listed: dict[str, Any]
) -> None:
    server.client.post(f"/models/{listed['old']['id']}/convert", json={})
    until(lambda: server.app.transfers.all()[0].state != "running")
    (transfer,) = server.client.get("/models").json()["transfers"]
    assert (transfer["kind"], transfer["title"], transfer["state"]) == ("conversion", "old.ckpt", "failed")
    assert "old.ckpt could not be converted safely" in transfer["error"]


def test_a_folder_of_the_hugging_face_cache_is_converted_into_taffys_own(
    server: Server, models: Path, tmp_path: Path
) -> None:
    cached = tmp_path / "hub" / "models--owner--old"
    snapshot = cached / "snapshots" / "0a1b"
    (snapshot / "vae").mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0a1b")
    (snapshot / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (snapshot / "vae" / "config.json").write_text("{}")
    torch.save({"w": torch.ones(1)}, snapshot / "vae" / "diffusion_pytorch_model.bin")
    server.app.models.append(tmp_path / "hub")
    (found,) = (item for item in server.client.get("/models").json()["items"] if item["name"] == "owner/old")
    assert "diffusion_pytorch_model.bin is a .bin file" in found["problem"] and found["convertible"]
    server.client.post(f"/models/{found['id']}/convert", json={})
    until(lambda: server.app.transfers.all()[0].state != "running")
    own = models / "Stable-diffusion" / "owner" / "old"
    assert server.app.transfers.all()[0].result == str(own)
    assert (own / "vae" / "diffusion_pytorch_model.safetensors").is_file() and (own / "model_index.json").is_file()
    assert len(list(snapshot.rglob("*.*"))) == 3  # as it was


def test_a_checkpoints_weights_are_loaded_on_demand_and_nothing_elses(server: Server, listed: dict[str, Any]) -> None:
    assert server.client.post(f"/models/{listed['tiny']['id']}/load", json={}).json()["name"] == "tiny"
    refused = server.client.post(f"/models/{listed['ink']['id']}/load", json={})
    assert "ink is no checkpoint" in refused.json()["error"]


def test_a_lora_of_few_steps_is_told_while_the_prompt_is_written(server: Server, models: Path) -> None:
    told = server.client.post("/words", json={"prompt": "a cat <lora:lcm-lora-sdv1-5:0.9>"}).json()["quick"]
    assert (told["lora"], told["steps"], told["cfg"], told["sampler"]) == ("lcm-lora-sdv1-5", 6, 1.5, "LCM")
    assert server.client.post("/words", json={"prompt": "a cat <lora:ink:1>"}).json()["quick"] is None


@pytest.mark.parametrize(
    "path", ["hub", "downloads", "x/notes", "x/picture", "x/convert", "x/hash", "transfers/x/stop"]
)
def test_only_the_owner_at_this_computer_may_change_models(standing: Server, path: str) -> None:
    passed_on = {"X-Forwarded-For": "192.0.2.1"}
    assert standing.client.post(f"/models/{path}", json={}, headers=passed_on).status_code == 403
    assert standing.client.get("/models", headers=passed_on).status_code == 403  # it is not shared
    assert standing.client.get("/models").json()["owner"]


@pytest.mark.parametrize("id", ["gone", "..%2F..%2Fetc%2Fpasswd"])
def test_ids_that_nobody_knows_are_not_there(standing: Server, id: str) -> None:
    assert standing.client.get(f"/models/{id}/picture").status_code == 404
    assert standing.client.post(f"/models/{id}/notes", json={"notes": "x"}).status_code == 404


def test_a_download_of_nothing_is_refused_with_the_form_of_an_id(standing: Server) -> None:
    answer = standing.client.post("/models/hub", json={"id": "nonsense"})
    assert answer.status_code == 422
    assert "owner/name" in answer.json()["advice"]


def test_other_programs_collections_are_offered(
    standing: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header_only(tmp_path / "ComfyUI" / "models" / "checkpoints" / "a.safetensors")
    monkeypatch.setitem(os.environ, "HOME", str(tmp_path))
    found = standing.client.get("/models/collections").json()
    assert {"program": "ComfyUI", "folder": str(tmp_path / "ComfyUI/models"), "counts": {"checkpoint": 1}} in found


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)

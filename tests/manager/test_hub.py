"""Downloads from a model hub on this computer: progress, resume, checksum, and what is never brought."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.core.errors import BadRequest, CannotSave, NotThere
from modules.manager import hub
from modules.manager.hub import HubModel, Offer, download, look_up
from modules.manager.transfers import Stopped
from tests.manager.hub_server import Hub, hub_of

WEIGHTS = random.Random(0).randbytes(9_000_000)
FILES = {
    "ink.safetensors": WEIGHTS,
    "ink.ckpt": b"pickle",
    "README.md": b"words",
    "model_index.json": b'{"_class_name": "X"}',
    "unet/config.json": b"{}",
    "unet/model.safetensors": b"full",
    "unet/model.fp16.safetensors": b"half",
    "unet/model.bin": b"pickle",
    "unet/code.py": b"program",
    "vae/model.fp16.safetensors": b"half only",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_of(FILES) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def model(server: Hub) -> HubModel:
    return look_up("owner/fine")


def ignore(done: int, total: int) -> None: ...


def test_a_broken_download_goes_on_where_it_stopped_and_is_checked(
    server: Hub, model: HubModel, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    server.breaks_at = 5_500_000
    with pytest.raises(BadRequest, match="the connection was lost") as broken:
        download(model, "ink.safetensors", tmp_path, "lora", ignore)
    assert "goes on where it stopped" in broken.value.advice
    (part,) = (tmp_path / "Lora").iterdir()
    assert part.name.startswith(".ink.safetensors.") and 4_000_000 <= part.stat().st_size <= 5_500_000
    before = part.stat().st_size
    download(model, "ink.safetensors", tmp_path, "lora", lambda done, total: told.append((done, total)))
    assert server.ranges == ["", f"bytes={before}-"]
    assert (tmp_path / "Lora" / "ink.safetensors").read_bytes() == WEIGHTS
    assert told[-1] == (len(WEIGHTS), len(WEIGHTS)) and told[0][0] >= before
    with pytest.raises(BadRequest, match=r"ink\.safetensors is there already"):
        download(model, "ink.safetensors", tmp_path, "lora", ignore)


def test_bytes_that_are_not_the_listed_ones_are_thrown_away(server: Hub, model: HubModel, tmp_path: Path) -> None:
    server.lies = frozenset({"ink.safetensors"})
    with pytest.raises(BadRequest, match="arrived damaged: its checksum is another one"):
        download(model, "ink.safetensors", tmp_path, "lora", ignore)
    assert list((tmp_path / "Lora").iterdir()) == []


def test_one_that_is_stopped_leaves_what_it_has(model: HubModel, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        download(model, "ink.safetensors", tmp_path, "lora", stop)
    assert [path.name.startswith(".ink") for path in (tmp_path / "Lora").iterdir()] == [True]


def test_what_is_offered_is_safe_and_a_folder_comes_in_one_precision(model: HubModel, tmp_path: Path) -> None:
    assert (model.kind, [offer.name for offer in model.offers]) == ("lora", ["fine", "ink.safetensors"])
    download(model, "fine", tmp_path, "checkpoint", ignore)
    folder = tmp_path / "Stable-diffusion" / "fine"
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == ["model_index.json", "unet/config.json", "unet/model.safetensors", "vae/model.fp16.safetensors"]


def test_a_model_that_is_not_there_is_said(server: Hub) -> None:
    with pytest.raises(BadRequest, match=r"no public model called .owner/other.|did not answer"):
        look_up("owner/other")


@pytest.mark.parametrize("text", ["", "one", "a/b/c", "../../x", "a b/c", "https://x/y/z/w"])
def test_what_is_no_id_asks_nobody(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_child", lambda *_: pytest.fail("somebody was asked"))
    with pytest.raises(BadRequest, match="is not the id of a model"):
        look_up(text)


@pytest.mark.parametrize("name", ["../../evil.safetensors", "/etc/x.safetensors", "a\\b.safetensors", ".."])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    files = ({"name": name, "size": 1}, {"name": "model_index.json", "size": 1})
    model = HubModel("owner/fine", "0", "checkpoint", (Offer("fine", 2, files),))
    with pytest.raises((NotThere, BadRequest)):
        download(model, "fine", tmp_path, "checkpoint", ignore)
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("pytorch_lora_weights.safetensors", "fine.safetensors"),
        ("sub/diffusion_pytorch_model.fp16.safetensors", "fine.safetensors"),
        ("sub/ink.safetensors", "ink.safetensors"),
    ],
)
def test_a_name_that_half_of_the_hub_has_becomes_the_models(tmp_path: Path, name: str, target: str) -> None:
    """Else the second LoRA of that name could not be kept beside the first."""
    offer = Offer(name, 1, ({"name": name, "size": 1},))
    assert hub._target(tmp_path, "owner/fine", offer, name) == tmp_path / target


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "Lora").write_text("a file where a folder should be")
    model = HubModel("owner/fine", "0", "lora", (Offer("a", 1, ({"name": "a.safetensors", "size": 1},)),))
    with pytest.raises(CannotSave, match="Lora cannot be written"):
        download(model, "a", tmp_path, "lora", ignore)


def test_a_disk_without_room_is_said_first(tmp_path: Path) -> None:
    model = HubModel("owner/fine", "0", "lora", (Offer("a", 10**18, ({"name": "a.safetensors", "size": 10**18},)),))
    with pytest.raises(CannotSave, match=r"a has 1000000000\.0 GB"):
        download(model, "a", tmp_path, "lora", ignore)

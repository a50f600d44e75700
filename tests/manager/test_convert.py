"""Pickles: none runs code, each is explained, and good ones become the same weights as safetensors."""

from __future__ import annotations

import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modules.core.errors import BadCheckpoint, UnsafeFile
from modules.manager.convert import convert_safely
from modules.manager.convert_folder import convert_folder, pickles_of
from modules.manager.pickles import check_pickle

WEIGHTS = OrderedDict(a=torch.arange(6.0).view(2, 3), b=torch.ones(2, dtype=torch.float16))


class Runs:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "good.ckpt"
    torch.save({"state_dict": WEIGHTS, "epoch": 3}, path)
    return convert_safely(path)


def test_a_good_checkpoint_becomes_the_same_weights(converted: Path) -> None:
    found = load_file(converted)
    assert found.keys() == WEIGHTS.keys()
    assert all(torch.equal(found[name], WEIGHTS[name]) for name in WEIGHTS)
    assert sorted(path.name for path in converted.parent.iterdir()) == ["good.ckpt", "good.safetensors"]


def test_what_was_converted_is_not_converted_again(converted: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"good\.safetensors is there already"):
        convert_safely(converted.with_suffix(".ckpt"))


def lightning(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class that pickles name as one of PyTorch Lightning's."""
    module = "pytorch_lightning.callbacks.model_checkpoint"
    made = type("ModelCheckpoint", (), {"__module__": module})
    for end in (17, 27, len(module)):
        monkeypatch.setitem(sys.modules, module[:end], ModuleType(module[:end]))
    monkeypatch.setattr(sys.modules[module], "ModelCheckpoint", made, raising=False)
    return made


def test_what_trainers_keep_beside_the_weights_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Stable Diffusion's own sd-v1-4.ckpt: a class of PyTorch Lightning's, and numbers of numpy's."""
    callback = lightning(monkeypatch)
    path = tmp_path / "sd.ckpt"
    kept = {callback: {"best": np.float64(0.5), "all": np.arange(3)}, "mine": callback()}
    torch.save({"state_dict": WEIGHTS, "callbacks": kept}, path)
    assert load_file(convert_safely(path)).keys() == WEIGHTS.keys()


def test_an_early_textual_inversion_gives_its_vectors(tmp_path: Path) -> None:
    vectors = torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(2, 768))})
    torch.save({"string_to_token": {"*": torch.tensor(265)}, "string_to_param": vectors}, tmp_path / "thing.pt")
    found = load_file(convert_safely(tmp_path / "thing.pt"))
    assert {key: tensor.shape for key, tensor in found.items()} == {"emb_params": (2, 768)}


def test_a_folder_of_pickles_becomes_one_of_safe_files(tmp_path: Path) -> None:
    """Networks that have safe files keep them, and what was done is not done again, nor in a copy."""
    folder = tmp_path / "old"
    files = {
        "unet": ["diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.bin"],
        "vae": ["diffusion_pytorch_model.bin"],
        "text_encoder": ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"],
        "safety_checker": ["pytorch_model.bin"],
    }
    for part, names in files.items():
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text("{}")
        for name in names:
            torch.save(WEIGHTS, folder / part / name)
    (folder / "model_index.json").write_text("{}")
    save_file({"a": torch.ones(1)}, folder / "vae" / "diffusion_pytorch_model.safetensors")
    save_file({"a": torch.ones(1)}, folder / "text_encoder" / "model-00001-of-00002.safetensors")
    told: list[tuple[int, int]] = []
    assert convert_folder(folder, folder, lambda *bytes: told.append(bytes)) == folder
    assert all(done <= total for done, total in told) and told == sorted(told)
    assert pickles_of(folder) == []
    assert load_file(folder / "unet" / "diffusion_pytorch_model.safetensors").keys() == WEIGHTS.keys()
    copy = convert_folder(folder, tmp_path / "new")
    assert sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*.*")) == [
        "model_index.json",
        "text_encoder/config.json",
        "text_encoder/model-00001-of-00002.safetensors",
        "text_encoder/model-00002-of-00002.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ]


def archive(path: Path, **pickles: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for folder, content in pickles.items():
            file.writestr(f"{folder}/data.pkl", content)


HOSTILE: dict[str, Callable[[Path, Path], object]] = {
    "runs code": lambda path, trap: torch.save({"state_dict": {"a": torch.ones(1), "b": Runs(trap)}}, path),
    "old form": lambda path, trap: torch.save(Runs(trap), path, _use_new_zipfile_serialization=False),
    "bare pickle": lambda path, trap: path.write_bytes(pickle.dumps(Runs(trap), protocol=2)),
    "newer pickle": lambda path, trap: path.write_bytes(pickle.dumps(Runs(trap), protocol=5)),
    "old opcode": lambda path, trap: path.write_bytes(b"(S'" + str(trap).encode() + b"'\nios\nmkdir\n."),
    "two pickles": lambda path, trap: archive(path, a=pickle.dumps({}, 2), b=pickle.dumps(Runs(trap), 2)),
    "bomb": lambda path, trap: archive(path, a=bytes(17 * 2**20)),
    "nothing": lambda path, trap: path.write_bytes(b""),
    "noise": lambda path, trap: path.write_bytes(os.urandom(10_000)),
    "endless string": lambda path, trap: path.write_bytes(b"\x80\x02X" + struct.pack("<I", 2**31) + b"a" * 100),
}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("runs code", r"was not opened: it asks for more than weights \((posix|nt)\.mkdir\)"),
        ("old form", r"more than weights \((posix|nt)\.mkdir\)"),
        ("bare pickle", r"more than weights \((posix|nt)\.mkdir\)"),
        ("newer pickle", "a pickle that PyTorch does not write"),
        ("old opcode", r"more than weights \(os\.mkdir\)"),
        ("two pickles", "its archive is not one that PyTorch writes"),
        ("bomb", "its archive is not one that PyTorch writes"),
        ("nothing", "not a readable PyTorch file"),
        ("noise", "not a readable PyTorch file"),
        ("endless string", "not a readable PyTorch file"),
    ],
)
def test_a_hostile_pickle_is_explained_within_a_second_and_never_runs(tmp_path: Path, kind: str, words: str) -> None:
    path, trap = tmp_path / "bad.ckpt", tmp_path / "trap"
    HOSTILE[kind](path, trap)
    started = monotonic()
    with pytest.raises((BadCheckpoint, UnsafeFile), match=words):
        convert_safely(path)
    assert monotonic() - started < 1
    assert not trap.exists()


def test_the_trap_would_have_worked(tmp_path: Path) -> None:
    """The twin: opened as usual, the same file does run."""
    pickle.loads(pickle.dumps(Runs(tmp_path / "trap")))
    assert (tmp_path / "trap").exists()


def test_every_type_that_torch_stores_weights_in_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool):
        weights = {"a": torch.nn.Parameter(torch.ones(2), False), "b": torch.ones(2).to(dtype)}
        for zipped in (True, False):
            torch.save(weights, path, _use_new_zipfile_serialization=zipped)
            check_pickle(path)

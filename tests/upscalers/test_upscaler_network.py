"""Files of upscalers, hostile ones included: what they hold is used, or refused with a sentence, never run."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN

from modules.core.errors import BadCheckpoint, TaffyError, UnsafeFile
from modules.upscalers.base import Upscaler
from modules.upscalers.network import load_network
from tests.upscalers.conftest import CPU, written


class Touches:
    """Runs when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def refused(path: Path) -> TaffyError:
    with pytest.raises(BadCheckpoint) as told:
        load_network(Upscaler("one", path=path), CPU)
    return told.value


@pytest.mark.parametrize("legacy", [True, False], ids=["before torch 1.6", "since"])
def test_a_pickle_of_weights_is_loaded_by_torchs_unpickler_for_weights(tmp_path: Path, legacy: bool) -> None:
    network = Compact(num_feat=4, num_conv=1, upscale=2)
    torch.save({"params": network.state_dict()}, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    loaded = load_network(Upscaler("a", path=tmp_path / "a.pth"), CPU)
    assert (loaded.scale, loaded.title, loaded.dtype) == (2, "RealESRGAN Compact, 2x", "fp32")
    assert all(torch.equal(loaded.model.model.state_dict()[name], it) for name, it in network.state_dict().items())


@pytest.mark.parametrize("save", [torch.save, lambda it, path: path.write_bytes(pickle.dumps(it))], ids=["zip", "bare"])
def test_a_pickle_that_would_run_something_is_explained_and_not_run(
    tmp_path: Path, save: Callable[[object, Path], object]
) -> None:
    target = tmp_path / "was run"
    weights = Compact(num_feat=4, num_conv=1).state_dict()
    save({"params": weights, "more": Touches(target)}, tmp_path / "evil.pth")
    error = refused(tmp_path / "evil.pth")
    assert not target.exists()
    if save is torch.save and os.name == "posix":
        assert isinstance(error, UnsafeFile)
        assert error.message.startswith("evil.pth could run a program when opened (it asks for posix.mkdir)")
        torch.load(tmp_path / "evil.pth", weights_only=False)
        assert target.exists(), "the file is hostile indeed"


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    torch.save(Compact(num_feat=4, num_conv=1), tmp_path / "whole.pth")
    error = refused(tmp_path / "whole.pth")
    assert isinstance(error, UnsafeFile)
    assert "spandrel.architectures" in error.message
    assert "safetensors" in error.advice


def test_torchscript_is_refused(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Conv2d(3, 3, 1)).save(tmp_path / "script.pt")  # type: ignore[no-untyped-call]
    error = refused(tmp_path / "script.pt")
    assert isinstance(error, UnsafeFile)
    assert "TorchScript" in error.message


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("legacy", [True, False])
def test_a_cut_off_file_is_called_damaged(tmp_path: Path, share: float, legacy: bool) -> None:
    path = tmp_path / "cut.pth"
    torch.save(Compact(num_feat=4, num_conv=1).state_dict(), path, _use_new_zipfile_serialization=not legacy)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "cut.pth" in refused(path).message


def test_a_compressed_archive_is_not_unpacked(tmp_path: Path) -> None:
    torch.save(Compact(num_feat=4, num_conv=1).state_dict(), tmp_path / "a.pth")
    with ZipFile(tmp_path / "a.pth") as plain, ZipFile(tmp_path / "bomb.pth", "w", ZIP_DEFLATED) as bomb:
        for item in plain.infolist():
            bomb.writestr(item.filename, plain.read(item))
    assert "compressed archive" in refused(tmp_path / "bomb.pth").message


def test_a_tensor_larger_than_its_file_is_refused(tmp_path: Path) -> None:
    weights = Compact(num_feat=4, num_conv=1).state_dict()
    weights["body.0.weight"] = torch.zeros(1).expand(10**6, 3, 10**3, 10**3)
    torch.save(weights, tmp_path / "wide.pth")
    assert "announces more weights than it has" in refused(tmp_path / "wide.pth").message


def test_a_network_larger_than_its_weights_is_not_built(tmp_path: Path) -> None:
    weights = ESRGAN(num_filters=64, num_blocks=1).state_dict()
    for name in [name for name in weights if name.startswith("model.1.sub.0.")]:
        weights[name.replace("model.1.sub.0.", "model.1.sub.99999999.")] = weights[name]
    save_file({name: it.clone().contiguous() for name, it in weights.items()}, tmp_path / "deep.safetensors")
    assert "announces a larger network" in refused(tmp_path / "deep.safetensors").message


def test_weights_of_something_else_are_told_from_damaged_ones(tmp_path: Path) -> None:
    save_file({"lora_unet.alpha": torch.ones(1)}, tmp_path / "lora.safetensors")
    assert refused(tmp_path / "lora.safetensors").message == (
        "lora.safetensors is of no kind of upscaler that spandrel knows"
    )
    weights = ESRGAN(num_filters=8, num_blocks=2).state_dict()
    del weights["model.1.sub.1.RDB2.conv1.0.weight"]
    save_file(weights, tmp_path / "half.safetensors")
    assert "does not fit together" in refused(tmp_path / "half.safetensors").message
    torch.save([1, 2, 3], tmp_path / "list.pth")
    assert "has no weights in it" in refused(tmp_path / "list.pth").message


def test_networks_for_grey_pictures_are_refused(tmp_path: Path) -> None:
    path = written(Compact(num_in_ch=1, num_out_ch=1, num_feat=4, num_conv=1), tmp_path / "grey.safetensors")
    assert "1 to 1 channels" in refused(path).message

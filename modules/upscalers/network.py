"""An upscaler's file as a network on the device. Nothing in a file is ever run: pickles give tensors or are refused."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from spandrel import MAIN_REGISTRY, ImageModelDescriptor, ModelTiling, UnsupportedModelError
from torch import Tensor, nn

from modules.core.errors import BadCheckpoint, UnsafeFile
from modules.families.device import Device, cpu_has_bf16
from modules.upscalers.base import Upscaler
from modules.upscalers.index import is_pickle

ROOM = 2  # times the bytes of a file: what its network may take, since half-precision weights are widened
SPARE = 2**26  # bytes for what a network makes itself, like position tables
AGAIN = "download it again"
CONVERT = "use its .safetensors version, or convert it with a tool you trust"
DAMAGED = (  # what spandrel's detection and its networks raise when names or shapes do not fit together
    RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, AssertionError, ZeroDivisionError,
    NotImplementedError,
)  # fmt: skip


@dataclass(frozen=True)
class Network:
    """A loaded upscaler. scale: how many times larger its answer is. title: its architecture, for a person.

    whole: it needs to see a picture as a whole. dtype: "fp32", "bf16" or "fp16".
    """

    model: ImageModelDescriptor[nn.Module]
    scale: int
    title: str
    whole: bool
    dtype: str

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pixels (1, 3, h, w) in 0..1, any dtype and device -> (1, 3, h * scale, w * scale) in 0..1 on the device."""
        answer: Tensor = self.model(pixels.to(self.model.device, self.model.dtype))
        return answer


def load_network(entry: Upscaler, device: Device) -> Network:
    """Read a file and put its network on the device. Raises BadCheckpoint, UnsafeFile."""
    path = entry.path
    assert path is not None, "built-in upscalers have no network"
    weights = read_weights(path)
    size = sum(weight.nbytes for weight in weights.values())
    with warnings.catch_warnings(), limited(ROOM * size + SPARE, path):
        warnings.simplefilter("ignore")  # of torch, about old calls in the networks' own code
        try:
            model = MAIN_REGISTRY.load(dict(weights))
        except UnsupportedModelError as error:
            raise BadCheckpoint(f"{path.name} is of no kind of upscaler that spandrel knows") from error
        except DAMAGED as error:
            raise BadCheckpoint(f"{path.name} does not fit together: {error!s:.300}", AGAIN) from error
    return placed(checked(model, path), device)


def checked(model: object, path: Path) -> ImageModelDescriptor[nn.Module]:
    """Raises BadCheckpoint for networks that do something else."""
    if not isinstance(model, ImageModelDescriptor):
        raise BadCheckpoint(f"{path.name} paints holes, it does not make pictures larger")
    if model.purpose == "FaceSR":
        raise BadCheckpoint(f"{path.name} restores cut-out faces, it cannot make a whole picture larger")
    if (model.input_channels, model.output_channels) != (3, 3):
        channels = f"{model.input_channels} to {model.output_channels} channels"
        raise BadCheckpoint(f"{path.name} turns {channels}: only upscalers for colour pictures (3 to 3) can be used")
    return model


def placed(model: ImageModelDescriptor[nn.Module], device: Device) -> Network:
    """The network in the device's precision, or in the next one that it supports."""
    dtype = precision(device, model.supports_half, model.supports_bfloat16)
    exact = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype]
    model.model.requires_grad_(False).eval()
    model.to(torch.device(device.kind), exact)
    if device.channels_last:
        model.model.to(memory_format=torch.channels_last)
    title = f"{model.architecture.name}, {model.scale}x"
    return Network(model, model.scale, title, model.tiling is ModelTiling.INTERNAL, dtype)


def precision(device: Device, half: bool, bfloat16: bool) -> str:
    """half, bfloat16: what the network supports. Falls back from fp16 to bf16 to fp32."""
    if device.dtype == "fp16" and half:
        return "fp16"
    has_units = cpu_has_bf16() if device.kind == "cpu" else device.kind == "cuda" and torch.cuda.is_bf16_supported()
    return "bf16" if device.dtype != "fp32" and bfloat16 and has_units else "fp32"


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a file by name. Raises BadCheckpoint, UnsafeFile."""
    try:
        stored = unpickled(path) if is_pickle(path) else load_file(path)
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path.name} cannot be read: {error}", AGAIN) from error
    weights = {name: weight for name, weight in flat(stored).items() if isinstance(weight, Tensor)}
    if not weights:
        raise BadCheckpoint(f"{path.name} has no weights in it")
    plain = all(weight.layout == torch.strided and weight.device.type == "cpu" for weight in weights.values())
    if not plain or sum(weight.nbytes for weight in weights.values()) > ROOM * path.stat().st_size:
        raise BadCheckpoint(f"{path.name} announces more weights than it has", AGAIN)
    return weights


def flat(stored: object) -> dict[str, object]:
    """The dictionary of weights, which training programs put into another one under various names."""
    found = stored if isinstance(stored, dict) else {}
    for key in ("model_state_dict", "state_dict", "params_ema", "params-ema", "params", "model", "net"):
        if isinstance(found.get(key), dict):
            found = found[key]
            break
    return {name: weight for name, weight in found.items() if isinstance(name, str)}


def unpickled(path: Path) -> object:
    """A PyTorch file's content, by torch's unpickler for weights alone: it builds tensors and plain values, calls
    nothing. Raises UnsafeFile for a file that asks for more, BadCheckpoint for a damaged one."""
    zipped = is_zipfile(path)
    if zipped:
        check_archive(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, KeyError, IndexError) as error:
        if wanted := re.search(r"GLOBAL ([\w.]+)", str(error)):
            reason = f"{path.name} could run a program when opened (it asks for {wanted[1]}), so it was not"
            raise UnsafeFile(reason, CONVERT) from error
        raise BadCheckpoint(f"{path.name} is damaged or no PyTorch file", AGAIN) from error


def check_archive(path: Path) -> None:
    """Raises UnsafeFile for a program; BadCheckpoint for an archive that is compressed, as torch's never are:
    there may be gigabytes of zeros in a small file."""
    try:
        with ZipFile(path) as archive:
            items = archive.infolist()
    except (BadZipFile, OSError, NotImplementedError) as error:
        raise BadCheckpoint(f"{path.name} is damaged or no PyTorch file", AGAIN) from error
    if any(item.filename.endswith("/constants.pkl") for item in items):
        raise UnsafeFile(f"{path.name} is a program (TorchScript), not only weights", CONVERT)
    if any(item.compress_type != ZIP_STORED for item in items):
        raise BadCheckpoint(f"{path.name} is a compressed archive, which no PyTorch file is", AGAIN)


@contextmanager
def limited(most: int, path: Path) -> Iterator[None]:
    """Networks that are built inside may have so many bytes of parameters: their sizes come from the file."""
    built = 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal built
        built += parameter.nbytes if parameter is not None else 0
        if built > most:
            raise BadCheckpoint(f"{path.name} announces a larger network than it has weights for", AGAIN)

    hook = nn.modules.module.register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()

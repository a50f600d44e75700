"""What a PyTorch pickle would import if it were opened, found without opening it: nothing in the file is executed."""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from modules.core.errors import BadCheckpoint, UnsafeFile

MAX_PICKLE = 16 * 2**20  # bytes; the one of an SDXL checkpoint has 0.5 MB
MAX_FILES = 100_000  # in a ZIP archive
LEGACY_PICKLES = 5  # magic number, version, system, the checkpoint, names of its storages
HARMLESS = frozenset(
    {"collections.OrderedDict", "torch.FloatStorage", "torch.HalfStorage", "torch.BFloat16Storage"}
    | {"torch.DoubleStorage", "torch.LongStorage", "torch.IntStorage", "torch.ShortStorage", "torch.CharStorage"}
    | {"torch.ByteStorage", "torch.BoolStorage", "torch.Size", "torch._utils._rebuild_tensor_v2"}
    | {"torch._utils._rebuild_parameter", "torch.float16", "torch.bfloat16", "torch.float32", "torch.float64"}
    | {"torch._utils._rebuild_tensor", "torch.nn.parameter.Parameter", "_codecs.encode"}
    | {"__builtin__.set", "builtins.set"}
)
LEFT_OUT = frozenset(  # what trainers keep beside the weights: never looked up, something empty takes its place
    {"pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint", "numpy.dtype", "numpy.ndarray"}
    | {f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")}
)
PARAMETERS = "torch.nn.modules.container.ParameterDict"  # around the vectors of early textual inversions


def check_pickle(path: Path) -> None:
    """Raises UnsafeFile if it asks for anything but tensors, BadCheckpoint if it is no pickle."""
    try:
        wanted = {name for pickle in _pickles(path) for name in _imports(pickle)}
        strange = sorted(wanted - HARMLESS - LEFT_OUT - {PARAMETERS})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadCheckpoint(
            f"{path.name} is not a readable PyTorch file: {str(error) or 'it is damaged':.200}"
        ) from error
    if strange:
        listed = ", ".join(strange[:5])
        raise UnsafeFile(
            f"{path.name} was not opened: it asks for more than weights ({listed:.300})",
            "use the .safetensors version of this model",
        )


def _pickles(path: Path) -> Iterator[BinaryIO]:
    """The pickles in a file, ready to be read: one in a ZIP archive, several one behind the other without."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            beginning = BytesIO(file.read(MAX_PICKLE))
        for number in range(LEGACY_PICKLES):
            if number == 0 or beginning.tell() < len(beginning.getbuffer()):
                yield beginning
        return
    with zipfile.ZipFile(path) as archive:
        found = [item for item in archive.infolist() if item.filename.endswith("data.pkl")]
        if len(found) != 1 or found[0].file_size > MAX_PICKLE or len(archive.infolist()) > MAX_FILES:
            raise ValueError("its archive is not one that PyTorch writes")
        with archive.open(found[0]) as file:
            yield BytesIO(file.read(MAX_PICKLE))


def _imports(pickle: BinaryIO) -> Iterator[str]:
    """ "module name" for everything that a pickle would look up."""
    for opcode, argument, _ in pickletools.genops(pickle):
        if opcode.name in {"GLOBAL", "INST"}:
            yield str(argument).replace(" ", ".")
        elif opcode.name in {"STACK_GLOBAL", "EXT1", "EXT2", "EXT4"}:
            yield f"{opcode.name} (a pickle that PyTorch does not write)"

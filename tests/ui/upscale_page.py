"""The real page, with a worker in this process that really makes pictures larger, and does nothing else."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from PIL import Image
from spandrel.architectures.Compact import Compact

from modules.api.server import make_server
from modules.app import build
from modules.core.errors import TaffyError
from modules.core.events import Event, Failed, Finished
from modules.core.settings import load_settings
from modules.core.task import Task, Upscale
from modules.families.device import Device
from modules.manager.index import FOLDER
from modules.ui.page import mount
from modules.upscalers.answer import answer
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.upscalers import Upscalers
from modules.worker.local import LocalWorker
from tests.api.conftest import serving
from tests.headers import header_only
from tests.ui.noise import NoisePage
from tests.workers import Installed

CPU = Device("cpu", "fp32", channels_last=True, attention="sdpa")
BUDGET = 8_000_000  # bytes: several tiles for pictures of a hundred pixels


class UpscaleService:
    """Answers `Upscale` tasks as the worker's own service does."""

    def __init__(self, models: Path) -> None:
        torch.set_num_threads(1)
        self._upscalers = Upscalers(UpscalerIndex([models]), CPU, BUDGET)

    def run(self, task: Task) -> Generator[Event, None, None]:
        began = monotonic()
        try:
            if isinstance(task, Upscale):
                yield from answer(self._upscalers, CPU, task)
                return
        except TaffyError as error:
            yield Failed(task.id, type(error).__name__, error.message, error.advice)
            return
        yield Finished(task.id, monotonic() - began)


@contextmanager
def upscale_page(data: Path) -> Iterator[NoisePage]:
    """With a tiny network "tiny4x", and a file "broken" that is none."""
    models = data / "models"
    header_only(models / FOLDER / "tiny.safetensors")
    (models / "ESRGAN").mkdir()
    torch.save({"params": Compact(num_feat=8, num_conv=2, upscale=4).state_dict()}, models / "ESRGAN" / "tiny4x.pth")
    (models / "ESRGAN" / "broken.safetensors").write_bytes(b"\0")
    settings = replace(load_settings(["--data-dir", str(data)], {}), models_dirs=(models,))
    worker = LocalWorker(lambda: UpscaleService(models))
    app = replace(build(settings), worker=worker, packages=Installed())
    app.start()
    with ExitStack() as ending:
        ending.callback(app.close)
        port = ending.enter_context(serving(make_server(app, mount)))
        ending.callback(app.watchers.close)
        yield NoisePage(f"http://127.0.0.1:{port}", data, app)


def drawn(path: Path, size: tuple[int, int] = (96, 64), alpha: bool = False) -> Path:
    """A file with a gradient and a round thing in it."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    ball = (x - size[0] / 2) ** 2 + (y - size[1] / 2) ** 2 < (size[1] / 3) ** 2
    levels = np.stack([x * 255 // size[0], np.where(ball, 220, 60), y * 255 // size[1]], -1).astype(np.uint8)
    opacity = np.where(ball, 255, 0).astype(np.uint8)[..., None]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([levels, opacity], -1) if alpha else levels).save(path)
    return path

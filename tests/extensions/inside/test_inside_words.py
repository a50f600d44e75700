"""Where words look: exact shares of the attention, the same picture to the bit, the same live and afterwards."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from extensions.inside.layers import grid_of, layers_of
from extensions.inside.maps import grid, line
from extensions.inside.watching import Watching
from modules.attention.base import KERNELS
from modules.core.events import Attached, PictureMade
from modules.core.task import Attend, Generate
from modules.hooks import EngineJob, PromptPart, StepState
from modules.worker.config import WorkerConfig
from modules.worker.service import Service
from tests.adapters.lora_files import write_lora
from tests.checkpoints import load_family, tiny_file_of
from tests.extensions.inside.conftest import EXTENSIONS, KEEP, REQUEST, Studio
from tests.style.conftest import blobs, png

torch.set_num_threads(1)
WATCH = {"inside.options": b'{"keep": false, "watch": true}'}
STYLED: dict[str, Any] = {"style_mode": "inject", "image": "content", "style_images": ("style",)}


def watched(inside: Studio, packed: dict[str, bytes] = WATCH, **values: Any) -> tuple[bytes, list[dict[str, Any]]]:
    """The first picture's pixels and the maps of all steps, those of later pictures behind."""
    inputs = {"content": png(blobs(0)), "style": png(blobs(1))}
    events = list(inside.service.run(Generate("job", replace(REQUEST, **values), inputs, packed)))
    (first, *_) = [event.rgb for event in events if isinstance(event, PictureMade)]
    kept = [event.data for event in events if isinstance(event, Attached) and event.key.startswith("words-")]
    assert not inside.service.card().faults
    return first, [json.loads(one) for data in kept for one in data.splitlines()]


def maps(told: dict[str, Any]) -> NDArray[np.float64]:
    levels = np.frombuffer(b64decode(told["maps"]), np.uint8).reshape(-1, *told["grid"])
    shares: NDArray[np.float64] = levels * told["scale"] / 255
    return shares


@pytest.mark.parametrize("kernel", ["sdpa", "chunked", "sliced"])
@pytest.mark.parametrize(
    "values", [{}, {"prompt": "a cat <lora:change:1>"}, STYLED], ids=["plain", "lora", "injection"]
)
def test_the_picture_is_the_same_to_the_bit(inside: Studio, kernel: str, values: dict[str, Any]) -> None:
    write_lora(inside.models / "Lora" / "change.safetensors", load_family(tiny_checkpoint_of(inside)))
    list(inside.service.run(Attend("attend", kernel)))
    picture, told = watched(inside, sampler="Euler a", steps=3, **values)
    assert picture == watched(inside, {}, sampler="Euler a", steps=3, **values)[0]
    assert [one["step"] for one in told] == [0, 1, 2]
    assert [word for _, word in told[0]["words"]] == ["a", "cat"]
    list(inside.service.run(Attend("attend", "automatic")))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA card here: neither CUDA nor xformers")
@pytest.mark.parametrize("kernel", ["sdpa", "chunked", "sliced", "xformers"])
@pytest.mark.parametrize(
    "values", [{}, {"prompt": "a cat <lora:change:1>"}, STYLED], ids=["plain", "lora", "injection"]
)
def test_so_it_is_on_cuda(inside: Studio, tmp_path: Path, kernel: str, values: dict[str, Any]) -> None:
    if reason := KERNELS[kernel].why_not("cuda"):
        pytest.skip(reason)
    write_lora(inside.models / "Lora" / "change.safetensors", load_family(tiny_checkpoint_of(inside)))
    config = WorkerConfig((str(inside.models),), str(tmp_path), (str(EXTENSIONS),), attention=kernel)
    there = Studio(Service(config), inside.models)
    picture, told = watched(there, sampler="Euler a", steps=3, **values)
    assert picture == watched(there, {}, sampler="Euler a", steps=3, **values)[0]
    assert [one["step"] for one in told] == [0, 1, 2]


def tiny_checkpoint_of(inside: Studio) -> Path:
    return inside.models / "Stable-diffusion" / "tiny.safetensors"


def test_words_look_somewhere_and_each_elsewhere(inside: Studio) -> None:
    _, told = watched(inside)
    a, cat = maps(told[0])
    assert told[0]["grid"] == list(grid(12, 16)) == [24, 32]
    assert 0 < cat.max() < 1
    assert not np.allclose(a, cat, atol=1e-4)


def test_afterwards_the_maps_are_those_of_then(inside: Studio) -> None:
    values: dict[str, Any] = {"sampler": "Heun", "steps": 3, "count": 2, "batch_size": 2}
    both = json.dumps({"keep": True, "watch": True}).encode()
    _, live = watched(inside, {"inside.options": both}, **values)
    record = inside.made(KEEP, **values).record.alone(4)
    wish = {"steps": [1, 2], "words": True, "parts": False}
    packed = {"inside.options": json.dumps({"replay": wish}).encode(), "inside.steps": record.packed()}
    _, again = watched(inside, packed, **values | {"seed": 4, "count": 1, "batch_size": 1})
    assert [one["step"] for one in live] == [0, 1, 2] * 2, "one picture after the other"
    assert [one["step"] for one in again] == [1, 2]
    for now, then in zip(again, live[4:], strict=True):
        assert np.abs(maps(now) - maps(then)).max() < 1e-4


def test_each_part_has_its_words_and_words_beyond_the_first_window_look_too(inside: Studio) -> None:
    _, told = watched(inside, prompt="a cat AND a dog :0.5", steps=1)
    assert told[0]["words"] == [[0, "a"], [0, "cat"], [1, "a"], [1, "dog"]]
    _, told = watched(inside, prompt=", " * 80 + "a cat BREAK a [dog:hat:1]", steps=3)
    assert [[word for _, word in one["words"]] for one in told[1:]] == [
        ["a", "cat", "a", "dog"],
        ["a", "cat", "a", "hat"],
    ]
    assert (maps(told[0]).max((1, 2)) > 0).all()


def test_a_prompt_like_the_negative_one_is_no_trouble(inside: Studio) -> None:
    _, told = watched(inside, prompt="a cat", negative_prompt="a cat", steps=1)
    assert len(told) == 1
    assert watched(inside, prompt="", steps=1)[1] == []


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_over_all_tokens_the_shares_add_up_to_one(family: str, tmp_path: Path) -> None:
    """Of the real layers of SD 1 and SDXL, whose two encoders share their places."""
    from modules.families.sd1 import SD1
    from modules.families.sdxl import SDXL

    path = tiny_file_of(tmp_path / "tiny.safetensors", SDXL if family == "sdxl" else SD1)
    loaded = load_family(path)
    conditioning = loaded.encode_prompt("a cat", 1)
    looks: list[Any] = []
    with torch.no_grad(), loaded.watching(looks.append, layers_of(loaded, 8, 8)):
        loaded.denoise(torch.randn(1, 4, 8, 8), 2.0, conditioning)
    assert looks
    for look in looks:
        assert (look.probabilities([0], range(77)).sum(1) - 1).abs().max() < 1e-5
        explicit = (look.q @ look.k.transpose(-1, -2) / look.q.shape[-1] ** 0.5).softmax(-1).mean(1).transpose(1, 2)
        (cat,) = [word for word in loaded.prompt_words("a cat") if word.text == "cat"]
        assert (look.probabilities([0], cat.tokens) - explicit[:, list(cat.tokens)]).abs().max() < 1e-5


def test_rows_are_found_by_what_they_say(inside: Studio) -> None:
    """Whatever their order: with three rows at once, or one after the other when memory is short."""
    family = load_family(tiny_checkpoint_of(inside))
    job = EngineJob("job", "inside", replace(REQUEST, width=64, height=64))
    parts = tuple(PromptPart(family.encode_prompt(text, 1), 1.0, text) for text in ("a cat", "a dog"))
    x = torch.randn(1, 4, 16, 16)
    state = StepState(job.request, 0, 0, 1, 2.0, x, parts)

    def looked(order: list[int], at_once: bool) -> list[torch.Tensor]:
        with Watching(job, family) as watching, torch.no_grad():
            watching.before_predict(state)
            rows = torch.cat([parts[number].conditioning.embeddings for number in order])
            for each in [rows] if at_once else list(rows[:, None]):
                family.denoise(x.expand(len(each), -1, -1, -1), 2.0, replace(parts[0].conditioning, embeddings=each))
            return [watching._mean(number, x) for number in (0, 1)]

    for one, other in zip(looked([0, 1], True), looked([1, 0], False), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_layers_are_found_on_their_grids() -> None:
    assert [grid_of(places, 64, 96) for places in (64 * 96, 32 * 48, 16 * 24)] == [(64, 96), (32, 48), (16, 24)]
    assert grid_of(5 * 7, 9, 13) == (5, 7), "halves are rounded up"


def test_a_line_keeps_shares_to_one_part_in_255() -> None:
    shares = np.random.default_rng(0).random((2, 3, 4)).astype(np.float32)
    told = json.loads(line(4, [(0, "a"), (0, "cat")], shares))
    assert np.abs(maps(told) - shares).max() <= told["scale"] / 255

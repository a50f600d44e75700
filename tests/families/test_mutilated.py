"""Headers and configs that nobody wrote on purpose: each gives a sane card or a sentence, and nothing else."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from modules.core.errors import BadCheckpoint
from modules.families import recognise
from modules.families.header import Header
from tests.checkpoints import KINDS, SCHEDULER, _plain, single_file_tensors, tiny_networks

ODD: list[Any] = [None, True, 0, -1, 1, 2**70, 1.5, "", "x", [], [1], [0] * 3, [None], {}, {"a": 1}, [2**40] * 4, [[1]]]
SHAPES = [[], [0], [1], [4, 4], [0] * 4, [4, 4, 3, 3], [77, 32], [2**40, 4, 3, 3], [4, 0, 3, 3], [4] * 8]
PIPELINES = {"sd1": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline", "whole": "PixArtSigmaPipeline"}
Shapes = dict[str, dict[str, Any]]
Config = dict[str, dict[str, Any]]


def original(kind: str) -> tuple[Shapes, Shapes, Config]:
    """Tensors of the single file and of the folder, and the folder's configs."""
    networks = tiny_networks(KINDS[kind])
    file = {key: {"shape": list(one.shape)} for key, one in single_file_tensors(KINDS[kind], networks).items()}
    parts = networks.items()
    folder = {f"{part}/{key}": {"shape": list(w.shape)} for part, one in parts for key, w in one.state_dict().items()}
    texts = {encoder.part: networks[encoder.part].config.to_dict() for encoder in KINDS[kind].encoders}
    configs = {part: _plain(networks[part].config) for part in ("unet", "vae")} | texts | {"scheduler": dict(SCHEDULER)}
    return file, folder, configs


@pytest.fixture(scope="module")
def originals() -> dict[str, tuple[Shapes, Shapes, Config]]:
    return {kind: original(kind) for kind in ("sd1", "sdxl")}


def mutilated(tensors: Shapes, random: Random) -> Shapes:
    """Some tensors gone, some of another shape, some that were not there; at times a whole branch is gone."""
    found, keys = dict(tensors), list(tensors)
    for key in random.choices(keys, k=random.randint(0, 4)):
        found[key] = {"shape": random.choice(SHAPES)}
    for key in random.choices(keys, k=random.randint(0, 2)):
        found.pop(key, None)
        found[key.replace("0", str(random.randint(0, 9)), 1)] = {"shape": random.choice(SHAPES)}
    branch = ".".join(random.choice(keys).split(".")[: random.randint(2, 5)]) if random.random() < 0.3 else "-"
    return {key: item for key, item in found.items() if not key.startswith(branch)}


def twisted(configs: Config, random: Random) -> Config:
    found = copy.deepcopy(configs)
    for _ in range(random.randint(0, 3)):
        part = random.choice([part for part in found if found[part]])
        found[part][random.choice(list(found[part]))] = random.choice(ODD)
    return found


def sane_or_a_sentence(header: Header) -> None:
    try:
        card = recognise("x", header)
    except BadCheckpoint as error:
        assert len(error.message) < 2000
    else:
        assert min(card.downscale, card.native_size, card.size_multiple, card.latent_channels, card.default_steps) >= 1
        assert card.native_size <= 2**16
        assert len(json.dumps(asdict(card), allow_nan=False)) < 20_000


@pytest.mark.parametrize("seed", range(4))
def test_a_mutilated_file_gives_a_sane_card_or_a_sentence(
    originals: dict[str, tuple[Shapes, Shapes, Config]], seed: int
) -> None:
    random = Random(seed)
    for _ in range(150):
        file, _, configs = originals[random.choice(["sd1", "sdxl"])]
        record = {"taffy": json.dumps({"config": twisted(configs, random)})} if random.random() < 0.5 else {}
        sane_or_a_sentence(Header(Path("x.safetensors"), mutilated(file, random), record))


@pytest.mark.parametrize("seed", range(4))
def test_a_mutilated_folder_gives_a_sane_card_or_a_sentence(
    originals: dict[str, tuple[Shapes, Shapes, Config]], tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    for part in ("unet", "vae"):
        (tmp_path / part).mkdir()
    for _ in range(150):
        kind = random.choice(list(PIPELINES))
        _, folder, configs = originals["sd1" if kind == "whole" else kind]
        named = {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
        found = twisted(configs, random) | {"model_index": {"_class_name": PIPELINES[kind], **named}}
        files = {part: tmp_path for part in configs if part != "scheduler"}
        sane_or_a_sentence(Header(tmp_path, mutilated(folder, random), files=files, configs=found))

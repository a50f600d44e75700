"""LoRAs and learned words in a job: they change its pictures, are in the record, and are gone afterwards."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modules.core.errors import UnknownName
from modules.core.events import PictureMade, Stepped
from modules.families.unet.family import UnetFamily
from tests.adapters.lora_files import write_lora
from tests.engine.conftest import REQUEST, Studio, studio

__all__ = ["studio"]


@pytest.fixture
def engine_models(tiny_models: Path, tmp_path: Path) -> Path:
    """The usual models folder, and room for adapters in it."""
    shutil.copytree(tiny_models, tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def dressed(studio: Studio, engine_models: Path) -> Studio:
    family = studio.family()
    assert isinstance(family, UnetFamily)
    write_lora(engine_models / "Lora" / "ink.safetensors", family)
    (engine_models / "embeddings").mkdir()
    save_file({"emb_params": torch.randn(2, 32)}, engine_models / "embeddings" / "thing.safetensors")
    return studio


def test_a_lora_changes_the_picture_only_where_it_is_asked_for(dressed: Studio) -> None:
    before = dressed.pictures()[0]
    changed = dressed.pictures(prompt="a cat<lora:ink:1>")[0]
    none = dressed.pictures(prompt="a cat<lora:ink:0>")[0]
    assert np.abs(changed - before).max() > 5
    assert np.abs(none - before).max() <= 1
    assert np.array_equal(dressed.pictures()[0], before)


def test_a_lora_works_in_fast_mode_too_and_is_gone_afterwards(dressed: Studio) -> None:
    plain = dressed.pictures(fast_every=3)[0]
    fast = dressed.pictures(prompt="a cat<lora:ink:1>", fast_every=3)[0]
    exact = dressed.pictures(prompt="a cat<lora:ink:1>")[0]
    assert 0 < np.abs(fast - exact).mean() < np.abs(fast - plain).mean()
    assert np.array_equal(dressed.pictures(fast_every=3)[0], plain)


def test_another_vae_decodes_the_same_latents_and_is_in_the_record(studio: Studio, engine_models: Path) -> None:
    folder = engine_models / "VAE"
    folder.mkdir()
    weights = load_file(engine_models / "Stable-diffusion" / "tiny.safetensors")
    last = "first_stage_model.decoder.conv_out.bias"
    save_file(
        {key: weights[key] + (key == last) / 2 for key in weights if "first_stage" in key}, folder / "b.safetensors"
    )
    own, other = studio.pictures()[0], studio.pictures(vae="b")[0]
    assert other.mean() > own.mean() + 20
    assert np.array_equal(studio.pictures(vae="built in")[0], own)
    events = studio.events(vae="b")
    assert next(event.facts for event in events if isinstance(event, PictureMade))["VAE"] == "b.safetensors"


def test_a_closed_job_leaves_no_lora_behind(dressed: Studio) -> None:
    before = dressed.pictures()[0]
    events = dressed.engine.generate("job", replace(REQUEST, prompt="a cat <lora:ink:1>"), {})
    next(event for event in events if isinstance(event, Stepped))
    events.close()  # type: ignore[attr-defined]
    assert np.array_equal(dressed.pictures()[0], before)


def test_the_record_has_the_hashes_of_what_was_used(dressed: Studio) -> None:
    events = dressed.events(prompt="a thing <lora:ink:1>")
    facts = next(event.facts for event in events if isinstance(event, PictureMade))
    assert facts["Lora hashes"].startswith("ink: ")
    assert facts["TI hashes"].startswith("thing: ")
    plain = next(event.facts for event in dressed.events() if isinstance(event, PictureMade))
    assert {"Lora hashes", "TI hashes"}.isdisjoint(plain)


def test_a_learned_word_changes_the_picture_as_long_as_its_file_is_there(dressed: Studio, engine_models: Path) -> None:
    learned = dressed.pictures(prompt="a thing")[0]
    (engine_models / "embeddings" / "thing.safetensors").unlink()
    assert not np.array_equal(dressed.pictures(prompt="a thing")[0], learned)


def test_a_lora_that_is_not_there_is_named(dressed: Studio) -> None:
    with pytest.raises(UnknownName, match="there is no LoRA called 'oil'"):
        dressed.events(prompt="a cat <lora:oil:1>")

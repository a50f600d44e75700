"""What a new run keeps of an older one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from modules.training.checkpoint import Ema, Progress, save_stage
from modules.training.denoiser import TextToLatent
from modules.training.export import Trained, write_checkpoint
from modules.training.pack import Pack
from modules.training.shapes import build_text_encoder, build_unet, build_vae
from modules.training.start import read_start
from modules.training.tokens import UNKNOWN, CompactVocabulary, tokenize


@pytest.fixture(scope="module")
def old_words(pack: Pack) -> dict[str, list[int]]:
    return {word: ids for word, ids in pack.words.items() if word not in ("volcano", "teal")}


@pytest.fixture(scope="module")
def old(old_words: dict[str, list[int]]) -> Trained:
    torch.manual_seed(1)
    vocabulary = CompactVocabulary(old_words)
    model = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet())
    return Trained(model, build_vae(), 0.5, vocabulary, Progress(), Progress())


def row(model: TextToLatent, vocabulary: CompactVocabulary, word: str) -> Tensor:
    place = vocabulary.known.index(tokenize(word)[0]) + 1
    found: Tensor = model.text.get_input_embeddings().weight[place].detach()
    return found


def test_a_checkpoint_gives_its_weights_and_known_rows_to_a_larger_vocabulary(
    pack: Pack, old: Trained, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "old.safetensors", old)
    vocabulary = CompactVocabulary(pack.words)
    model = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet())
    start = read_start(tmp_path / "old.safetensors")
    start.into(model, vocabulary)
    assert torch.allclose(row(model, vocabulary, "castle"), row(old.model, old.vocabulary, "castle"), atol=1e-3)
    assert tokenize("volcano")[0] not in start.rows
    assert row(model, vocabulary, "volcano").abs().max() > 0
    assert not model.text.get_input_embeddings().weight[UNKNOWN].any()
    for name, weight in old.model.unet.state_dict().items():
        assert torch.allclose(model.unet.state_dict()[name], weight, atol=1e-2)


def test_a_run_gives_its_averaged_weights(
    pack: Pack, old: Trained, old_words: dict[str, list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modules.training.start.load_pack", lambda path: replace(pack, words=old_words))
    for name, module in (("denoiser", old.model), ("vae", old.vae)):
        optimizer = torch.optim.AdamW(module.parameters())
        save_stage(tmp_path / f"{name}.pt", Progress(), module, Ema(module, 0.9), optimizer)
    start = read_start(tmp_path)
    vocabulary, vae = CompactVocabulary(pack.words), build_vae()
    model = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet())
    start.into(model, vocabulary)
    start.into_vae(vae)
    assert torch.equal(row(model, vocabulary, "castle"), row(old.model, old.vocabulary, "castle"))
    assert torch.equal(vae.state_dict()["encoder.conv_in.weight"], old.vae.state_dict()["encoder.conv_in.weight"])


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a run's folder or a \.safetensors file, got .*model\.ckpt"):
        read_start(tmp_path / "model.ckpt")

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from modules.adapters import embeddings
from modules.core.errors import BadRequest
from modules.core.request import GenerationRequest
from modules.families.unet.family import UnetFamily
from modules.manager.adapters import Adapters
from tests.checkpoints import KINDS, load_family, tiny_file_of

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, UnetFamily]:
    folder = tmp_path_factory.mktemp("words")
    return {name: load_family(tiny_file_of(folder / f"{name}.safetensors", KINDS[name])) for name in ("sd1", "sdxl")}


def states(family: UnetFamily, prompt: str, models: Path | None = None) -> torch.Tensor:
    taken = Adapters((models,) if models else ()).take(GenerationRequest(prompt=prompt))
    with embeddings.applied(family, taken.embeddings):
        return family.encode_prompt(taken.request.prompt, 1).embeddings


def write(models: Path, name: str, **tensors: torch.Tensor) -> None:
    (models / "embeddings").mkdir(exist_ok=True)
    save_file(
        {key: tensor.contiguous() for key, tensor in tensors.items()}, models / "embeddings" / f"{name}.safetensors"
    )


def rows(encoder: torch.nn.Module, *ids: int) -> torch.Tensor:
    table = next(module for name, module in encoder.named_modules() if name.endswith("token_embedding"))
    return table.weight[list(ids)].clone()  # type: ignore[no-any-return]


def test_a_word_with_the_vectors_of_two_tokens_is_those_two_tokens(
    families: dict[str, UnetFamily], tmp_path: Path
) -> None:
    """ "red cat" is the tokens 736 and 2368."""
    family = families["sd1"]
    write(tmp_path, "MyThing", emb_params=rows(family.text_encoder, 736, 2368))
    assert torch.equal(states(family, "a mything, (one:1.2)", tmp_path), states(family, "a red cat, (one:1.2)"))
    assert not torch.equal(states(family, "a mything, one"), states(family, "a red cat, one"))


def test_sdxl_takes_vectors_for_both_encoders(families: dict[str, UnetFamily], tmp_path: Path) -> None:
    family = families["sdxl"]
    both = {
        "clip_l": rows(family.networks["text_encoder"], 2368),
        "clip_g": rows(family.networks["text_encoder_2"], 2368),
    }
    write(tmp_path, "thing", **both)
    taken = Adapters((tmp_path,)).take(GenerationRequest(prompt="a thing"))
    with embeddings.applied(family, taken.embeddings) as facts:
        ours = family.encode_prompt("a thing", 1)
    plain = family.encode_prompt("a cat", 1)
    assert ours.pooled is not None
    assert plain.pooled is not None
    assert torch.equal(ours.embeddings, plain.embeddings)
    assert torch.equal(ours.pooled, plain.pooled)
    assert facts["TI hashes"].startswith("thing: ")
    assert len(facts["TI hashes"]) == len("thing: ") + 12


def test_a_long_word_is_not_split_by_a_window(families: dict[str, UnetFamily], tmp_path: Path) -> None:
    family = families["sd1"]
    write(tmp_path, "thing", emb_params=torch.randn(10, 32))
    assert states(family, "cat " * 70 + "thing", tmp_path).shape == (1, 154, 32)


def test_afterwards_the_word_means_what_it_did(families: dict[str, UnetFamily], tmp_path: Path) -> None:
    family = families["sd1"]
    before = states(family, "a thing")
    write(tmp_path, "thing", emb_params=torch.randn(2, 32))
    assert not torch.equal(states(family, "a thing", tmp_path), before)
    assert torch.equal(states(family, "a thing"), before)
    assert family.words == {}


def test_only_words_of_the_prompts_are_read(families: dict[str, UnetFamily], tmp_path: Path) -> None:
    write(tmp_path, "thing", emb_params=torch.randn(2, 32))
    requests = (GenerationRequest(prompt="anything goes"), GenerationRequest(negative_prompt="(Thing:1.2)"))
    found = [[one.word for one in Adapters((tmp_path,)).take(request).embeddings] for request in requests]
    assert found == [[], ["thing"]]


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"emb_params": torch.ones(2, 768)}, "width 768, the checkpoint's have 32"),
        ({"emb_params": torch.ones(2, 1024)}, "is for SD 2.x, the checkpoint is SD 1.x"),
        ({"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)}, "is for SDXL, the checkpoint is SD 1.x"),
        ({"emb_params": torch.ones(76, 32)}, "must have 1 to 75 vectors"),
        ({"a": torch.ones(1, 32), "b": torch.ones(1, 32)}, "is not a textual inversion: its tensors are a, b"),
        ({"emb_params": torch.tensor(1.0)}, "is not a textual inversion: its tensors are emb_params"),
        ({"emb_params": torch.ones(1, 2, 32)}, "is not a textual inversion: its tensors are emb_params"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    families: dict[str, UnetFamily], tmp_path: Path, tensors: dict[str, torch.Tensor], words: str
) -> None:
    write(tmp_path, "thing", **tensors)
    with pytest.raises(BadRequest, match=rf"thing\.safetensors.*{words}"):
        states(families["sd1"], "a thing", tmp_path)

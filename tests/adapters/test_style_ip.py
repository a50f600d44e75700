"""IP-Adapter beside diffusers' own loader and processors, with tiny random weights in the released layout."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from modules.adapters import style_ip
from modules.core.errors import BadRequest
from modules.families.unet.family import UnetFamily

FEATURES, TOKENS = 24, 4


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def weights(family: UnetFamily, plus: bool = False) -> dict[str, Tensor]:
    """Keys and shapes as in ip-adapter_sd15.safetensors or, with plus, ip-adapter-plus_sd15.safetensors."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        values: Tensor = torch.randn(*shape, generator=generator) / shape[-1] ** 0.5
        return values

    unet: Any = family.unet
    width = unet.config.cross_attention_dim
    names = [name.removesuffix(".processor") for name in unet.attn_processors if ".attn2." in name]
    tensors: dict[str, Tensor] = {}
    for index, name in enumerate(names):
        for part in "kv":
            tensors[f"ip_adapter.{2 * index + 1}.to_{part}_ip.weight"] = 3 * random(
                unet.get_submodule(name).to_k.out_features, width
            )
    entry: dict[str, tuple[int, ...]]
    if not plus:
        entry = {"proj.weight": (TOKENS * width, FEATURES), "proj.bias": (TOKENS * width,)}
        entry |= {"norm.weight": (width,), "norm.bias": (width,)}
    else:
        entry = {"latents": (1, TOKENS, 64), "proj_in.weight": (64, FEATURES), "proj_in.bias": (64,)}
        entry |= {"proj_out.weight": (width, 64), "proj_out.bias": (width,)}
        entry |= {"norm_out.weight": (width,), "norm_out.bias": (width,)}
        for layer in range(4):
            block: dict[str, tuple[int, ...]] = {
                f"0.{norm}.{part}": (64,) for norm in ("norm1", "norm2") for part in ("weight", "bias")
            }
            block |= {"0.to_q.weight": (64, 64), "0.to_kv.weight": (128, 64), "0.to_out.weight": (64, 64)}
            block |= {"1.0.weight": (64,), "1.0.bias": (64,), "1.1.weight": (256, 64), "1.3.weight": (64, 256)}
            entry |= {f"layers.{layer}.{key}": shape for key, shape in block.items()}
    return tensors | {f"image_proj.{key}": random(*shape) for key, shape in entry.items()}


def installed(family: UnetFamily, models: Path, plus: bool = False) -> Path:
    """An adapter and a picture encoder in a models folder; returns the adapter's file."""
    path = models / "ip_adapter" / f"ip-adapter{'-plus' if plus else ''}_sd15.safetensors"
    path.parent.mkdir(parents=True)
    save_file(weights(family, plus), path)
    config = CLIPVisionConfig(
        hidden_size=FEATURES,
        projection_dim=FEATURES,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        CLIPVisionModelWithProjection(config).save_pretrained(path.parent / "image_encoder")
    return path


def theirs(family: UnetFamily, tensors: dict[str, Tensor], x: Tensor, words: Tensor, features: Tensor) -> Tensor:
    """The U-Net's answer through diffusers' own IP-Adapter code."""
    unet: Any = deepcopy(family.unet)
    unet.set_attn_processor(AttnProcessor2_0())
    parts: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for key, tensor in tensors.items():
        part, _, rest = key.partition(".")
        parts[part][rest] = tensor
    unet._load_ip_adapter_weights([parts], low_cpu_mem_usage=False)
    for processor in unet.attn_processors.values():
        if hasattr(processor, "to_k_ip"):
            processor.scale = [style_ip.UNIFORM * 0.5]
    added = {"image_embeds": [features[:, None]]}
    answer: Tensor = unet(x, 500, words, added_cond_kwargs=added).sample
    return answer


@pytest.mark.parametrize("plus", [False, True])
def test_our_hooks_give_the_answer_of_diffusers_processors(
    attentive_epsilon: UnetFamily, tmp_path: Path, plus: bool
) -> None:
    family = attentive_epsilon
    path = installed(family, tmp_path, plus)
    adapter = style_ip.read(family, path)
    x, words = torch.randn(2, 4, 8, 8), torch.randn(2, 77, 32)
    features = torch.randn(2, 17, FEATURES) if plus else torch.randn(2, FEATURES)
    with style_ip.applied(family, adapter, TOKENS, 0.5):
        ours = family.unet(x, 500, torch.cat([words, adapter.projection(features)], 1)).sample
    wanted = theirs(family, weights(family, plus), x, words, features)
    plain = family.unet(x, 500, words).sample
    assert adapter.plus == plus
    assert (ours - wanted).abs().max() < 1e-4
    assert (plain - wanted).abs().max() > 1e-2


def test_leaving_undoes_everything_also_after_an_error(attentive_epsilon: UnetFamily, tmp_path: Path) -> None:
    family = attentive_epsilon
    adapter = style_ip.read(family, installed(family, tmp_path))
    x, words = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 32)
    plain = family.unet(x, 500, words).sample
    with pytest.raises(ZeroDivisionError), style_ip.applied(family, adapter, TOKENS, 1.0):
        _ = 1 / 0
    assert torch.equal(family.unet(x, 500, words).sample, plain)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in family.unet.modules())


@pytest.mark.parametrize("plus", [False, True])
def test_a_picture_becomes_tokens_that_differ_from_those_of_none(
    attentive_epsilon: UnetFamily, tmp_path: Path, plus: bool
) -> None:
    installed(attentive_epsilon, tmp_path, plus)
    adapter = style_ip.find(attentive_epsilon, [tmp_path])
    picture = Image.linear_gradient("L").convert("RGB").resize((90, 40))
    shown, hidden = style_ip.tokens(adapter, attentive_epsilon, [tmp_path], picture)
    assert shown.shape == hidden.shape == (1, TOKENS, 32)
    assert not torch.allclose(shown, hidden)


def test_what_is_missing_is_named_file_by_file(attentive_epsilon: UnetFamily, tmp_path: Path) -> None:
    with pytest.raises(
        BadRequest, match=r"ip_adapter/ip-adapter-plus_sd15.safetensors .*ip_adapter/image_encoder/config.json"
    ):
        style_ip.find(attentive_epsilon, [tmp_path])


def test_an_adapter_of_another_kind_of_checkpoint_is_refused(attentive_epsilon: UnetFamily, tmp_path: Path) -> None:
    path = installed(attentive_epsilon, tmp_path)
    save_file({key: torch.cat([each, each]) for key, each in weights(attentive_epsilon).items()}, path)
    with pytest.raises(BadRequest, match="does not fit tiny: its layer 1 is 64x32, 32x32 is needed"):
        style_ip.find(attentive_epsilon, [tmp_path])


def test_a_file_that_is_cut_short_or_lacks_a_part_is_refused(attentive_epsilon: UnetFamily, tmp_path: Path) -> None:
    path = installed(attentive_epsilon, tmp_path)
    tensors = weights(attentive_epsilon)
    save_file({key: each for key, each in tensors.items() if key != "image_proj.norm.bias"}, path)
    with pytest.raises(BadRequest, match="its projection is damaged"):
        style_ip.read(attentive_epsilon, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadRequest, match="is not a readable safetensors file"):
        style_ip.read(attentive_epsilon, path)


def test_an_encoder_of_another_width_is_refused(attentive_epsilon: UnetFamily, tmp_path: Path) -> None:
    adapter = style_ip.read(attentive_epsilon, installed(attentive_epsilon, tmp_path))
    config = tmp_path / "ip_adapter" / "image_encoder" / "config.json"
    config.write_text(config.read_text().replace(f'"projection_dim": {FEATURES}', '"projection_dim": 99'))
    with pytest.raises(BadRequest, match=r"features 24 wide; found: image_encoder \(99\)"):
        style_ip.tokens(adapter, attentive_epsilon, [tmp_path], Image.new("RGB", (9, 9)))

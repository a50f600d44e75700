"""Style injection in numbers: the invariants T1 to T5, and the published algorithm written plainly beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from modules.adapters.style_injection import (
    Features,
    Mix,
    adain,
    decoder_layers,
    injecting,
    moments,
    recording,
    step_bytes,
)
from modules.core.errors import BadRequest
from modules.core.moments import Prediction
from modules.families.unet.family import UnetFamily
from modules.sampling.inversion import inverted
from modules.sampling.samplers import SAMPLERS
from tests.adapters.published_style import levels, plain_attention, published
from tests.checkpoints import load_family, sd15_networks

STARTER = Path(__file__).parents[2] / "models" / "Stable-diffusion" / "starter.safetensors"
Bank = dict[float, Features]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def latents(seed: int) -> Tensor:
    return torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(seed))


def sampled(family: UnetFamily, x: Tensor, around: Callable[[float], AbstractContextManager[Any]]) -> Tensor:
    """DDIM from noise x under the empty prompt; around(sigma) is the context of each network call."""
    empty = family.encode_prompt("", 1)

    def denoise(x: Tensor, sigma: float) -> Prediction:
        with around(sigma):
            return Prediction(family.denoise(x, sigma, empty))

    *_, end = SAMPLERS["DDIM"].run(denoise, x, levels(family), lambda a, b: x)
    return end.x


def reconstructed(family: UnetFamily, x: Tensor) -> tuple[Tensor, Bank]:
    """A plain picture, and what its layers saw at each level."""
    bank: Bank = {}

    @contextmanager
    def around(sigma: float) -> Iterator[None]:
        with recording(decoder_layers(family), "cpu") as bank[sigma]:
            yield

    return sampled(family, x, around), bank


def climbed(family: UnetFamily, x: Tensor) -> tuple[Tensor, Bank]:
    """The noise of finished latents, and what the layers saw on the way."""
    bank: Bank = {}
    empty = family.encode_prompt("", 1)

    def denoise(x: Tensor, sigma: float) -> Prediction:
        with recording(decoder_layers(family), "cpu") as bank[sigma]:
            return Prediction(family.denoise(x, sigma, empty))

    *_, top = inverted(denoise, x, levels(family).values, family.card.prediction)  # type: ignore[arg-type]
    return top.x, bank


def styled(family: UnetFamily, x: Tensor, content: Bank, style: Bank, keep: float, contrast: float = 1.0) -> Tensor:
    layers = decoder_layers(family)
    return sampled(
        family, x, lambda sigma: injecting(layers, Mix(content[sigma], [(1.0, style[sigma])], keep, contrast))
    )


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.75, 1.0])
def test_t1_a_picture_injected_into_itself_is_itself_to_the_bit(attentive: UnetFamily, keep: float) -> None:
    x = latents(0) * 14
    plain, bank = reconstructed(attentive, x)
    assert torch.equal(styled(attentive, x, bank, bank, keep), plain)


@pytest.mark.parametrize("keep", [0.0, 0.75])
def test_t1b_a_picture_injected_into_itself_from_its_way_up_is_no_worse_than_a_plain_reconstruction(
    keep: float,
) -> None:
    family = load_family(STARTER)
    picture = family.encode(checks())
    x, bank = climbed(family, picture)
    plain = sampled(family, x, lambda sigma: nullcontext())
    errors = [(each - picture).square().mean().sqrt() for each in (styled(family, x, bank, bank, keep), plain)]
    assert errors[0] <= 1.02 * errors[1]
    assert errors[1] > 0.01  # there is something to be worse than


def checks() -> Tensor:
    """A picture of 64 x 64: coloured squares on grey."""
    board = (torch.arange(64)[:, None] // 16 + torch.arange(64) // 16) % 2
    return torch.stack([0.3 + 0.5 * board, 0.5 - 0.2 * board, 0.4 + 0.0 * board])[None]


def test_t1_contrast_is_not_without_effect(attentive: UnetFamily) -> None:
    x = latents(0) * 14
    plain, bank = reconstructed(attentive, x)
    assert (styled(attentive, x, bank, bank, 0.5, contrast=1.5) - plain).abs().max() > 0.1


def test_t2_content_style_and_result_in_one_batch_see_what_they_see_alone(attentive: UnetFamily) -> None:
    layers, sigma, empty = decoder_layers(attentive), 3.0, attentive.encode_prompt("", 1)
    three = torch.cat([latents(seed) for seed in range(3)])
    with recording(layers, "cpu") as together:
        attentive.denoise(three, sigma, empty)
    for row in range(3):
        with recording(layers, "cpu") as alone:
            attentive.denoise(three[row : row + 1], sigma, empty)
        assert all((together[name][row : row + 1] - alone[name]).abs().max() <= 1e-4 for name in alone)
    assert all((features[0] - features[1]).abs().max() > 1e-2 for features in together.values())


def test_t3_adain_gives_each_picture_of_a_batch_its_wanted_mean_and_spread() -> None:
    batch = torch.cat([latents(0), latents(1) * 3 + 1])
    mean, spread = moments(latents(2) * 2 - 1)
    got_mean, got_spread = moments(adain(batch, mean, spread))
    assert (got_mean - mean).abs().max() < 1e-5
    assert (got_spread - spread).abs().max() < 1e-5


def test_t4_the_less_is_kept_the_farther_from_the_content_it_goes(attentive_epsilon: UnetFamily) -> None:
    x, content = climbed(attentive_epsilon, latents(0))
    _, style = climbed(attentive_epsilon, latents(1))
    all_kept = styled(attentive_epsilon, x, content, style, 1.0)
    far, middle = (
        (styled(attentive_epsilon, x, content, style, keep) - all_kept).square().mean().sqrt() for keep in (0.0, 0.5)
    )
    assert far > middle > 0.01


def test_t5_the_answer_lies_between_the_styles_values(attentive_epsilon: UnetFamily) -> None:
    layer = decoder_layers(attentive_epsilon)[0]
    attention: Any = layer.attention
    style, asked = torch.randn(1, 256, layer.width), torch.randn(1, 256, layer.width)
    given: list[Tensor] = []
    handle = attention.to_out[0].register_forward_pre_hook(lambda module, args: given.append(args[0]))
    with injecting([layer], Mix({layer.name: asked}, [(1.0, {layer.name: style})], 0.5, 1.5)):
        attention(torch.randn(2, 256, layer.width))
    handle.remove()
    values = attention.to_v(style)
    assert (given[0] <= values.amax(1, keepdim=True) + 1e-5).all()
    assert (given[0] >= values.amin(1, keepdim=True) - 1e-5).all()


def test_t5_scaling_the_input_is_scaling_the_logits(attentive_epsilon: UnetFamily) -> None:
    layer = decoder_layers(attentive_epsilon)[0]
    attention: Any = layer.attention
    style, asked = torch.randn(1, 256, layer.width), torch.randn(1, 256, layer.width)
    with injecting([layer], Mix({layer.name: asked}, [(1.0, {layer.name: style})], 0.0, 1.5)):
        ours = attention(asked)
    assert (ours - plain_attention(attention, attention.to_q(asked), style, 1.5)).abs().max() < 1e-5
    assert (ours - plain_attention(attention, attention.to_q(asked), style, 1.0)).abs().max() > 1e-3


def test_two_styles_that_are_the_same_are_one(attentive_epsilon: UnetFamily) -> None:
    layer = decoder_layers(attentive_epsilon)[0]
    style, asked, other = (torch.randn(1, 256, layer.width) for _ in range(3))

    def answer(styles: list[tuple[float, Tensor]]) -> Tensor:
        mix = Mix({layer.name: asked}, [(share, {layer.name: each}) for share, each in styles], 0.5, 1.5)
        with injecting([layer], mix):
            result: Tensor = layer.attention(asked)
        return result

    assert (answer([(0.3, style), (0.7, style)]) - answer([(1.0, style)])).abs().max() < 1e-5
    shared = 0.3 * answer([(1.0, style)]) + 0.7 * answer([(1.0, other)])
    assert (answer([(0.3, style), (0.7, other)]) - shared).abs().max() < 1e-5


def check_against_the_paper(family: UnetFamily) -> None:
    content, style = latents(0), latents(1)
    x, content_bank = climbed(family, content)
    x_style, style_bank = climbed(family, style)
    ours = styled(family, adain(x, *moments(x_style)), content_bank, style_bank, 0.75, 1.5)
    assert (ours - published(family, content, style, 0.75, 1.5)).abs().max() < 1e-3
    assert (ours - published(family, content, style, 0.5, 1.5)).abs().max() > 1e-2


def test_ours_is_the_published_algorithm(attentive: UnetFamily) -> None:
    check_against_the_paper(attentive)


def test_ours_is_the_published_algorithm_on_the_starter() -> None:
    check_against_the_paper(load_family(STARTER))


def test_leaving_undoes_everything_also_after_an_error(attentive_epsilon: UnetFamily) -> None:
    unet, layers = attentive_epsilon.unet, decoder_layers(attentive_epsilon)
    weights = [weight.clone() for weight in unet.parameters()]
    processors = dict(unet.attn_processors)
    plain = sampled(attentive_epsilon, latents(0), lambda sigma: nullcontext())
    x, bank = climbed(attentive_epsilon, latents(1))
    styled(attentive_epsilon, x, bank, bank, 0.5, 1.5)
    with pytest.raises(ZeroDivisionError), recording(layers, "cpu"):
        _ = 1 / 0
    assert unet.attn_processors == processors
    assert all(torch.equal(before, now) for before, now in zip(weights, unet.parameters(), strict=True))
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in unet.modules())
    assert torch.equal(sampled(attentive_epsilon, latents(0), lambda sigma: nullcontext()), plain)


def test_features_take_the_memory_that_was_foretold(attentive_epsilon: UnetFamily) -> None:
    layers = decoder_layers(attentive_epsilon)
    x = torch.randn(1, 4, 12, 20)
    with recording(layers, "cpu") as features:
        attentive_epsilon.denoise(x, 1.0, attentive_epsilon.encode_prompt("", 1))
    assert sum(each.nbytes for each in features.values()) == step_bytes(layers, 12, 20, 4)


@pytest.mark.parametrize(("kind", "side", "grid", "megabytes"), [("sd15", 64, 0.5, 11.8), ("sdxl", 128, 0.5, 31.5)])
def test_the_memory_of_a_step_is_what_the_table_says(kind: str, side: int, grid: float, megabytes: float) -> None:
    unet = full_size(kind)
    family: Any = SimpleNamespace(networks={"unet": unet}, card=SimpleNamespace(name=kind))
    assert step_bytes(decoder_layers(family, grid), side, side, itemsize=2) / 1e6 == pytest.approx(megabytes, abs=0.05)


def full_size(kind: str) -> UNet2DConditionModel:
    """The decoder of SD 1.5 or SDXL at full size, without memory."""
    if kind == "sd15":
        return sd15_networks()[0]
    with torch.device("meta"):
        return UNet2DConditionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            cross_attention_dim=2048,
        )


def test_layers_are_chosen_by_what_they_see_of_the_latents() -> None:
    family = load_family(STARTER)
    assert {layer.grid for layer in decoder_layers(family)} == {0.5}
    assert {layer.grid for layer in decoder_layers(family, 0.0)} == {0.25, 0.5}
    with pytest.raises(BadRequest, match="no attention on 1 of the latent grid"):
        decoder_layers(family, 1.0)

"""Fast mode's network: quick calls compute the shallow layers anew and take the deep ones from the last whole call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from modules.adapters.deep_features import DeepFeatures
from modules.core.errors import BadRequest
from tests.checkpoints import KINDS, tiny_networks, tiny_unet

torch.set_num_threads(1)
WORDS = torch.randn(2, 77, 32, generator=torch.Generator().manual_seed(1))


@dataclass
class Named:
    name: str = "a card"


@dataclass
class Around:
    """What `DeepFeatures` asks of a family, around a real U-Net."""

    unet: Any
    card: Named = field(default_factory=Named)

    @property
    def networks(self) -> dict[str, nn.Module]:
        return {"unet": self.unet}


@pytest.fixture(scope="module")
def unet() -> Any:
    torch.manual_seed(0)
    return three_layers().eval().requires_grad_(False)


def three_layers() -> Any:
    """As SD 1.x: two layers a level on the way down, three on the way up."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
    )


def latents(seed: int) -> Tensor:
    return torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def ask(unet: Any, x: Tensor, words: Tensor = WORDS, **more: Any) -> Tensor:
    answer: Tensor = unet(x, torch.tensor(500.0), words, **more).sample
    return answer


def after_whole(unet: Any, layers: int, x: Tensor, **more: Any) -> DeepFeatures:
    deep = DeepFeatures(Around(unet), layers)  # type: ignore[arg-type]
    with deep.at_work(quick=False):
        ask(unet, x, **more)
    return deep


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_quick_call_about_the_same_latents_gives_the_same_answer(unet: Any, layers: int) -> None:
    deep = after_whole(unet, layers, latents(0))
    with deep.at_work(quick=True):
        same, other = ask(unet, latents(0)), ask(unet, latents(5))
    assert torch.equal(same, ask(unet, latents(0)))
    assert not torch.allclose(other, ask(unet, latents(5)), atol=1e-4), "deep features are those of other latents"


def test_more_layers_come_nearer_to_the_whole(unet: Any) -> None:
    near = latents(0) + 0.2 * latents(5)
    errors = []
    for layers in (1, 2, 3):
        with after_whole(unet, layers, latents(0)).at_work(quick=True):
            errors.append(float((ask(unet, near) - ask_plain(unet, near)).norm()))
    assert errors[0] > errors[1] > errors[2] > 0


def ask_plain(unet: Any, x: Tensor) -> Tensor:
    """A whole call of a copy, while the network itself may be at work."""
    plain = three_layers()
    plain.load_state_dict(unet.state_dict())
    return ask(plain.eval(), x)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_residuals_of_control_networks_reach_quick_calls(unet: Any, layers: int) -> None:
    shapes = [(32, 8, 6)] * 3 + [(32, 4, 3)] + [(64, 4, 3)] * 2
    generator = torch.Generator().manual_seed(7)
    control: dict[str, Any] = {
        "down_block_additional_residuals": [torch.randn(2, *shape, generator=generator) for shape in shapes],
        "mid_block_additional_residual": torch.randn(2, 64, 4, 3, generator=generator),
    }
    with after_whole(unet, layers, latents(0), **control).at_work(quick=True):
        quick = ask(unet, latents(0), **control)
    assert torch.equal(quick, ask(unet, latents(0), **control))
    assert not torch.equal(quick, ask(unet, latents(0)))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_features_of_adapters_reach_quick_calls(unet: Any, layers: int) -> None:
    def adapter() -> dict[str, Any]:
        said = [torch.full((2, 32, 8, 6), 0.5), torch.full((2, 64, 4, 3), 0.5)]
        return {"down_intrablock_additional_residuals": said}  # the U-Net empties it

    with after_whole(unet, layers, latents(0), **adapter()).at_work(quick=True):
        quick = ask(unet, latents(0), **adapter())
    assert torch.equal(quick, ask(unet, latents(0), **adapter()))


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl"])
def test_every_family_s_network_can_be_quick(name: str) -> None:
    torch.manual_seed(0)
    network = tiny_unet() if name == "sd1" else tiny_networks(KINDS[name])["unet"]
    words = torch.randn(2, 77, network.config.cross_attention_dim)
    more: dict[str, Any] = {}
    if name == "sdxl":
        ids = torch.zeros(2, KINDS[name].time_ids)
        more["added_cond_kwargs"] = {"text_embeds": torch.randn(2, 32), "time_ids": ids}
    deep = DeepFeatures(Around(network.eval()))  # type: ignore[arg-type]
    with deep.at_work(quick=False):
        whole = ask(network, latents(0), words, **more)
    with deep.at_work(quick=True):
        quick = ask(network, latents(0), words, **more)
        other = ask(network, latents(0), words + 1, **more)
    assert torch.equal(quick, whole)
    assert torch.equal(other, ask(network, latents(0), words + 1, **more)), "other words are asked about as a whole"
    assert deep.layers == (1 if name == "sd1" else 2), "all layers where they have no attention"


def test_deep_layers_are_left_out_of_quick_calls(unet: Any) -> None:
    heard: list[str] = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: heard.append(name))
        for name, module in unet.named_modules()
        if name.count(".") == 3 and ("resnets" in name or "attentions" in name)
    ]
    with after_whole(unet, 1, latents(0)).at_work(quick=True):
        heard.clear()
        ask(unet, latents(1))
    for hook in hooks:
        hook.remove()
    assert heard == ["up_blocks.1.resnets.2", "up_blocks.1.attentions.2"]


def test_the_network_is_whole_again_after_a_call_even_one_that_failed(unet: Any) -> None:
    names, before = [name for name, _ in unet.named_modules()], ask(unet, latents(1))
    deep = after_whole(unet, 1, latents(0))
    with pytest.raises(RuntimeError), deep.at_work(quick=True):
        ask(unet, latents(0)[:, :3])
    with pytest.raises(RuntimeError), deep.at_work(quick=False):
        ask(unet, latents(0), torch.zeros(2, 77, 5))
    assert [name for name, _ in unet.named_modules()] == names
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in unet.modules())
    assert torch.equal(ask(unet, latents(1)), before)


def test_a_network_without_depth_is_refused() -> None:
    with pytest.raises(BadRequest, match="a card is another kind"):
        DeepFeatures(Around(nn.Linear(2, 2)))  # type: ignore[arg-type]

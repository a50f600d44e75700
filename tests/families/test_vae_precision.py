"""A VAE that overflows in fp16 goes on in fp32, and one that does not stays as it is."""

from __future__ import annotations

import pytest
import torch

from modules.families.unet.vae import Vae
from tests.checkpoints import tiny_vae

torch.set_num_threads(1)


@pytest.fixture
def loud() -> Vae:
    """Numbers inside it are too large for fp16, whose largest is 65,504; the last layer brings them down again."""
    torch.manual_seed(0)
    network = tiny_vae().requires_grad_(False)
    network.decoder.conv_in.weight.mul_(1e5)
    network.encoder.conv_in.weight.mul_(2e5)
    return Vae(network.half(), 0.5)


def test_decoding_is_what_it_would_have_been_in_fp32(loud: Vae) -> None:
    latents = torch.randn(1, 4, 8, 8)
    twin = Vae(tiny_vae().requires_grad_(False), 0.5)
    twin.network.load_state_dict({name: weight.float() for name, weight in loud.network.state_dict().items()})
    assert not bool(torch.isfinite(loud.network.decode((latents / 0.5).half()).sample).all())
    torch.testing.assert_close(loud.decode(latents), twin.decode(latents))
    assert loud.network.dtype == torch.float32


def test_encoding_is_safe_too(loud: Vae) -> None:
    assert bool(torch.isfinite(loud.encode(torch.rand(1, 3, 32, 32))).all())


def test_one_that_fits_stays_in_fp16() -> None:
    vae = Vae(tiny_vae().requires_grad_(False).half(), 0.5)
    assert bool(torch.isfinite(vae.decode(torch.randn(1, 4, 8, 8))).all())
    assert vae.network.dtype == torch.float16


def test_it_is_widened_inside_inference_mode_and_can_be_changed_outside(loud: Vae) -> None:
    with torch.inference_mode():
        loud.decode(torch.randn(1, 4, 8, 8))
    weight = loud.network.decoder.conv_in.weight
    weight.data = weight.data * 2
    assert not weight.is_inference()

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

from modules.families.unet.family import UnetFamily
from modules.preview.base import Places
from modules.preview.taesd import Taesd, find_taesd, load_taesd
from tests.checkpoints import configs, load_family, tiny_text, tiny_unet, tiny_vae, write_ldm

WIDTH = 8


@pytest.fixture
def model() -> AutoencoderTiny:
    torch.manual_seed(0)
    return AutoencoderTiny(encoder_block_out_channels=(WIDTH,) * 4, decoder_block_out_channels=(WIDTH,) * 4).eval()


@pytest.fixture
def models(tmp_path: Path, model: AutoencoderTiny) -> Path:
    """A models folder with TAESD in diffusers' naming."""
    (tmp_path / "VAE-approx").mkdir()
    save_file(model.state_dict(), tmp_path / "VAE-approx" / "taesd.safetensors")
    return tmp_path


@pytest.fixture(scope="module")
def f8(tmp_path_factory: pytest.TempPathFactory) -> UnetFamily:
    """A checkpoint with SD 1.x's downscale factor."""
    import json

    unet, vae, text = tiny_unet(), tiny_vae(4), tiny_text()
    metadata = {"taffy": json.dumps({"config": configs(unet, vae, text)})}
    return load_family(write_ldm(tmp_path_factory.mktemp("f8") / "f8.safetensors", unet, vae, text, metadata))


def test_pixels_are_those_of_diffusers(models: Path, model: AutoencoderTiny, f8: UnetFamily, cache: Path) -> None:
    taesd, latents = Taesd(Places(cache, (models,))), torch.randn(2, 4, 8, 6)
    assert taesd.suits(f8)
    expected = (model.decode(latents).sample / 2 + 0.5).clamp(0, 1)
    torch.testing.assert_close(taesd.pixels(f8, latents), expected, atol=1e-5, rtol=0)


def test_the_original_naming_is_read_too(models: Path, model: AutoencoderTiny) -> None:
    weights = model.decoder.state_dict()
    original = {f"{int(name.split('.')[1]) + 1}.{name.split('.', 2)[2]}": weights[name] for name in weights}
    assert "1.weight" in original
    path = models / "VAE-approx" / "taesd_decoder.safetensors"
    save_file(original, path)
    latents = torch.randn(1, 4, 4, 4)
    assert torch.equal(load_taesd(path)(latents), model.decoder(latents))


def test_large_latents_are_shown_at_512_pixels(models: Path, f8: UnetFamily, cache: Path) -> None:
    pixels = Taesd(Places(cache, (models,))).pixels(f8, torch.randn(1, 4, 128, 64))
    assert pixels.shape == (1, 3, 512, 256)


def test_it_does_not_suit_latents_of_another_form(models: Path, tiny: UnetFamily, cache: Path) -> None:
    assert not Taesd(Places(cache, (models,))).suits(tiny)


def test_without_a_file_it_suits_nothing(f8: UnetFamily, cache: Path) -> None:
    assert not Taesd(Places(cache, (cache,))).suits(f8)


def test_a_file_that_is_no_taesd_suits_nothing(f8: UnetFamily, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "VAE-approx").mkdir()
    save_file({"a": torch.zeros(1)}, tmp_path / "VAE-approx" / "taesd.safetensors")
    assert not Taesd(Places(cache, (tmp_path,))).suits(f8)


def test_files_for_other_latents_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "VAE-approx").mkdir()
    for name in ("taesdxl_decoder", "taesd_encoder", "taesd3"):
        (tmp_path / "VAE-approx" / f"{name}.safetensors").write_bytes(b"")
    assert find_taesd((tmp_path,)) is None
    wanted = tmp_path / "VAE-approx" / "taesd_decoder.safetensors"
    wanted.write_bytes(b"")
    assert find_taesd((tmp_path / "nowhere", tmp_path)) == wanted

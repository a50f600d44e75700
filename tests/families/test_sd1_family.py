from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler
from torch import Tensor

from modules.core.errors import BadCheckpoint
from modules.families.header import read_header
from modules.families.unet.family import UnetFamily
from tests.checkpoints import SCHEDULER, load_family, tiny_checkpoint, tiny_text, tiny_unet, tiny_vae, write_ldm

PARTS = ("unet", "vae", "text_encoder")


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("part", PARTS)
def test_weights_are_those_that_diffusers_reads_from_the_same_file(
    tiny: UnetFamily, tiny_pipeline: Any, part: str
) -> None:
    ours, theirs = getattr(tiny, part).state_dict(), getattr(tiny_pipeline, part).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_diffusers_folder_gives_the_same_weights_and_card(tiny: UnetFamily, tiny_folder: Path) -> None:
    family = load_family(tiny_folder)
    for part in PARTS:
        ours, theirs = getattr(family, part).state_dict(), getattr(tiny, part).state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (family.card.downscale, family.card.native_size, family.card.prediction) == (4, 64, "epsilon")


def test_another_seed_gives_other_weights(tiny: UnetFamily, tmp_path: Path) -> None:
    other = load_family(tiny_checkpoint(tmp_path / "other.safetensors", seed=1))
    assert not torch.equal(other.unet.conv_in.weight, tiny.unet.conv_in.weight)
    assert other.vae_key != tiny.vae_key


def test_the_same_vae_has_the_same_key(tiny: UnetFamily, tiny_file: Path) -> None:
    assert load_family(tiny_file).vae_key == tiny.vae_key


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_denoise_is_diffusers_unet_and_scheduler(tmp_path: Path, prediction: str) -> None:
    family = load_family(tiny_checkpoint(tmp_path / "a.safetensors", prediction))
    scheduler = DDIMScheduler(**SCHEDULER, prediction_type=prediction, clip_sample=False)
    scheduler.set_timesteps(1000)
    conditioning = family.encode_prompt("a cat", 1)
    scaled = noise(2, 4, 8, 8)  # as diffusers has it: variance 1 at every time
    for time in (0, 1, 500, 999):
        output = family.unet(scaled, time, conditioning.embeddings.expand(2, -1, -1)).sample
        expected = scheduler.step(output, time, scaled).pred_original_sample
        sigma = family.noise_levels.sigmas[time]
        x0 = family.denoise(scaled * (1 + sigma**2) ** 0.5, sigma, conditioning)
        torch.testing.assert_close(x0, expected, atol=2e-4 * float(expected.abs().max()), rtol=0)


def test_epsilon_and_v_give_different_pictures(tmp_path: Path, tiny: UnetFamily) -> None:
    twin = load_family(tiny_checkpoint(tmp_path / "v.safetensors", "v_prediction"))
    x, conditioning = noise(1, 4, 16, 16) * 5, tiny.encode_prompt("a cat", 1)
    assert not torch.allclose(tiny.denoise(x, 5.0, conditioning), twin.denoise(x, 5.0, conditioning), atol=0.1)


def test_noise_between_two_training_steps_has_a_time_between_them(tiny: UnetFamily) -> None:
    sigmas = tiny.noise_levels.sigmas
    assert tiny.time_of((sigmas[300] * sigmas[301]) ** 0.5) == pytest.approx(300.5)
    assert [tiny.time_of(sigmas[t]) for t in (1, 500, 998)] == pytest.approx([1, 500, 998])


def test_noise_beyond_the_training_has_the_nearest_time(tiny: UnetFamily) -> None:
    assert (tiny.time_of(0.0), tiny.time_of(1e-9), tiny.time_of(100.0)) == (0, 0, 999)


def test_fractional_times_are_those_of_diffusers_euler_on_karras_sigmas(tiny: UnetFamily) -> None:
    scheduler = EulerDiscreteScheduler(**{key: SCHEDULER[key] for key in SCHEDULER if key.startswith("beta")})
    log_sigmas = torch.tensor(tiny.noise_levels.sigmas).log().numpy()
    for sigma in (0.05, 0.7, 3.3, 12.0):
        expected = float(scheduler._sigma_to_t(torch.tensor(sigma).numpy(), log_sigmas))
        assert tiny.time_of(sigma) == pytest.approx(expected, abs=1e-2)


def test_any_multiple_of_the_downscale_factor_works(tiny: UnetFamily) -> None:
    shape = tiny.latent_shape(36, 76)
    assert shape == (4, 19, 9)
    x0 = tiny.denoise(noise(1, *shape) * 3, 3.0, tiny.encode_prompt("", 1))
    assert tiny.decode(x0).shape == (1, 3, 76, 36)


def test_the_prompt_changes_the_prediction(tiny: UnetFamily) -> None:
    x = noise(1, 4, 16, 16) * 10
    cat, rocket = (tiny.denoise(x, 10.0, tiny.encode_prompt(prompt, 1)) for prompt in ("a cat", "a rocket"))
    assert (cat - rocket).abs().max() > 0.1


def test_decode_is_the_vaes_of_diffusers(tiny: UnetFamily, tiny_pipeline: Any) -> None:
    latents = noise(2, 4, 16, 16)
    expected = (tiny_pipeline.vae.decode(latents / 0.5).sample / 2 + 0.5).clamp(0, 1)
    torch.testing.assert_close(tiny.decode(latents), expected, atol=1e-5, rtol=0)


def test_encode_is_the_mean_of_the_posterior(tiny: UnetFamily, tiny_pipeline: Any) -> None:
    pixels = noise(1, 3, 64, 64).sigmoid()
    expected = tiny_pipeline.vae.encode(pixels * 2 - 1).latent_dist.mean * 0.5
    torch.testing.assert_close(tiny.encode(pixels), expected, atol=1e-5, rtol=0)


def test_a_vae_without_attention_and_another_depth_loads(tmp_path: Path) -> None:
    unet, vae, text = tiny_unet(64), tiny_vae(2, attention=False), tiny_text()
    config = {"vae": {"norm_num_groups": 8}, "text_encoder": {"num_attention_heads": 4}}
    path = write_ldm(tmp_path / "a.safetensors", unet, vae, text, {"taffy": json.dumps({"config": config})})
    family = load_family(path)
    assert family.latent_shape(64, 64) == (4, 32, 32)
    assert torch.equal(family.unet.conv_out.weight, unet.conv_out.weight.half().float())


def test_bf16_keeps_latents_and_predictions_in_fp32(tiny: UnetFamily, tiny_file: Path) -> None:
    half = load_family(tiny_file, "bf16")
    conditioning = half.encode_prompt("a cat", 1)
    x = noise(1, 4, 16, 16) * 2
    x0 = half.denoise(x, 2.0, conditioning)
    assert {module.dtype for module in (half.unet, half.vae, half.text_encoder)} == {torch.bfloat16}
    assert conditioning.embeddings.dtype == torch.bfloat16
    assert (x0.dtype, half.decode(x0).dtype, half.encode(half.decode(x0)).dtype) == (torch.float32,) * 3
    torch.testing.assert_close(x0, tiny.denoise(x, 2.0, tiny.encode_prompt("a cat", 1)), atol=0.3, rtol=0)


def test_convolutions_lie_channels_last_and_nothing_wants_a_gradient(tiny: UnetFamily) -> None:
    assert tiny.unet.down_blocks[0].resnets[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
    assert not any(parameter.requires_grad for parameter in tiny.unet.parameters())
    assert not (tiny.unet.training or tiny.vae.training or tiny.text_encoder.training)


def test_no_parameter_or_buffer_is_left_without_memory(tiny: UnetFamily) -> None:
    for part in PARTS:
        network = getattr(tiny, part)
        assert not any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers()))


def test_facts_name_everything_a_picture_depends_on(tiny: UnetFamily) -> None:
    assert tiny.facts["Precision"] == "fp32"
    assert tiny.facts["Model"] == "tiny"
    assert tiny.facts["Torch"] == torch.__version__
    assert "Model hash" not in tiny.facts


def test_a_missing_weight_is_found_before_anything_is_read(tiny_file: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(tiny_file)
    del weights["model.diffusion_model.out.2.bias"]
    save_file(weights, tmp_path / "a.safetensors", dict(read_header(tiny_file).metadata))
    with pytest.raises(BadCheckpoint, match=r"is incomplete: model\.diffusion_model\.out\.2\.bias is missing"):
        load_family(tmp_path / "a.safetensors")


def test_a_weight_of_another_shape_is_named(tiny_file: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(tiny_file)
    weights["model.diffusion_model.out.2.bias"] = torch.zeros(9)
    save_file(weights, tmp_path / "a.safetensors", dict(read_header(tiny_file).metadata))
    with pytest.raises(BadCheckpoint, match=r"out\.2\.bias has the shape \[9\], \[4\] was expected"):
        load_family(tmp_path / "a.safetensors")

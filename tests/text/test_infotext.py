"""The text in pictures: written as A1111 writes it, read whatever wrote it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from pydantic import JsonValue

from modules.core.request import GenerationRequest
from modules.text.infotext import read_infotext, request_from_infotext, write_infotext

A1111_READER = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')  # as a1111-compat.md has it
FACTS = {"Model": "starter", "Model hash": "6ce0161689", "Precision": "bf16", "Version": "Taffy 0.1.0"}
CAT = GenerationRequest(
    prompt="a cat", sampler="DPM++ 2M", schedule="karras", steps=20, seed=1, width=512, height=768, checkpoint="starter"
)

TXT2IMG = """1girl,cherry blossoms, masterpiece
Negative prompt: EasyNegative,
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 4265333208, Size: 1024x1024, Model hash: 39d6af08b2, \
Model: qteamixQ_omegaFp16, Clip skip: 2, ENSD: 1337, Eta: 0.35, Version: v1.8.0"""
HIRES = """hakurei reimu, (realistic, 3d:0.7), shrine
Negative prompt: lowres, bad hands
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 903543336, Size: 512x512, Model hash: fdf0096972, \
VAE hash: c6a580b13a, Denoising strength: 0.45, Clip skip: 2, Hires upscale: 2, Hires steps: 30, \
Hires upscaler: 4x-UltraSharp, Image noise multiplier: 0.2"""
INPAINT = """a cat
Steps: 30, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1280110377, Size: 512x512, Model hash: cbfba64e66, \
Model: counterfeitV30_v30, VAE hash: df3c506e51, VAE: kl-f8-anime2.ckpt, Denoising strength: 0.4, \
ADetailer model: face_yolov8n.pt, ADetailer confidence: 0.3, ControlNet 0: "Module: scribble_pidinet, \
Model: control_v11p_sd15_scribble [d4ba51ff], Weight: 1", Mask blur: 4, Inpaint area: Only masked, \
Masked area padding: 32, Version: v1.8.0"""
LORA = """1girl, <lora:ip-adapter-faceid-plusv2_sd15_lora:1>, <lora:LCM_15:1>
Negative prompt: low quality,badhandv4,bad-picture-chill-75v,
Steps: 6, Sampler: Euler a, Schedule type: Automatic, CFG scale: 1.5, Seed: 3902715526, Size: 768x1024, \
Model hash: 19bbe9faa4, Model: fantasticmix_k2, Clip skip: 2, \
Lora hashes: "ip-adapter-faceid-plusv2_sd15_lora: a95a0f4bdcb9, LCM_15: aaebf6360f7d", \
TI hashes: "badhandv4: 5e40d722fc3d, bad-picture-chill-75v: 7d9cc5f549d7", Downcast alphas_cumprod: True, \
Version: v1.10.1"""
HOSTILE = """a portrait
Steps: 30, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 970527942, Size: 832x1216, \
Model hash: 238ffac319, Model: HellaineMixXL-FIX.fp16, VAE hash: 63aeecb90f, VAE: sdxl_vae.safetensors, \
Denoising strength: 0.35, Clip skip: 2, Hashes: {"model": "238ffac319", "embed:Hell4ineXLPOS": "23f5e3fc03", \
"vae": "63aeecb90f"}, Hires upscale: 1.5, Hires steps: 30, Hires upscaler: 4x_foolhardy_Remacri, \
TI hashes: "Hell4ineXLPOS: 23f5e3fc030a, Hell4ineXLPOS: 23f5e3fc030a", Hardware Info: "RTX 4090 24GB, 64GB RAM", \
Time taken: 18.0 sec., Version: v1.10.0"""
IMG2IMG = """a cat
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x512, Model hash: 6ce0161689, \
Model: v1-5-pruned-emaonly, Denoising strength: 0.75, Version: v1.10.1"""


def test_the_order_is_a1111s() -> None:
    request = replace(CAT, negative_prompt="ugly", clip_skip=2, cfg_scale=7.5, extras={"invert.amount": 0.5})
    assert write_infotext(request, FACTS) == (
        "a cat\nNegative prompt: ugly\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 1, "
        "Size: 512x768, Model hash: 6ce0161689, Model: starter, Clip skip: 2, RNG: NV, Precision: bf16, "
        "invert/amount: 0.5, Version: Taffy 0.1.0"
    )


def test_what_is_empty_is_not_written() -> None:
    assert write_infotext(GenerationRequest(seed=5), {}) == (
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Automatic, CFG scale: 7, Seed: 5, RNG: NV"
    )


def test_the_vae_that_was_asked_for_is_written_and_read() -> None:
    for vae, written in (("kl-f8.safetensors", "VAE: kl-f8.safetensors,"), ("built in", "VAE: None,")):
        text = write_infotext(replace(CAT, vae=vae), {})
        assert written in text
        assert request_from_infotext(text)[0].vae == vae
    assert "VAE" not in write_infotext(CAT, {})


def test_a_vae_that_was_found_by_itself_is_asked_for_by_name_again() -> None:
    text = write_infotext(CAT, {"VAE hash": "c6a580b13a", "VAE": "cat.vae.safetensors"})
    assert "VAE hash: c6a580b13a, VAE: cat.vae.safetensors" in text
    assert request_from_infotext(text) == (replace(CAT, vae="cat.vae.safetensors"), ())


def test_facts_win_over_the_request() -> None:
    assert "Model: other.v2," in write_infotext(CAT, {"Model": "other.v2"})


@pytest.mark.parametrize(
    "value", ["a, b", "a: b", "line\nbreak", 'say "hi"', " padded ", "", "[list]", "{brace", "日本, 語"]
)
def test_awkward_values_are_quoted_and_come_back(value: str) -> None:
    text = write_infotext(CAT, {"Model": value, "Version": "Taffy"})
    assert read_infotext(text).values["Model"] == value


@pytest.mark.parametrize("value", ["a, b", "a: b", "line\nbreak", 'say "hi"', " padded ", "[list]", "日本, 語"])
def test_a1111_reads_our_values(value: str) -> None:
    text = write_infotext(replace(CAT, extras={"grid.words": value}), {"Model": value})
    found = dict(A1111_READER.findall(text.split("\n")[-1]))
    assert found["Seed"] == "1" and found["RNG"] == "NV"
    assert {json.loads(found[key]) for key in ("Model", "grid/words")} == {value}


def test_txt2img() -> None:
    request, notes = request_from_infotext(TXT2IMG)
    assert request == GenerationRequest(
        prompt="1girl,cherry blossoms, masterpiece",
        negative_prompt="EasyNegative,",
        sampler="Euler a",
        steps=20,
        seed=4265333208,
        width=1024,
        height=1024,
        checkpoint="qteamixQ_omegaFp16",
        clip_skip=2,
    )
    assert notes == ("not known here and left out: ENSD: 1337, Eta: 0.35",)


def test_a_hires_pass_is_read() -> None:
    request, notes = request_from_infotext(HIRES)
    assert (request.seed, request.checkpoint, request.strength) == (903543336, "", 0.75)
    assert (request.hires_scale, request.hires_steps, request.hires_strength) == (2, 30, 0.45)
    assert request.hires_upscaler == "4x-UltraSharp"
    assert notes[0] == "not known here and left out: Image noise multiplier: 0.2"
    assert notes[1] == "the checkpoint has no name here, only the hash fdf0096972"


def test_quoted_values_keep_their_commas_and_colons() -> None:
    values = read_infotext(INPAINT).values
    assert values["ControlNet 0"].startswith("Module: scribble_pidinet, Model: control_v11p")
    assert values["Masked area padding"] == "32"


def test_lists_of_hashes_are_remarks() -> None:
    request, notes = request_from_infotext(LORA)
    assert (request.cfg_scale, request.steps, request.schedule) == (1.5, 6, "automatic")
    assert notes == ("not known here and left out: Downcast alphas_cumprod: True",)


def test_unquoted_json_is_kept_whole() -> None:
    values = read_infotext(HOSTILE).values
    assert json.loads(values["Hashes"])["embed:Hell4ineXLPOS"] == "23f5e3fc03"
    assert "embed" not in values
    assert (values["Hires upscale"], values["Hardware Info"]) == ("1.5", "RTX 4090 24GB, 64GB RAM")


def test_json_that_never_ends_loses_only_itself() -> None:
    values = read_infotext('Steps: 20, Hashes: {"model": "23, Seed: 5, Size: 8x8').values
    assert (values["Steps"], values["Seed"], values["Size"]) == ("20", "5", "8x8")


def test_img2img_is_read() -> None:
    request, notes = request_from_infotext(IMG2IMG.replace("0.75", "0.6"))
    assert (request.sampler, request.schedule, request.strength) == ("DPM++ 2M", "karras", 0.6)
    assert (request.hires_scale, notes) == (1, ())


def test_inpainting_is_read() -> None:
    request, notes = request_from_infotext(INPAINT)
    assert (request.strength, request.mask_blur, request.only_masked, request.mask_padding) == (0.4, 4, True, 32)
    assert "Mask blur" not in notes[0] and "ADetailer model: face_yolov8n.pt" in notes[0]


@pytest.mark.parametrize(
    ("old", "sampler", "schedule"),
    [
        ("DPM++ 2M Karras", "DPM++ 2M", "karras"),
        ("DPM++ 2M SDE Exponential", "DPM++ 2M SDE", "exponential"),
        ("Euler SGM Uniform", "Euler", "sgm_uniform"),
        ("Euler a", "Euler a", "automatic"),
        ("DDIM", "DDIM", "automatic"),
        ("DPM++ 2M", "DPM++ 2M", "uniform"),
    ],
)
def test_old_names_have_the_schedule_inside(old: str, sampler: str, schedule: str) -> None:
    request, _ = request_from_infotext(f"a\nSteps: 20, Sampler: {old}, Seed: 1")
    assert (request.sampler, request.schedule) == (sampler, schedule)


def test_a_name_with_its_own_schedule_beside_it_is_not_split() -> None:
    request, _ = request_from_infotext("a\nSteps: 20, Sampler: My Karras, Schedule type: Simple, Seed: 1")
    assert (request.sampler, request.schedule) == ("My Karras", "simple")


@pytest.mark.parametrize(
    ("source", "ours"), [("", "nv"), (", RNG: GPU", "nv"), (", RNG: NV", "nv"), (", RNG: CPU", "cpu")]
)
def test_noise_without_a_name_is_a1111s_gpu_noise(source: str, ours: str) -> None:
    assert request_from_infotext(f"a\nSteps: 20, Seed: 1, Size: 8x8{source}")[0].noise_source == ours


@pytest.mark.parametrize(
    "bad", ["Steps: 999", "Steps: many", "CFG scale: nan", "Seed: 1e99", "Size: 8", "Size: 99999999x8", "RNG: TPU"]
)
def test_a_value_that_cannot_be_used_is_left_out_and_named(bad: str) -> None:
    request, notes = request_from_infotext(f"a cat\nSampler: Euler, Clip skip: 2, Model: m, {bad}")
    assert request == GenerationRequest(prompt="a cat", sampler="Euler", clip_skip=2, checkpoint="m")
    assert len(notes) == 1 and notes[0].startswith(f"{bad.split(':')[0]} was left out: ")


def test_a_text_with_fewer_than_three_values_is_a_prompt() -> None:
    assert read_infotext("a cat\nSteps: 20, Seed: 1").prompt == "a cat\nSteps: 20, Seed: 1"


def test_weights_in_a_prompt_are_not_values() -> None:
    text = "a,\n(cat:1.2), (dog:1.3), (bird:1.1), <lora:x:1>"
    assert read_infotext(text).prompt == text


def test_an_empty_value_loses_nothing() -> None:
    assert read_infotext("Steps: 20, VAE: , Seed: 5").values == {"Steps": "20", "VAE": "", "Seed": "5"}


def test_bare_words_between_the_values_are_passed_over() -> None:
    assert read_infotext("Steps: 20, Tiling, Seed: 5, Size: 8x8").values["Seed"] == "5"


def test_a_single_variation_is_written_as_a1111_does_and_earlier_ones_beside_it() -> None:
    varied = replace(CAT, variation_seed=9, variation_strength=0.2)
    assert "Variation seed: 9, Variation seed strength: 0.2" in write_infotext(varied, {})
    assert "Earlier" not in write_infotext(varied, {})
    child = write_infotext(replace(varied, earlier_variations="5:0.1, 6:0.3"), {})
    assert 'Variation seed: 9, Variation seed strength: 0.2, Earlier variations: "5:0.1, 6:0.3"' in child


def test_extras_keep_their_types() -> None:
    extras: dict[str, JsonValue] = {
        "a.yes": True,
        "a.no": None,
        "a.text": "true",
        "a.number": 0.5,
        "a.digits": "5",
        "a-b.list": [1, "x, y"],
    }
    assert request_from_infotext(write_infotext(replace(CAT, extras=extras), {}))[0].extras == extras


def test_extras_that_a1111_could_not_read_stay_out() -> None:
    text = write_infotext(replace(CAT, extras={"Steps": 5, "a: b, Seed": 7, "a/b": 1}), {})
    assert text == write_infotext(CAT, {})

"""The Models page, in a real Chromium."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.headers import header_only, plain_file
from tests.manager.hub_server import hub_of
from tests.ui.noise import NoisePage, noise_page, opened, to_tab
from tests.workers import NoiseConfig

pytestmark = [pytest.mark.browser, pytest.mark.long]
DOWN = "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"


def fill(models: Path) -> None:
    """Two more checkpoints, one of few steps, LoRAs, a VAE, a pickle and a broken file."""
    header_only(models / "Stable-diffusion" / "zoom_lightning_4step.safetensors")
    plain_file(models / "Lora" / "ink.safetensors", {DOWN: (4, 320)}, {"ss_base_model_version": "sd_v1"})
    plain_file(models / "Lora" / "lcm-lora.safetensors", {DOWN: (4, 320)})
    plain_file(models / "VAE" / "fine.safetensors", {"decoder.conv_in.weight": (4, 4, 3, 3)})
    (models / "Stable-diffusion" / "old.ckpt").write_bytes(b"\x80\x02}.")
    (models / "Stable-diffusion" / "cut.safetensors").write_bytes(b"\xff" + bytes(7) + b"{")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    folder, home = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("home")
    fill(folder / "models")
    header_only(home / "ComfyUI" / "models" / "checkpoints" / "theirs.safetensors")
    with hub_of({"new.safetensors": bytes(300_000)}) as hub, pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "HOME", str(home))
        patch.setenv("HF_ENDPOINT", hub.url)
        with noise_page(folder, NoiseConfig()) as server:
            yield server


@pytest.fixture
def page(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        to_tab(page, "Models")
        expect(page.get_by_role("heading", name="Checkpoints")).to_be_visible()
        yield page


def model(page: Page, name: str) -> Locator:
    return page.locator(".taffy-model", has=page.get_by_role("heading", name=name, exact=True))


def prompt(page: Page) -> Locator:
    return page.locator("#prompt textarea")


def test_every_file_says_what_it_is_and_broken_ones_why(page: Page) -> None:
    expect(model(page, "tiny")).to_contain_text("SD 1.x · ")
    expect(model(page, "ink")).to_contain_text("SD 1.x")
    expect(model(page, "lcm-lora")).to_contain_text("LCM: 6 steps, CFG 1.5")
    expect(model(page, "cut")).to_contain_text("cut.safetensors is cut off")
    expect(model(page, "old").get_by_role("button", name="Convert safely: old.ckpt")).to_be_visible()
    search = page.get_by_role("searchbox", name="Search models")
    search.fill("sd 1")  # as the page says it
    expect(model(page, "tiny")).to_be_visible()
    search.fill("ink")
    expect(page.locator(".taffy-model")).to_have_count(1)


def test_a_lora_goes_into_the_prompt_by_a_click_and_out_again(page: Page) -> None:
    model(page, "ink").get_by_role("button", name="Add to prompt").click()
    expect(prompt(page)).to_have_value(re.compile(r"<lora:ink:1>$"))
    model(page, "ink").get_by_role("button", name="Add to prompt").click()
    expect(prompt(page)).not_to_have_value(re.compile("lora"))


def test_a_checkpoint_of_few_steps_brings_its_settings_and_says_why(page: Page) -> None:
    model(page, "zoom_lightning_4step").get_by_role("button", name="Use: zoom_lightning_4step").click()
    to_tab(page, "txt2img")
    expect(page.locator("#checkpoint input")).to_have_value("zoom_lightning_4step")
    page.wait_for_function("taffyForm.sampler === 'Euler' && taffyForm.schedule === 'sgm_uniform'")


def test_a_lora_of_few_steps_brings_its_settings_and_takes_them_along(page: Page) -> None:
    to_tab(page, "txt2img")
    prompt(page).fill("a cat")
    page.wait_for_timeout(600)
    prompt(page).fill("a cat <lora:lcm-lora:1>")
    page.wait_for_function("taffyForm.sampler === 'LCM' && Number(taffyForm.cfg_scale) === 1.5")
    expect(page.locator("#taffy-frame-txt2img taffy-quick")).to_contain_text("The LoRA “lcm-lora” is a LCM: best at 6")
    prompt(page).fill("a cat")
    page.wait_for_function("taffyForm.sampler === 'DPM++ 2M'")


def test_notes_are_kept(page: Page, server: NoisePage) -> None:
    model(page, "ink").get_by_text("More").click()
    model(page, "ink").get_by_label("Notes").fill("0.7 is best")
    model(page, "ink").get_by_label("Notes").press("Tab")
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    assert "0.7 is best" in (server.data / "models" / "Lora" / "ink.json").read_text()


def test_a_download_comes_by_two_clicks_and_is_in_the_list(page: Page, server: NoisePage) -> None:
    page.get_by_text("Download from the hub").click()
    page.get_by_label("Id of a model on the hub").fill("owner/fine")
    page.get_by_role("button", name="Look").click()
    page.get_by_label("What it is", exact=True).select_option("vae")
    page.get_by_role("button", name="Download", exact=True).click()
    expect(page.get_by_label("Downloads and conversions")).to_contain_text("is here: ")
    expect(page.get_by_role("status").filter(has_text="new.safetensors is here: ")).to_be_visible()
    assert (server.data / "models" / "VAE" / "new.safetensors").stat().st_size == 300_000


def test_a_pickle_that_cannot_be_converted_says_why(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 420})  # the button is far below the line that says what happens
    page.get_by_role("button", name="Convert safely: old.ckpt").click()
    expect(page.get_by_role("status").filter(has_text="old.ckpt failed: ")).to_be_in_viewport()
    expect(page.get_by_label("Downloads and conversions")).to_contain_text("old.ckpt failed: ")


def test_a_newcomer_is_told_of_them_once(browser: Browser, tmp_path: Path) -> None:
    header_only(tmp_path / "home" / "ComfyUI" / "models" / "checkpoints" / "theirs.safetensors")
    with pytest.MonkeyPatch.context() as patch, noise_page(tmp_path / "data", NoiseConfig()) as server:
        patch.setitem(os.environ, "HOME", str(tmp_path / "home"))
        with opened(browser, server) as page:
            hint = page.locator("#taffy-frame-txt2img taffy-found-hint")
            expect(hint).to_contain_text("There are checkpoints on this computer: ComfyUI (1).")
            hint.get_by_role("button", name="No, thanks").click()
            expect(hint).to_be_empty()
            page.reload()
            page.wait_for_timeout(1500)
            expect(hint).to_be_empty()


def test_controls_that_do_nothing_for_a_whole_pipeline_are_greyed(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "Stable-diffusion" / "whole"
    plain_file(folder / "transformer" / "diffusion_pytorch_model.safetensors", {"w": (2, 2)})
    (folder / "transformer" / "config.json").write_text('{"sample_size": 16, "patch_size": 2}')
    index = {"_class_name": "PixArtSigmaPipeline", "transformer": ["diffusers", "PixArtTransformer2DModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    with noise_page(tmp_path, NoiseConfig()) as server, opened(browser, server) as page:
        page.get_by_role("button", name="Sampling").click()
        expect(page.locator("#taffy-frame-txt2img .taffy-sampler")).not_to_have_attribute("inert", "")
        to_tab(page, "Models")
        page.get_by_role("button", name="Use: whole").click()
        to_tab(page, "txt2img")
        expect(page.locator("#taffy-frame-txt2img .taffy-sampler")).to_have_attribute("inert", "")


def test_another_programs_collection_is_offered(page: Page) -> None:
    expect(page.locator(".taffy-found")).to_contain_text("ComfyUI: 1 checkpoint in ")
    expect(page.get_by_role("button", name=re.compile("Use .*ComfyUI.models in place"))).to_be_visible()

"""Where model files lie: Taffy's own layout and those of other programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.core.errors import BadSetting
from modules.manager.adapters import Adapters
from modules.manager.collections import collections
from modules.manager.index import Index
from modules.manager.places import hub_snapshots, places
from modules.manager.vaes import Vaes
from modules.upscalers.index import UpscalerIndex
from tests.headers import header_only, plain_file


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("Stable-diffusion/a.safetensors", "checkpoint"),  # A1111, Forge
        ("checkpoints/a.safetensors", "checkpoint"),  # ComfyUI, Fooocus
        ("models/Stable-diffusion/a.safetensors", "checkpoint"),  # the program's own folder was named
        ("sdxl/main/a.safetensors", "checkpoint"),  # InvokeAI
        ("VAE/a.safetensors", "vae"),
        ("Lora/a.safetensors", "lora"),
        ("LyCORIS/a.safetensors", "lora"),
        ("loras/a.safetensors", "lora"),
        ("sd-1/lora/a.safetensors", "lora"),
        ("embeddings/a.safetensors", "embedding"),
        ("upscale_models/a.safetensors", "upscaler"),
        ("RealESRGAN/a.safetensors", "upscaler"),
    ],
)
def test_folders_of_all_programs_are_known(tmp_path: Path, file: str, kind: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    assert list(places(tmp_path, kind)) == [(tmp_path / file).parent]
    others = {"checkpoint", "vae", "lora", "embedding", "upscaler"} - {kind}
    assert not any(list(places(tmp_path, other)) for other in others)


def test_a1111s_embeddings_lie_beside_its_models(tmp_path: Path) -> None:
    (tmp_path / "embeddings").mkdir()
    (tmp_path / "models").mkdir()
    assert list(places(tmp_path / "models", "embedding")) == [tmp_path / "embeddings"]


COMFY = """
comfyui:
    base_path: {base}
    is_default: true
    checkpoints: models/checkpoints/
    loras: |
        models/loras
        more/loras
a111:
    base_path: webui
    checkpoints: models/Stable-diffusion
    upscale_models: |
                  models/ESRGAN
                  models/RealESRGAN
"""


def test_comfyuis_yaml_names_folders_of_several_programs(tmp_path: Path) -> None:
    path = tmp_path / "extra_model_paths.yaml"
    path.write_text(COMFY.format(base=tmp_path / "comfy"))
    for folder in ("comfy/models/checkpoints", "comfy/more/loras", "webui/models/Stable-diffusion"):
        (tmp_path / folder).mkdir(parents=True)
    assert list(places(path, "checkpoint")) == [
        tmp_path / "comfy/models/checkpoints",
        tmp_path / "webui/models/Stable-diffusion",
    ]
    assert list(places(path, "lora")) == [tmp_path / "comfy/more/loras"]
    header_only(tmp_path / "webui/models/Stable-diffusion/photo.safetensors")
    assert [entry.name for entry in Index([path]).entries() if entry.card] == ["photo"]


def test_comfyuis_yaml_may_name_home_and_variables_and_no_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DRIVE", str(tmp_path / "drive"))
    path = tmp_path / "extra_model_paths.yaml"
    path.write_text("""
one: {base_path: ~/comfy, checkpoints: models}
two: {base_path: $DRIVE, checkpoints: models}
three: {base_path: , checkpoints: here}
four: {base_path: ~nobody-of-that-name/x, checkpoints: models}
five: just words
""")
    for folder in ("comfy/models", "drive/models", "here"):
        (tmp_path / folder).mkdir(parents=True)
    assert list(places(path, "checkpoint")) == [tmp_path / name for name in ("comfy/models", "drive/models", "here")]


def test_a_kinds_own_folder_may_be_named(tmp_path: Path) -> None:
    header_only(tmp_path / "Stable-diffusion" / "in" / "a.safetensors")
    (entry,) = Index([tmp_path / "Stable-diffusion"]).entries()
    assert (entry.name, entry.problem) == ("in/a", "")


@pytest.mark.parametrize("text", ["a: [", "\t- x", "a: !!python/object/apply:os.system ['touch /tmp/w-models-yaml']"])
def test_a_yaml_that_cannot_be_read_is_listed_with_the_reason_and_runs_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "extra_model_paths.yaml"
    path.write_text(text)
    with pytest.raises(BadSetting, match="cannot be read"):
        list(places(path, "vae"))
    (entry,) = Index([path]).entries()
    assert "extra_model_paths.yaml cannot be read" in entry.problem
    assert Vaes([path]).names() == Adapters([path]).lora_names() == ()
    assert all(entry.path is None for entry in UpscalerIndex([path]).entries())
    assert not Path("/tmp/w-models-yaml").exists()


def hub_model(cache: Path, id: str) -> Path:
    folder = cache / f"models--{id.replace('/', '--')}"
    snapshot = folder / "snapshots" / "0a1b2c"
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0a1b2c")
    (snapshot / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    return snapshot


def test_models_in_the_hugging_face_cache_are_called_by_their_id(tmp_path: Path) -> None:
    snapshot = hub_model(tmp_path, "owner/fine-model")
    (tmp_path / "models--owner--words").mkdir()
    assert list(hub_snapshots(tmp_path)) == [("owner/fine-model", snapshot)]
    (entry,) = Index([tmp_path]).entries()
    assert entry.name == "owner/fine-model"


def test_a_model_of_another_branch_than_main_is_in_the_cache_too(tmp_path: Path) -> None:
    """`from_pretrained(..., revision="fp16")` leaves no main."""
    snapshot = hub_model(tmp_path, "owner/fine-model")
    refs = tmp_path / "models--owner--fine-model" / "refs"
    (refs / "main").rename(refs / "fp16")
    (refs / "damaged").write_bytes(b"\xff")
    assert list(hub_snapshots(tmp_path)) == [("owner/fine-model", snapshot)]


def test_single_files_of_the_cache_are_listed_where_they_can_be_used(tmp_path: Path) -> None:
    """As `from_single_file` and `load_lora_weights` leave them: links to blobs, beside language models."""
    one = header_only(hub_model(tmp_path, "owner/dream") / "dream_v8.safetensors")
    two = hub_model(tmp_path, "owner/ink-lora") / "pytorch_lora_weights.safetensors"
    text = hub_model(tmp_path, "owner/talks")
    for file in (one, two, text / "model.safetensors"):
        (file.parent / "model_index.json").unlink()
    plain_file(tmp_path / "blobs" / "0", {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": (4, 320)})
    two.symlink_to(tmp_path / "blobs" / "0")
    (text / "config.json").write_text("{}")
    plain_file(text / "model.safetensors", {"w": (2, 2)})
    index = Index([tmp_path])
    for _ in range(2):  # the second time nothing is read
        assert [(entry.name, entry.problem) for entry in index.entries()] == [("owner/dream", "")]
    assert Adapters([tmp_path]).lora("owner/ink-lora").path == two


def test_a_list_of_folders_may_change_while_taffy_runs(tmp_path: Path) -> None:
    folders = [tmp_path / "one"]
    (tmp_path / "one").mkdir()
    index = Index(folders)
    vaes, adapters = Vaes(index.folders), Adapters(index.folders)
    header_only(tmp_path / "two" / "checkpoints" / "new.safetensors")
    header_only(tmp_path / "two" / "vae" / "b.safetensors")
    header_only(tmp_path / "two" / "loras" / "c.safetensors")
    assert index.entries() == ()
    folders.append(tmp_path / "two")
    assert [entry.name for entry in index.entries()] == ["new"]
    assert (vaes.names(), adapters.lora_names()) == (("b.safetensors",), ("c",))


def test_other_programs_collections_are_found_and_counted(tmp_path: Path) -> None:
    home, beside = tmp_path / "home", tmp_path / "beside"
    header_only(home / "ComfyUI/models/checkpoints/a.safetensors")
    header_only(home / "ComfyUI/models/loras/b.safetensors")
    header_only(beside / "stable-diffusion-webui/models/Stable-diffusion/c.safetensors")
    (home / "Fooocus/models/checkpoints").mkdir(parents=True)  # empty: nothing to offer
    (home / "ComfyUI/extra_model_paths.yaml").write_text("a: [")  # nothing that can be read
    hub_model(home / ".cache/huggingface/hub", "o/m")
    found = {one.program: (one.folder, one.counts) for one in collections([home, beside], [])}
    assert found == {
        "ComfyUI": (home / "ComfyUI/models", {"checkpoint": 1, "lora": 1}),
        "AUTOMATIC1111": (beside / "stable-diffusion-webui/models", {"checkpoint": 1}),
        "the Hugging Face cache": (home / ".cache/huggingface/hub", {"checkpoint": 1}),
    }
    left = collections([home, beside], [home / "ComfyUI/models"])
    assert {one.program for one in left} == {"AUTOMATIC1111", "the Hugging Face cache"}

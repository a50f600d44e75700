"""Settings: who wins, where a value came from, and what is said about wrong ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modules.core.errors import BadSetting
from modules.core.settings import ROOT, SETTINGS, help_text, load_settings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text('port = 1003\nprecision = "bf16"\nautolaunch = true\n', encoding="utf-8")
    return tmp_path


def test_nothing_given_means_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(["--data-dir", str(tmp_path)], {})
    assert (settings.port, settings.host, settings.models_dirs) == (7860, "127.0.0.1", (ROOT / "models",))
    assert settings.sources["port"] == "default"


def test_the_file_wins_over_the_default(data: Path) -> None:
    settings = load_settings(["--data-dir", str(data)], {})
    assert (settings.port, settings.precision, settings.autolaunch) == (1003, "bf16", True)
    assert settings.sources["port"] == "file"


def test_the_environment_wins_over_the_file(data: Path) -> None:
    settings = load_settings([], {"TAFFY_PORT": "1002", "TAFFY_DATA_DIR": str(data)})
    assert (settings.port, settings.sources["port"]) == (1002, "environment")
    assert (settings.precision, settings.sources["precision"]) == ("bf16", "file")


def test_a_flag_wins_over_everything(data: Path) -> None:
    settings = load_settings(["--port", "1001", f"--data-dir={data}"], {"TAFFY_PORT": "1002"})
    assert (settings.port, settings.sources["port"]) == (1001, "flag")


def test_every_setting_has_a_source(tmp_path: Path) -> None:
    assert load_settings(["--data-dir", str(tmp_path)], {}).sources.keys() == SETTINGS.keys()


def test_models_folders_add_up_behind_our_own(data: Path) -> None:
    settings = load_settings(["--data-dir", str(data), "--models-dir", "/a", "--models-dir", "/b"], {})
    assert settings.models_dirs == (ROOT / "models", Path("/a").resolve(), Path("/b").resolve())


def test_a_relative_folder_in_the_file_starts_at_the_file(data: Path) -> None:
    (data / "settings.toml").write_text('models_dir = ["weights"]', encoding="utf-8")
    assert load_settings(["--data-dir", str(data)], {}).models_dirs[1] == data.resolve() / "weights"


def test_a_relative_folder_of_a_flag_starts_where_the_person_is(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)
    assert load_settings(["--data-dir", "."], {}).data_dir == data.resolve()


@pytest.mark.parametrize("flags", [["--use-cpu"], ["--use-cpu", "all"]])
def test_use_cpu_is_understood_with_and_without_all(flags: list[str], tmp_path: Path) -> None:
    assert load_settings([*flags, "--data-dir", str(tmp_path)], {}).use_cpu


def test_a_switch_of_the_file_can_be_turned_off_again(data: Path) -> None:
    assert not load_settings(["--data-dir", str(data)], {"TAFFY_AUTOLAUNCH": "no"}).autolaunch


@pytest.mark.parametrize(
    ("argv", "environ", "said"),
    [
        (["--port", "99999"], {}, "--port is '99999', allowed is a whole number from 1 to 65535"),
        (["--port", "80.5"], {}, "--port is '80.5', allowed is a whole number from 1 to 65535"),
        ([], {"TAFFY_PORT": "x"}, "TAFFY_PORT is 'x', allowed is a whole number from 1 to 65535"),
        (["--precision", "fp16"], {}, "--precision is 'fp16', allowed is auto or fp32 or bf16"),
        (["--host", "0.0.0.0"], {}, "--host is '0.0.0.0', allowed is 127.0.0.1 or localhost or ::1"),
        (["--use-cpu", "sd"], {}, "--use-cpu is 'sd', allowed is yes or no or all"),
        (["--torch-backend", "cuda"], {}, "--torch-backend is 'cuda', allowed is auto, cpu, xpu, cu130"),
        (["--data-dir", ""], {}, "--data-dir is '', allowed is a folder"),
        (["--port"], {}, "argument --port: expected one argument"),
        (["here"], {}, "there is no flag here"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(argv: list[str], environ: dict[str, str], said: str) -> None:
    with pytest.raises(BadSetting) as caught:
        load_settings(argv, environ)
    assert caught.value.message.startswith(said)


def test_a_mistyped_flag_gets_the_nearest_one() -> None:
    with pytest.raises(BadSetting, match="there is no flag --prot") as caught:
        load_settings(["--prot=80"], {})
    assert caught.value.advice == "did you mean --port?"


def test_an_unknown_line_of_the_file_gets_the_nearest_name(data: Path) -> None:
    (data / "settings.toml").write_text("prot = 80", encoding="utf-8")
    with pytest.raises(BadSetting, match="there is no setting called 'prot'") as caught:
        load_settings(["--data-dir", str(data)], {})
    assert caught.value.advice == "known: port"


@pytest.mark.parametrize(
    "line",
    [
        *("port = true", "port = 1.5", "port = [1]", "ckpt = 3", "data_dir = 'x'"),
        *('models_dir = [""]', "models_dir = ['~nobody-of-that-name/x']"),
    ],
)
def test_a_wrong_line_of_the_file_names_the_file(line: str, data: Path) -> None:
    (data / "settings.toml").write_text(line, encoding="utf-8")
    with pytest.raises(BadSetting, match=r"settings\.toml"):
        load_settings(["--data-dir", str(data)], {})


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"[port]\n[port]"])
def test_a_broken_file_is_told_and_not_ignored(content: bytes, data: Path) -> None:
    (data / "settings.toml").write_bytes(content)
    with pytest.raises(BadSetting, match="cannot be read"):
        load_settings(["--data-dir", str(data)], {})


@pytest.mark.parametrize(("argv", "environ"), [(["--listen"], {}), ([], {"TAFFY_LISTEN": "1"})])
def test_listen_opens_the_door_on_every_network(argv: list[str], environ: dict[str, str]) -> None:
    assert load_settings(argv, environ).address == "0.0.0.0"
    assert load_settings([], {}).address == "127.0.0.1"


def test_the_help_lists_every_flag_with_its_default() -> None:
    text = " ".join(help_text().split())
    assert all(flag in text for meta in SETTINGS.values() for flag in meta["flags"])
    assert "port of the page (default: 7860)" in text


def test_help_needs_nothing_but_the_standard_library() -> None:
    webui = str(ROOT / "webui.py")
    code = f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['webui.py', '--help']; "
    code += f"runpy.run_path({webui!r}, run_name='__main__')"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "--models-dir" in result.stdout

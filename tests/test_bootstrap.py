"""The first start: any Python may open it, the right ones may run it, and what goes wrong is told."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modules import bootstrap
from modules.bootstrap import OFFLINE, bar, check_python, make_venv
from modules.core.settings import ROOT
from modules.installing import InstallFailed, InstallProgress, NoRoom, venv_python

FIRST_FILES = [
    "webui.py",
    *(
        f"modules/{name}.py"
        for name in ("bootstrap", "installing", "core/settings", "core/setting_kinds", "core/errors")
    ),
]


@pytest.mark.parametrize("name", FIRST_FILES)
def test_old_pythons_can_open_the_first_files(name: str) -> None:
    ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize(("version", "good"), [((3, 10), False), ((3, 11), True), ((3, 14), True), ((3, 15), False)])
def test_only_pythons_with_packages_are_allowed(
    version: tuple[int, int], good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    if good:
        check_python()
    else:
        with pytest.raises(InstallFailed, match=r"Taffy needs Python 3\.11 to 3\.14, this is"):
            check_python()


def test_the_project_file_names_the_same_oldest_python() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={bootstrap.OLDEST[0]}.{bootstrap.OLDEST[1]}"' in text


def test_nothing_is_looked_up_on_the_net_after_a_start() -> None:
    code = (
        "import sys; sys.path.insert(0, '.'); from modules.bootstrap import *; from modules.core.settings import ROOT\n"
    )
    code += "import os; ensure(ROOT, [], []); print(sorted(os.environ.items()))"
    bare = {name: value for name, value in os.environ.items() if name not in OFFLINE}
    command = [str(venv_python(ROOT)), "-c", code]
    said = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=True).stdout
    assert all(repr(setting) in said for setting in OFFLINE.items())


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(NoRoom, match="the page needs 600 MB, 1 MB are free"):
        make_venv(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / ".venv").write_text("in the way", encoding="utf-8")
    with pytest.raises(InstallFailed, match=r"the folder \.venv could not be made"):
        make_venv(tmp_path)


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (InstallProgress(0, 0, None, "Resolved 54 packages"), "Resolved 54 packages"),
        (InstallProgress(0, 98_000_000, None, ""), "[" + "-" * 30 + "] 0 of 98 MB"),
        (InstallProgress(49_000_000, 98_000_000, 3.2, ""), "[" + "#" * 15 + "-" * 15 + "] 49 of 98 MB, 3 s left"),
        (InstallProgress(98_000_000, 98_000_000, 125, ""), "[" + "#" * 30 + "] 98 of 98 MB, 2 min left"),
    ],
)
def test_the_bar_shows_bytes_and_time_left(progress: InstallProgress, said: str) -> None:
    assert bar(progress) == said


def test_starting_again_ends_as_the_new_process_ends() -> None:
    inner = "import sys; sys.exit(7)"
    outer = f"import sys; from modules.bootstrap import start_again; start_again([sys.executable, '-c', {inner!r}])"
    assert subprocess.run([sys.executable, "-c", outer], cwd=ROOT, check=False).returncode == 7


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [str(venv_python(ROOT)), str(ROOT / "webui.py"), "--port", str(port)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(f"port {port} of 127.0.0.1 cannot be used: Address already in use")
    assert "Traceback" not in result.stderr


def test_a_wrong_flag_is_told_before_anything_is_installed(tmp_path: Path) -> None:
    copy_first_files(tmp_path)
    result = subprocess.run(
        [sys.executable, "webui.py", "--port", "x"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (1, "--port is 'x', allowed is a whole number from 1 to 65535\n")
    assert not (tmp_path / ".venv").exists()


@pytest.mark.long
def test_a_bare_python_in_any_folder_gets_as_far_as_the_page(tmp_path: Path) -> None:
    """Interrupted, then run again, then once more: the port that is taken shows that the packages are there."""
    folder = tmp_path / "Täffy tëst dir"
    copy_first_files(folder)
    python = Path(sys.base_prefix) / venv_python(Path()).relative_to(".venv")
    command = [str(python if python.exists() else sys.executable), "webui.py"]
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "UV_"))}

    first = subprocess.Popen(command, cwd=folder, env=bare, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert "Preparing" in first.stdout.readline()
    first.stdout.readline()  # "Installing the page"
    time.sleep(1.5)
    first.send_signal(signal.SIGINT)
    assert "Taffy has stopped." in first.communicate()[0]
    assert not (folder / ".venv" / "taffy-front.installed").exists()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        command += ["--port", str(taken.getsockname()[1])]
        second = subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, check=False)
        assert re.search(r"Installed the page in \d+ s", second.stdout), second.stderr
        assert "cannot be used" in second.stderr
        third = subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, check=False)
    assert third.stdout == ""
    packages = next(folder.glob(".venv/[Ll]ib*/**/site-packages"))
    assert (packages / "gradio").is_dir() and not (packages / "torch").exists()


def copy_first_files(folder: Path) -> None:
    for name in [*FIRST_FILES, "modules/__init__.py", "modules/core/__init__.py", "requirements.txt"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)

"""Installing: real uv and real pip on small wheels made here, without a network."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from modules.core.settings import ROOT
from modules.installing import Download, Install, InstallFailed, NoRoom, NothingFits, explain, requirements
from tests.wheels import SITE, bare_venv, site, write_wheel


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .venv with uv, to be copied: it takes a second to make."""
    folder = tmp_path_factory.mktemp("bare")
    bare_venv(folder)
    return folder / ".venv"


@pytest.fixture
def root(tmp_path: Path, bare: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like Taffy's: two packages to install, a .venv with uv, and a registry that is a folder."""
    shutil.copytree(bare, tmp_path / ".venv", symlinks=True)
    for name in ("apple", "pear"):
        for version in ("1.0", "2.0"):
            write_wheel(tmp_path / "registry", name, version)
    require(tmp_path, front="apple==1.0", worker="pear==1.0")
    for tool in ("UV", "PIP"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(tmp_path / "registry"))
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    return tmp_path


def require(root: Path, front: str, worker: str) -> None:
    text = f"# --- installer ---\nuv==1\n\n# --- front ---\n{front}\n\n# --- worker ---\n{worker}\n"
    (root / "requirements.txt").write_text(text, encoding="utf-8")


def run(install: Install) -> list[str]:
    return [progress.line for progress in install.run()]


def installed(root: Path) -> set[str]:
    return {path.name.removesuffix(".dist-info") for path in site(root).glob("*.dist-info")}


def test_every_requirement_is_pinned() -> None:
    lines = [
        line for phase in ("installer", "front", "worker", "tests") for line in requirements(ROOT, phase).split("\n")
    ]
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert len(wanted) > 20
    assert [line for line in wanted if not re.fullmatch(r"[\w-]+==[\w.]+( ; .+)?", line)] == []


def test_the_phases_are_the_whole_list() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    phases = [
        line for phase in ("installer", "front", "worker") for line in requirements(ROOT, phase).split("\n") if line
    ]
    assert phases == [line for line in text.split("\n") if line and not line.startswith("#")]


def test_a_phase_installs_its_own_packages_only(root: Path) -> None:
    run(Install(root, "front"))
    assert installed(root) == {"apple-1.0"}


def test_after_an_install_nothing_is_needed(root: Path) -> None:
    install = Install(root, "front")
    assert install.needed()
    run(install)
    assert not install.needed()
    assert Install(root, "worker").needed()


def test_an_install_leaves_no_cache_behind(root: Path) -> None:
    run(Install(root, "front"))
    assert not (root / ".venv" / "uv-cache").exists()


def test_a_changed_requirement_is_installed(root: Path) -> None:
    run(Install(root, "front"))
    require(root, front="apple==2.0", worker="pear==1.0")
    assert Install(root, "front").needed()
    assert run(Install(root, "front")) != []
    assert installed(root) == {"apple-2.0"}


def test_a_changed_requirement_of_the_other_phase_changes_nothing(root: Path) -> None:
    run(Install(root, "front"))
    require(root, front="apple==1.0", worker="pear==2.0")
    assert not Install(root, "front").needed()


def test_packages_that_are_there_already_need_no_download(root: Path) -> None:
    run(Install(root, "front"))
    (root / ".venv" / "taffy-front.installed").unlink()
    shutil.rmtree(root / "registry")
    assert run(Install(root, "front")) == []
    assert not Install(root, "front").needed()


def test_a_package_whose_own_need_is_missing_is_not_taken_for_installed(root: Path) -> None:
    write_wheel(root / "registry", "apple", "1.0", needs="pear==1.0")
    run(Install(root, "front"))
    (root / ".venv" / "taffy-front.installed").unlink()
    shutil.rmtree(site(root) / "pear-1.0.dist-info")
    run(Install(root, "front"))
    assert installed(root) == {"apple-1.0", "pear-1.0"}


def test_a_closed_install_has_ended_and_is_needed_again(root: Path) -> None:
    install = Install(root, "front")
    progress = install.run()
    next(progress)
    progress.close()
    assert install.needed()
    run(install)
    assert installed(root) == {"apple-1.0"}


def test_without_uv_pip_installs_and_says_why(root: Path) -> None:
    (site(root) / "uv").unlink()
    (site(root) / "pip").symlink_to(SITE / "pip")
    said = run(Install(root, "front"))
    assert any(line.startswith("trying pip, because with uv the packages could not be installed") for line in said)
    assert (installed(root), Install(root, "front").needed()) == ({"apple-1.0"}, False)


def test_a_package_that_is_nowhere_is_told_and_needed_again(root: Path) -> None:
    (site(root) / "pip").symlink_to(SITE / "pip")
    require(root, front="apple==3.0", worker="")
    with pytest.raises(InstallFailed, match="there are no packages for Python"):
        run(Install(root, "front"))
    assert Install(root, "front").needed()


def test_only_uv_can_fetch_another_build(root: Path) -> None:
    (site(root) / "uv").unlink()
    (site(root) / "pip").symlink_to(SITE / "pip")
    with pytest.raises(InstallFailed, match="No module named uv"):
        run(Install(root, "worker", "cpu"))


def test_the_build_of_the_last_install_is_kept_until_another_is_asked_for(root: Path) -> None:
    run(Install(root, "worker", "cpu"))
    assert not Install(root, "worker").needed()
    assert not Install(root, "worker", "cpu").needed()
    assert Install(root, "worker", "cu130").needed()


class Cache(NamedTuple):
    """What a download is measured on: uv's cache, and a Download of "big" (800 bytes) and "small-one" (200)."""

    path: Path
    start: Callable[[], Download]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    plan = tmp_path / "pylock.toml"
    plan.write_text(
        "".join(
            f'[[packages]]\nname = "{name}"\nversion = "1.0"\nwheels = [{{ size = {size} }}]\n'
            for name, size in (("big", 800), ("small-one", 200), ("there", 5000))
        ),
        encoding="utf-8",
    )
    (tmp_path / "venv/lib/python3.11/site-packages/There-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "cache").mkdir()
    return Cache(tmp_path / "cache", lambda: Download(plan, tmp_path / "cache", tmp_path / "venv"))


def finish(cache: Path, name: str) -> None:
    (cache / "archive-v0" / name / f"{name}.dist-info").mkdir(parents=True)


def test_packages_that_are_installed_are_not_counted(cache: Cache) -> None:
    progress = cache.start().progress("")
    assert (progress.done_bytes, progress.total_bytes, progress.seconds_left) == (0, 1000, None)


def test_a_finished_download_counts_its_size(cache: Cache) -> None:
    download = cache.start()
    finish(cache.path, "Small_One-1.0")
    assert download.progress("Downloaded small-one").done_bytes == 200


def test_a_download_under_way_counts_half_of_what_is_unpacked(cache: Cache) -> None:
    download = cache.start()
    (cache.path / ".tmpX" / "sub").mkdir(parents=True)
    (cache.path / ".tmpX" / "sub" / "file").write_bytes(bytes(600))
    progress = download.progress("")
    assert progress.done_bytes == 300
    assert progress.seconds_left is not None and progress.seconds_left > 0


def test_progress_never_goes_back(cache: Cache) -> None:
    download = cache.start()
    (cache.path / ".tmpX").mkdir()
    (cache.path / ".tmpX" / "file").write_bytes(bytes(600))
    download.progress("")
    shutil.rmtree(cache.path / ".tmpX")
    assert download.progress("").done_bytes == 300


def test_what_an_interrupted_run_fetched_counts_at_once(cache: Cache) -> None:
    finish(cache.path, "big-1.0")
    assert cache.start().progress("").done_bytes == 800


def test_what_an_interrupted_run_left_half_done_does_not_count(cache: Cache) -> None:
    (cache.path / ".tmpOld").mkdir()
    (cache.path / ".tmpOld" / "file").write_bytes(bytes(600))
    assert cache.start().progress("").done_bytes == 0


def test_a_disk_that_is_too_small_is_told_before_it_is_full(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    download = cache.start()
    usage = shutil.disk_usage(cache.path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1999))
    with pytest.raises(NoRoom, match=r"the packages need about 0\.0 GB more"):
        download.progress("")


@pytest.mark.parametrize(
    ("output", "message", "kind"),
    [
        (
            "error: Failed to download `pytz`\n  cause: No space left on device (os error 28)",
            "the disk is full",
            NoRoom,
        ),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left", "the disk is full", NoRoom),
        (
            "error: Request failed after 3 retries in 11.0s\n  cause: dns error\n  cause: error resolving DNS",
            "the package registry cannot be reached",
            InstallFailed,
        ),
        (
            "WARNING: Retrying after connection broken by 'ProxyError'\nERROR: No matching distribution found for x",
            "the package registry cannot be reached",
            InstallFailed,
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because numpy==2.4.6 has no usable wheels",
            f"there are no packages for Python {sys.version_info[0]}.{sys.version_info[1]} on ",
            NothingFits,
        ),
        ("error: failed to remove file: Permission denied (os error 13)", "a file in .venv cannot", InstallFailed),
        ("Resolved\nerror: something new\n  cause: unknown", "error: something new", InstallFailed),
        ("", "the installer said nothing", InstallFailed),
    ],
)
def test_what_the_tools_print_becomes_a_sentence(output: str, message: str, kind: type[InstallFailed]) -> None:
    error = explain(output)
    assert error.message.startswith(f"the packages could not be installed: {message}")
    assert type(error) is kind
    assert error.advice


def test_a_cache_the_person_chose_is_used_and_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "UV_CACHE_DIR", str(root / "shared cache"))
    run(Install(root, "front"))
    assert list((root / "shared cache").glob("archive-v*/*"))

"""Installing extensions: from folders and zips, and what is refused."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from modules.adding import Adding
from modules.app import App, build
from modules.core.errors import BadExtension
from modules.core.settings import Settings
from tests.hooks.writing import extension, manifest
from tests.wheels import bare_venv, site, write_wheel
from tests.workers import Installed, noise_worker


@pytest.fixture
def app(tmp_path: Path, tiny_models: Path) -> Iterator[App]:
    place = tmp_path / "extensions"
    place.mkdir()
    settings = Settings(data_dir=tmp_path / "data", models_dirs=(tiny_models,), extensions_dirs=(place,))
    app = replace(build(settings), worker=noise_worker(), packages=Installed())
    yield app
    app.gallery.close()
    app.queue.journal.close()


def adding(app: App) -> Adding:
    return Adding(app.extending, app.settings)


def names(app: App) -> list[str]:
    return [one.name for one in app.host.found]


def zipped(**files: str) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return file.getvalue()


MANIFEST = 'name = "mine"\nversion = "1"\napi = ">=1.0,<2"\ndescription = "x"\n'


def test_a_folder_is_copied_and_used_at_once(app: App, tmp_path: Path) -> None:
    front = "@hookimpl\ndef controls(tab): return [Control('on', 'On', 'checkbox', False)]"
    adding(app).from_folder(str(extension(tmp_path / "elsewhere", "mine", front)))
    assert names(app) == ["mine"]
    assert [one.name for one in app.host.controls("txt2img")] == ["on"]


def test_a_zip_is_unpacked(app: App) -> None:
    adding(app).from_zip(zipped(**{"mine/extension.toml": MANIFEST, "mine/deep/er.txt": "x"}))
    assert (app.settings.extensions_dirs[0] / "mine" / "deep" / "er.txt").read_text() == "x"
    assert names(app) == ["mine"]


@pytest.mark.parametrize("folder", ["mine-main/", "Mine 1.2/", ""])
def test_a_zip_may_have_any_folder_or_none_around_the_files(app: App, folder: str) -> None:
    adding(app).from_zip(zipped(**{f"{folder}extension.toml": MANIFEST, f"{folder}deep/er.txt": "x"}))
    assert (app.settings.extensions_dirs[0] / "mine" / "deep" / "er.txt").read_text() == "x"
    assert names(app) == ["mine"]


@pytest.mark.parametrize("name", ["..", "../up", "a/b", "CON", ""])
def test_a_manifest_cannot_choose_another_place(app: App, name: str) -> None:
    with pytest.raises(BadExtension):
        adding(app).from_zip(zipped(**{"x/extension.toml": MANIFEST.replace('"mine"', f'"{name}"')}))
    assert not list(app.settings.extensions_dirs[0].iterdir())


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "mine/../../out.txt", "mine\\..\\out.txt", "mine/nul"])
def test_a_zip_that_leads_outside_is_refused_and_leaves_nothing(app: App, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadExtension, match="leads outside"):
        adding(app).from_zip(zipped(**{"mine/extension.toml": MANIFEST, name: "x"}))
    assert not list(app.settings.extensions_dirs[0].iterdir())
    assert not list(tmp_path.rglob("out.txt"))


def test_links_in_a_zip_are_refused(app: App) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mine/extension.toml", MANIFEST)
        link = zipfile.ZipInfo("mine/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadExtension, match="no plain file"):
        adding(app).from_zip(file.getvalue())


@pytest.mark.parametrize("data", [b"", b"no zip", zipped(**{"a.txt": "x"})])
def test_what_is_no_extension_is_refused(app: App, data: bytes) -> None:
    with pytest.raises(BadExtension):
        adding(app).from_zip(data)


def test_another_of_the_same_name_is_refused(app: App, tmp_path: Path) -> None:
    adding(app).from_folder(str(manifest(tmp_path / "one", "mine")))
    with pytest.raises(BadExtension, match="already"):
        adding(app).from_folder(str(manifest(tmp_path / "two", "mine")))


def test_requirements_that_contradict_ours_are_refused_before_anything_is_installed(app: App, tmp_path: Path) -> None:
    adding(app).from_folder(str(manifest(tmp_path / "one", "mine", requirements=("NumPy<1", "no-such-thing"))))
    with pytest.raises(BadExtension, match="Taffy runs on NumPy 2"):
        adding(app).requirements("mine")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels instead of a registry, and a .venv of its own whose packages this process sees."""
    bare_venv(tmp_path)
    for tool in ("UV_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(tool, "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "registry"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(site(tmp_path)))
    write_wheel(tmp_path / "registry", "taffy_test_plum", "1.5")
    write_wheel(tmp_path / "registry", "taffy_test_cherry", "1.0", needs="numpy<1")
    return tmp_path


def missing(app: App) -> list[str]:
    return list(app.host.found[0].missing)


def lines(app: App, root: Path, name: str) -> list[str]:
    """What the installer says."""
    return b"".join(Adding(app.extending, app.settings, root).requirements(name)).decode().splitlines()


PLUM = """
import taffy_test_plum
@hookimpl
def controls(tab): return [Control("on", taffy_test_plum.version, "checkbox", False)]
"""


def test_what_an_extension_needs_is_installed_when_asked_for_and_it_works_at_once(app: App, registry: Path) -> None:
    place = extension(registry / "one", "mine", PLUM)
    manifest(registry / "one", "mine", requirements=("taffy-test-plum>=1.2",))
    adding(app).from_folder(str(place))
    assert missing(app) == ["taffy-test-plum>=1.2"]
    assert not app.host.controls("txt2img")
    assert list(site(registry).glob("taffy_test_plum*")) == [], "nothing is installed before somebody asks"
    assert lines(app, registry, "mine")[-1] == "done"
    assert missing(app) == []
    assert [one.label for one in app.host.controls("txt2img")] == ["1.5"]


def test_a_package_that_would_change_ours_is_not_installed_and_that_is_said(app: App, registry: Path) -> None:
    adding(app).from_folder(str(manifest(registry / "one", "mine", requirements=("taffy-test-cherry",))))
    (*_, last) = lines(app, registry, "mine")
    assert "does not fit what Taffy runs on" in last
    assert list(site(registry).glob("taffy_test_cherry*")) == []
    assert missing(app) == ["taffy-test-cherry"]


def test_the_safe_mode_lists_and_loads_nothing(app: App, tmp_path: Path) -> None:
    extension(app.settings.extensions_dirs[0], "mine", "raise RuntimeError")
    app.host.safe_mode = True
    app.host.refresh()
    assert names(app) == ["mine"]
    assert app.host.faults == ()

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
    adding(app).from_folder(str(manifest(tmp_path / "one", "mine", requirements=("numpy<1", "no-such-thing"))))
    with pytest.raises(BadExtension, match="Taffy runs on numpy 2"):
        adding(app).requirements("mine")


def test_the_safe_mode_lists_and_loads_nothing(app: App, tmp_path: Path) -> None:
    extension(app.settings.extensions_dirs[0], "mine", "raise RuntimeError")
    app.host.safe_mode = True
    app.host.refresh()
    assert names(app) == ["mine"]
    assert app.host.faults == ()

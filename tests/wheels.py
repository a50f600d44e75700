"""Small wheels and an empty .venv with uv, for tests that install without a network."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

from modules.installing import venv_python

SITE = Path(sysconfig.get_path("purelib"))


def bare_venv(root: Path) -> None:
    """A .venv below `root` with uv and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    scripts = Path(sysconfig.get_path("scripts"))
    uv = next(file for file in scripts.iterdir() if file.stem == "uv")
    (venv_python(root).parent / uv.name).symlink_to(uv)
    (site(root) / "uv").symlink_to(SITE / "uv")


def write_wheel(folder: Path, name: str, version: str, needs: str = "") -> None:
    folder.mkdir(exist_ok=True)
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))


def site(root: Path) -> Path:
    return next(root.glob(".venv/[Ll]ib*/**/site-packages"))

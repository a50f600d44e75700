"""One tiny run of the bench `style`: every mode, every measure, the sheet and the curve."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from tests.bench.__main__ import main
from tests.bench.style_studio import KEPT, MODES


def test_bench_style_measures_every_mode_draws_sheet_and_curve_and_goes_on(tmp_path: Path) -> None:
    flags = ["--checkpoint", "tiny", "--contents", "2", "--treatments", "soft", "--steps", "2", "--keeps", "0,1"]
    assert main(["style", *flags, "--precision", "fp32", "--use-cpu", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "style.json").read_text())["rows"]
    textures = {row["label"]: row["values"] for row in rows if row["panel"] == "Texture distance to the style"}
    assert set(textures) == set(MODES)
    assert all(len(values) == 2 for values in textures.values())
    assert Image.open(tmp_path / "style-sheet.webp").size == ((len(MODES) + 2) * 48, 2 * 48)
    words = [each.text for each in ElementTree.parse(tmp_path / "style-pareto.svg").iter() if each.text]
    assert any(word.startswith("keep 0 ") for word in words)
    assert any(word.startswith("keep 1 ") for word in words)
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / KEPT).iterdir()}
    assert main(["style", *flags, "--precision", "fp32", "--use-cpu", "--out", str(tmp_path)]) == 0
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / KEPT).iterdir()} == kept  # nothing is made again

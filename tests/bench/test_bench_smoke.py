"""The benches' own tests: what a report says, how it looks, and one tiny run of each."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.__main__ import main, show
from tests.bench.plot import plot, ticks
from tests.bench.report import Report, Row, as_json, machine, table
from tests.bench.start import ROOT
from tests.checkpoints import tiny_checkpoint

PAGE = Row("From the start", "page & bar", (3.0, 5.0, 4.0), "s", 6.0)
SLOW = Row("From the start", "picture", (16.0,), "s", 15.0)
RATIO = Row("Ratio", "a step", (0.95, 1.05), "times")
REPORT = Report("demo", "A demo", (PAGE, SLOW, RATIO), {"machine": "abacus"}, complete=True)


def test_a_table_shows_the_range_and_whether_the_limit_is_kept() -> None:
    lines = [" ".join(line.split()) for line in table(REPORT).splitlines()]
    assert "page & bar 3 4 5 6 ok" in lines
    assert "picture 16 16 16 15 TOO MUCH" in lines
    assert "a step 0.95 1 1.05" in lines
    assert "machine: abacus" in lines


def test_json_has_every_run_and_the_verdict() -> None:
    page, slow, ratio = json.loads(json.dumps(as_json(REPORT)))["rows"]
    assert (page["values"], page["median"], page["kept"]) == ([3.0, 5.0, 4.0], 4.0, True)
    assert (slow["kept"], ratio["kept"]) == (False, None)


def test_a_plot_is_an_svg_with_every_label_and_a_dot_for_every_run() -> None:
    picture = ElementTree.fromstring(plot(REPORT))
    words = [element.text for element in picture.iter() if element.text]
    dots = [element for element in picture.iter() if element.tag.endswith("circle")]
    assert {"A demo", "From the start", "page & bar", "picture", "a step", "limit 6", "4 s"} <= set(words)
    assert len(dots) == 6


def test_a_longer_run_moves_its_dot_to_the_right() -> None:
    def place(seconds: float) -> float:
        row = Row("p", "l", (10.0, seconds), "s")
        dots = [one for one in ElementTree.fromstring(plot(Report("d", "D", (row,)))).iter() if "cx" in one.attrib]
        return float(dots[1].attrib["cx"])

    assert place(1.0) < place(2.0) < place(10.0)


@pytest.mark.parametrize("largest", [0.0, 0.003, 0.0791, 0.95, 1.0, 7.99, 8.01, 9.9, 10.0, 126.0, 4000.0])
def test_an_axis_has_a_handful_of_marks_and_reaches_the_largest_value(largest: float) -> None:
    marks = ticks(largest)
    assert marks[0] == 0
    assert marks[-1] >= largest * (1 - 1e-9)
    assert marks[-1] > 0
    assert 2 <= len(marks) <= 10


def test_a_row_without_runs_is_left_out() -> None:
    waiting = Report("demo", "A demo", (PAGE, Row("Later", "not yet", (), "s")))
    assert "not yet" not in table(waiting)
    assert "not yet" not in plot(waiting)


def test_a_bench_that_is_broken_off_leaves_what_it_has(tmp_path: Path) -> None:
    def reports() -> Iterator[Report]:
        yield Report("demo", "A demo", (PAGE,))
        raise KeyboardInterrupt

    assert show(reports(), tmp_path) == 130
    assert json.loads((tmp_path / "demo.json").read_text())["complete"] is False
    assert "(not complete)" in (tmp_path / "demo.svg").read_text()
    assert len(list(tmp_path.iterdir())) == 2


def test_the_machine_is_described() -> None:
    assert {"machine", "python", "commit", "load before"} == set(machine(ROOT))


def test_an_unknown_bench_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sprint"])
    assert "start" in capsys.readouterr().err


def test_a_bare_python_starts_the_benches_on_the_packages_in_venv() -> None:
    bare = [str(Path(sys.executable).resolve()), "-S"]  # without any package
    without = subprocess.run([*bare, "-c", "import PIL"], cwd=ROOT, capture_output=True, check=False)
    assert without.returncode != 0
    done = subprocess.run([*bare, "-m", "tests.bench", "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "NAME" in done.stdout) == (0, True), done.stderr


def test_bench_step_compares_our_loop_with_diffusers(tmp_path: Path) -> None:
    more = ["--fast", "2", "--others", "--kinds", "--steps", "4"]
    names = ["--checkpoints", "tiny,tiny-xl", "--made", str(tmp_path / "made")]
    assert main(["step", *names, *more, "--runs", "1", "--use-cpu", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "step.json").read_text())
    rows = {(row["panel"], row["label"]): row["median"] for row in found["rows"]}
    for name in ("tiny", "tiny-xl"):
        seconds = [rows[f"Seconds a step, {name}", who] for who in ("Taffy", "diffusers' pipeline")]
        assert rows["Ours : diffusers, pair by pair", f"{name}, a step"] == seconds[0] / seconds[1]
        assert rows["Outside network and VAE calls", f"{name}, share of a step"] > 0
        assert rows["Fast mode : exact", f"{name}, all steps"] > 0
        assert rows[f"Seconds a step, {name}", "diffusers' default (fp32)"] > 0
        assert 0 < rows["Share of the matrix peak", f"{name}, Taffy"] < 100
        shares = [rows[panel, kind] for panel, kind in rows if panel == f"Where a step goes, {name}, Taffy"]
        assert sum(shares) == pytest.approx(100)
        assert "GFLOP; matrix products here reach" in found["facts"][f"{name}, of a step"]
    assert (tmp_path / "made" / "tiny-xl").exists()


@pytest.mark.long
def test_bench_start_measures_the_page_and_the_picture(tiny_models: Path, tmp_path: Path) -> None:
    flags = ["--runs", "1", "--models-dir", str(tiny_models), "--checkpoint", "tiny", "--out", str(tmp_path)]
    assert main(["start", *flags]) == 0
    page, picture = json.loads((tmp_path / "start.json").read_text())["rows"]
    assert 0 < page["median"] < picture["median"]


@pytest.mark.long
def test_bench_extensions_measures_what_thirty_add_to_the_start(tmp_path: Path) -> None:
    assert main(["extensions", "--runs", "1", "--out", str(tmp_path)]) == 0
    rows = {row["label"]: row["median"] for row in json.loads((tmp_path / "extensions.json").read_text())["rows"]}
    assert rows["to the page"] == pytest.approx(rows["page, 30 extensions"] - rows["page, none"])
    assert rows["first picture, none"] > rows["page, none"] > 0


@pytest.mark.long
def test_bench_preview_measures_a_frame_and_what_a_browser_paints(tmp_path: Path) -> None:
    flags = ["--checkpoint", "tiny", "--runs", "1", "--use-cpu", "--out", str(tmp_path)]
    assert main(["preview", *flags]) == 0
    rows = {row["label"]: row for row in json.loads((tmp_path / "preview.json").read_text())["rows"]}
    assert 0 < rows["tiny, share of a step"]["median"] < 100
    assert 0 < rows["frames painted of those sent"]["median"] <= 100


@pytest.mark.long
def test_bench_upscale_measures_piece_by_piece_and_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["upscale", "--side", "64", "--runs", "1", "--untiled", "", "--blocks", "1", "--budget", "1"]
    flags += ["--use-cpu", "--precision", "fp32", "--out", str(tmp_path)]
    assert main([*flags, "--sides", ""]) == 0
    assert main([*flags, "--sides", "64"]) == 0
    pieces = re.findall(r"(\w+-1-64-1)(: kept)?", capsys.readouterr().out)
    assert pieces == [
        ("turns-1-64-1", ""),
        ("tiled-1-64-1", ""),
        ("turns-1-64-1", ": kept"),
        ("tiled-1-64-1", ": kept"),
    ]
    report = json.loads((tmp_path / "upscale.json").read_text())
    rows = {row["label"]: row for row in report["rows"]}
    assert rows["a picture"]["median"] == rows["Taffy, tiled"]["median"] / rows["spandrel, untiled"]["median"]
    assert rows["Taffy, 1 blocks, 64 -> 256"]["unit"] == "MB"  # so small a picture may need no more than the warm-up
    assert report["facts"]["64, 1 blocks, in tiles"].startswith("16 tiles")


def test_bench_swap_compares_our_swap_with_from_single_file(tmp_path: Path) -> None:
    assert main(["swap", "--checkpoints", "tiny", "--runs", "1", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "swap.json").read_text())["rows"]
    limits = {row["label"]: row["limit"] for row in rows if row["panel"] == "Ours : diffusers, pair by pair"}
    assert limits == {"fp32": 0.25, "bf16": 0.9, "bf16, prepared copies": 0.25}
    assert all(row["min"] > 0 for row in rows)


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process what it holds")
def test_bench_memory_compares_two_processes(tmp_path: Path) -> None:
    assert main(["memory", "--checkpoints", "tiny", "--runs", "1", "--precision", "fp32", "--out", str(tmp_path)]) == 0
    ours, theirs, ratio = json.loads((tmp_path / "memory.json").read_text())["rows"]
    assert ratio["median"] == ours["median"] / theirs["median"] > 0


def test_bench_inside_compares_a_step_watched_with_one_that_is_not(tmp_path: Path) -> None:
    flags = ["--checkpoints", "tiny", "--runs", "1", "--prompts", "0", "--use-cpu", "--precision", "fp32"]
    assert main(["inside", *flags, "--out", str(tmp_path)]) == 0
    (ratio,) = json.loads((tmp_path / "inside.json").read_text())["rows"]
    assert (ratio["label"], ratio["limit"]) == ("tiny", 1.1)
    assert ratio["median"] > 0


def test_bench_fast_says_how_near_fast_pictures_and_those_of_fewer_steps_come(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path / "models" / "Stable-diffusion" / "tiny.safetensors")
    more = ["--samplers", "Euler", "--steps", "8", "--prompts", "1", "--models", str(tmp_path / "models")]
    assert main(["fast", "--checkpoint", "tiny", "--use-cpu", "--out", str(tmp_path), *more]) == 0
    rows = json.loads((tmp_path / "fast.json").read_text())["rows"]
    near = {row["label"].split(",")[0]: row["median"] for row in rows if row["panel"] == "SSIM, Euler"}
    assert list(near) == [*(f"every {n}. step whole" for n in (2, 3, 4, 5)), "exact"]
    assert near["every 5. step whole"] < near["every 2. step whole"] < 1

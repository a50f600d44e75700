"""What a bench found: as a table for the terminal and as JSON for the record."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Row:
    """One thing, measured several times. Rows of a panel share the unit and the axis.

    limit: what must not be exceeded; None where nothing was promised.
    """

    panel: str
    label: str
    values: tuple[float, ...]
    unit: str
    limit: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def kept(self) -> bool | None:
        """Whether the median keeps the limit."""
        return None if self.limit is None else self.median <= self.limit


@dataclass(frozen=True)
class Report:
    """facts: what the numbers depend on. complete: False while runs are missing."""

    name: str
    title: str
    rows: tuple[Row, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False

    def panels(self) -> list[tuple[str, list[Row]]]:
        """Rows that have values, by panel, in their order."""
        measured = [row for row in self.rows if row.values]
        return [(panel, list(rows)) for panel, rows in groupby(measured, key=lambda row: row.panel)]


def table(report: Report) -> str:
    """Minimum, median, maximum and limit of every row, as text."""
    lines = [report.title + ("" if report.complete else " (not complete)")]
    for panel, rows in report.panels():
        width = max(len(panel), *(len(row.label) for row in rows))
        lines += ["", f"{panel:{width}}  {'min':>8} {'median':>8} {'max':>8} {'limit':>8}"]
        for row in rows:
            limit = "" if row.limit is None else f"{short(row.limit):>8} {'ok' if row.kept else 'TOO MUCH'}"
            numbers = " ".join(f"{short(value):>8}" for value in (min(row.values), row.median, max(row.values)))
            lines.append(f"{row.label:{width}}  {numbers} {limit}".rstrip())
    return "\n".join([*lines, "", *(f"{name}: {fact}" for name, fact in report.facts.items())])


def as_json(report: Report) -> dict[str, Any]:
    rows = [
        {
            "panel": row.panel,
            "label": row.label,
            "unit": row.unit,
            "values": row.values,
            "min": min(row.values),
            "median": row.median,
            "max": max(row.values),
            "limit": row.limit,
            "kept": row.kept,
        }
        for _, rows in report.panels()
        for row in rows
    ]
    return {"bench": report.name, "complete": report.complete, "facts": dict(report.facts), "rows": rows}


def short(value: float) -> str:
    """Three digits, as a person writes them: 0.0412, 3.98, 126."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def machine(root: Path) -> dict[str, str]:
    """What the numbers depend on, and how busy the machine was before the bench."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    commit = _git(root, "rev-parse", "--short", "HEAD") + (
        " and changes" if _git(root, "status", "--porcelain") else ""
    )
    return {
        "machine": f"{cpu or platform.processor() or platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "commit": commit,
        "load before": f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown",
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines() if Path(path).exists() else []


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()

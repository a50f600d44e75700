"""A report as a picture: a row's runs are dots, their range is a bar, their median a line; limits are marked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape

from tests.bench.report import Report, Row, short

WIDTH, LABELS, RIGHT = 900, 250, 110  # pixels: the picture, its left and its right margin
ROW, HEAD, AXIS, TITLE, FOOT = 38, 40, 44, 58, 20
INK, FAINT, GRID, BAR, DOT, LIMIT = "#1f2a37", "#64748b", "#e5e9f0", "#bcd7f5", "#2563a8", "#c2410c"


def plot(report: Report) -> str:
    """One panel under the other, each with its own axis from 0. An SVG document."""
    parts: list[str] = []
    top = TITLE
    for panel, rows in report.panels():
        parts += _panel(panel, rows, top)
        top += HEAD + ROW * len(rows) + AXIS
    for name, fact in report.facts.items():
        parts.append(_text(24, top + 14, f"{name}: {fact}", 12, FAINT))
        top += FOOT
    height = top + 16
    title = report.title + ("" if report.complete else " (not complete)")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            f'font-family="Inter, Segoe UI, Helvetica, Arial, sans-serif" role="img" aria-label="{_quoted(title)}">',
            f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#fbfcfe"/>',
            _text(24, 38, title, 20, INK, weight=600),
            *parts,
            "</svg>\n",
        ]
    )


def ticks(largest: float) -> list[float]:
    """0 and four to ten round numbers, the last one at or above `largest`."""
    largest = largest or 1.0
    step = 10.0 ** math.floor(math.log10(largest))
    step *= next(part for part in (0.1, 0.2, 0.5, 1, 2) if largest / (step * part) <= 8)
    return [step * i for i in range(math.ceil(largest / step - 1e-9) + 1)]


def _panel(title: str, rows: list[Row], top: int) -> Iterator[str]:
    marks = ticks(max(max(*row.values, row.limit or 0) for row in rows))
    scale = (WIDTH - LABELS - RIGHT) / marks[-1]
    first, bottom = top + HEAD, top + HEAD + ROW * len(rows)
    yield _text(24, top + 24, title, 14, INK, weight=600)
    for mark in marks:
        x = LABELS + mark * scale
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{first}" y2="{bottom}" stroke="{GRID}"/>'
        yield _text(x, bottom + 17, short(mark), 12, FAINT, "middle")
    yield _text(LABELS + marks[-1] * scale + 14, bottom + 17, rows[0].unit, 12, FAINT)
    for index, row in enumerate(rows):
        yield from _row(row, first + ROW * index + ROW / 2, scale)


def _row(row: Row, y: float, scale: float) -> Iterator[str]:
    low, middle, high = (LABELS + value * scale for value in (min(row.values), row.median, max(row.values)))
    yield _text(LABELS - 14, y + 4.5, row.label, 13, INK, "end")
    yield f'<rect x="{low - 6:.1f}" y="{y - 9}" width="{high - low + 12:.1f}" height="18" rx="9" fill="{BAR}"/>'
    for value in row.values:
        yield f'<circle cx="{LABELS + value * scale:.1f}" cy="{y}" r="3.2" fill="{DOT}" fill-opacity="0.55"/>'
    yield f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 9}" y2="{y + 9}" stroke="{DOT}" stroke-width="2.5"/>'
    number = _text(WIDTH - RIGHT + 14, y + 4.5, f"{short(row.median)} {row.unit}", 13, INK, weight=600)
    if row.limit is None:
        yield number
        return
    x, colour = LABELS + row.limit * scale, FAINT if row.kept else LIMIT
    yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 15}" y2="{y + 15}" stroke="{colour}" stroke-dasharray="4 3"/>'
    yield _text(x + 5, y - 10, f"limit {short(row.limit)}", 11, colour)
    yield number if row.kept else number.replace(INK, LIMIT)


def _text(x: float, y: float, words: str, size: int, colour: str, anchor: str = "start", weight: int = 400) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def _quoted(words: str) -> str:
    return escape(words, {'"': "&quot;"})

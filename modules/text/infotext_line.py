"""The last line of A1111's text: pairs of "key: value" with commas between, quoted where they need it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

FIRST = ("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "VAE hash", "VAE")
LAST = ("Version", "User")

_KEY = re.compile(r"\s*(\w[\w \-/.()]*):[^\S\n]*")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])*"')
_MARKS = re.compile(r'(?<!\w)"(?:\\.|[^\\"])*"|\\.|[{}\[\]]')  # a string, an escape outside one, a bracket
_END = re.compile(r"\s*(?:,|$)")
_BARE = re.compile(r'[^\s,:"\[{](?:[^\n,:"]*[^\s,:"])?')  # values that need no quotes


def join_values(values: Mapping[str, str]) -> str:
    """The values as they stand in the last line, in A1111's order."""
    order = [*FIRST, *(key for key in values if key not in FIRST + LAST), *LAST]
    return ", ".join(f"{key}: {_quoted(values[key])}" for key in order if key in values)


def split_values(line: str) -> Iterator[tuple[str, str]]:
    """The "key: value" pairs of a line. What is between commas and has no key is passed over."""
    blocks = _blocks(line)
    at = 0
    while at < len(line):
        if key := _KEY.match(line, at):
            value, at = _value(line, key.end(), blocks)
            yield key[1].rstrip(), value
        else:
            at = _comma(line, at) + 1


def _value(line: str, start: int, blocks: Mapping[int, int]) -> tuple[str, int]:
    """The value at `start` and where the next pair begins: quoted, a block of brackets, or up to the comma."""
    if quoted := _QUOTED.match(line, start):
        value, end = _unquoted(quoted[0]), quoted.end()
    else:
        end = blocks.get(start, start)
        value = line[start:end]
    if end > start and (stop := _END.match(line, end)):
        return value, stop.end()
    comma = _comma(line, start)
    return line[start:comma].strip(), comma + 1


def _comma(line: str, start: int) -> int:
    """Where the next comma stands, or the line ends."""
    comma = line.find(",", start)
    return comma if comma >= 0 else len(line)


def _blocks(line: str) -> dict[int, int]:
    """Where each { and [ outside quotes stands, and where it is closed again."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for mark in _MARKS.finditer(line):
        if mark[0] in ("{", "["):
            opened.append(mark.start())
        elif mark[0] in ("}", "]") and opened:
            ends[opened.pop()] = mark.end()
    return ends


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text


def _quoted(value: str) -> str:
    """A value as it stands in the line: A1111's rule (quotes where , : or a line break is inside), and a bit more."""
    return value if _BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False)

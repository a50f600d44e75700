"""A1111's prompt grammar: (attention:1.2), BREAK, AND, [from:to:when], [a|b], # comments. Any text can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

BREAK = "BREAK"
DEEPEST = 64  # brackets inside brackets; a text nested deeper has no schedules

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_COMMENT = re.compile(r"#[^\n]*")
_AND = re.compile(r"\bAND\b")
_AND_WEIGHT = re.compile(rf":\s*({_NUMBER})\s*\Z")
_ATTENTION = re.compile(rf"\\[()\[\]\\]?|[()\[\]]|:\s*({_NUMBER})\s*\)|[^\\()\[\]:]+|:")
_BREAK = re.compile(r"\bBREAK\b\s*")
_SCHEDULE = re.compile(r"\\.?|[()\[\]:|]|[^\\()\[\]:|]+", re.DOTALL)
_WHEN = re.compile(rf"\s*({_NUMBER})\s*")


@dataclass(frozen=True)
class WeightedPrompt:
    """One part of a prompt joined with AND: its weight, and (end_at_step, text) in rising order of steps."""

    weight: float
    schedule: tuple[tuple[int, str], ...]

    def at(self, step: int) -> str:
        """The text of a step (0-based). As in A1111 an entry still holds at step == end_at_step."""
        return next((text for end, text in self.schedule if step <= end), self.schedule[-1][1])


def prompt_plan(prompt: str, steps: int, done: int = 0) -> tuple[WeightedPrompt, ...]:
    """The parts of a prompt: the picture is guided by the sum of weight * (part - negative prompt) (Liu 2022).

    "a cat AND a dog :0.5" has two parts with weights 1 and 0.5. Unlike A1111, which reads a weight of 9 from
    "a screen of 16:9", a prompt without AND has no weight. steps, done: as in `scheduled`. Negative prompts are never
    split: use `scheduled` for them.
    """
    parts = _AND.split(_COMMENT.sub("", prompt))
    if len(parts) == 1:
        return (scheduled(parts[0], steps, done=done),)
    plan = []
    for part in parts:
        weight = _AND_WEIGHT.search(part)
        text = part[: weight.start()].rstrip() if weight else part
        plan.append(scheduled(text, steps, float(weight[1]) if weight else 1.0, done))
    return tuple(plan)


def scheduled(text: str, steps: int, weight: float = 1.0, done: int = 0) -> WeightedPrompt:
    """Comments taken out, and what is left of [from:to:when], [to:when], [from::when] and [a|b] at each step.

    when: a step, or with a "." a fraction of all steps. [a|b] changes at every step. What is not of this form, or
    not balanced, is ordinary text; A1111 then often takes the whole prompt for text, here every complete [..] counts.
    steps: of this pass, at least 1. done: steps of the pass before (a hires pass has one): whole numbers then count on
    from there, and fractions run from 1.0 to 2.0.
    """
    nodes = _parse(_COMMENT.sub("", text), steps, done)
    return WeightedPrompt(weight, tuple((end, _text(nodes, end)) for end in sorted({*_ends(nodes, steps), steps})))


def parse_attention(text: str) -> tuple[tuple[str, float], ...]:
    """Pieces of a text and their weights: (a) is 1.1, [a] is 1/1.1, (a:w) is w, nesting multiplies; \\( is a bracket.

    A bracket that is never closed holds to the end. A weight that is no number is text: (a:1.2.3) is "a:1.2.3" at
    1.1. A BREAK, also inside brackets, is the piece ("BREAK", -1.0).
    """
    pieces: list[str | None] = []  # None is a BREAK
    weights: list[float] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}  # pieces before each bracket that is still open

    def scale(start: int, factor: float) -> None:
        weights[start:] = [weight * factor for weight in weights[start:]]

    for match in _ATTENTION.finditer(text):
        token, number = match[0], match[1]
        if token in opened:
            opened[token].append(len(pieces))
        elif opened["("] and (number or token == ")"):
            scale(opened["("].pop(), float(number or 1.1))
        elif opened["["] and token == "]":
            scale(opened["["].pop(), 1 / 1.1)
        else:
            found = _words(token)
            pieces += found
            weights += [1.0] * len(found)
    for start in opened["("]:
        scale(start, 1.1)
    for start in opened["["]:
        scale(start, 1 / 1.1)
    return _merged(pieces, weights)


def _words(token: str) -> list[str | None]:
    """A token as pieces: an escape without its backslash, or text split at every BREAK (None)."""
    if token.startswith("\\"):
        return [token[1:]]
    *ended, last = _BREAK.split(token)
    return [*(piece for part in ended for piece in (part.rstrip(), None)), last]


def _merged(pieces: list[str | None], weights: list[float]) -> tuple[tuple[str, float], ...]:
    """Neighbours of equal weight become one piece. An empty text is one empty piece."""
    merged: list[tuple[str, float]] = []
    after_break = True
    for piece, weight in zip(pieces, weights, strict=True):
        if piece is None:
            merged.append((BREAK, -1.0))
        elif not after_break and merged[-1][1] == weight:
            merged[-1] = (merged[-1][0] + piece, weight)
        else:
            merged.append((piece, weight))
        after_break = piece is None
    return tuple(merged) or (("", 1.0),)


@dataclass(frozen=True)
class _Switch:
    """[before:after:when]: `before` up to and including step `when` (1-based), then `after`."""

    before: list[_Node]
    after: list[_Node]
    when: int


@dataclass(frozen=True)
class _Cycle:
    """[a|b|c]: one choice after the other, a new one at every step."""

    choices: list[list[_Node]]


_Node = str | _Switch | _Cycle


@dataclass
class _Group:
    """A bracket and what has followed it so far. marks: where its own ":" and "|" stand in nodes."""

    bracket: str
    nodes: list[_Node] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)


def _parse(text: str, steps: int, done: int) -> list[_Node]:
    root = _Group("")
    opened = [root]
    for token in _SCHEDULE.findall(text):
        top = opened[-1]
        if token in ("(", "["):
            opened.append(_Group(token))
            if len(opened) > DEEPEST:
                return [text]
        elif token == {"(": ")", "[": "]"}.get(top.bracket):
            opened.pop()
            opened[-1].nodes += _closed(top, token, steps, done)
        elif token in (")", "]"):  # it closes nothing, so no bracket around it can be a schedule
            opened = [_as_text(opened)]
            root.nodes.append(token)
        else:
            top.marks += [len(top.nodes)] if token in (":", "|") else []
            top.nodes.append(token)
    return _as_text(opened).nodes


def _as_text(opened: list[_Group]) -> _Group:
    """Brackets that were never closed are ordinary text of the outermost group."""
    root, *others = opened
    for group in others:
        root.nodes += [group.bracket, *group.nodes]
    return root


def _closed(group: _Group, closer: str, steps: int, done: int) -> list[_Node]:
    """What a balanced pair of brackets means."""
    nodes, marks = group.nodes, group.marks
    if group.bracket == "[" and marks:
        last = marks[-1]
        colons = [mark for mark in marks if nodes[mark] == ":"]
        when = _when(nodes[last + 1 :], steps, done) if last in colons else None
        if when is not None and len(colons) == 1:
            return [_Switch([], nodes[:last], when)]
        if when is not None and len(colons) == 2:
            return [_Switch(nodes[: colons[0]], nodes[colons[0] + 1 : last], when)]
        if not colons:
            return [_Cycle([nodes[start + 1 : end] for start, end in pairwise([-1, *marks, len(nodes)])])]
    return [group.bracket, *nodes, closer]


def _when(nodes: list[_Node], steps: int, done: int) -> int | None:
    """The step (0..steps) that "7" or "0.35" means; None for other texts."""
    number = _WHEN.fullmatch(nodes[0]) if len(nodes) == 1 and isinstance(nodes[0], str) else None
    if number is None:
        return None
    value = float(number[1])
    value = (value - bool(done)) * steps if "." in number[1] else value - done
    return int(max(0, min(steps, value)))


def _ends(nodes: list[_Node], steps: int) -> set[int]:
    """The last steps (1-based) of every stretch of equal text."""
    ends: set[int] = set()
    for node in nodes:
        match node:
            case _Switch(before, after, when):
                ends |= ({when} - {0}) | _ends(before, steps) | _ends(after, steps)
            case _Cycle():
                ends |= set(range(1, steps + 1))
    return ends


def _text(nodes: list[_Node], step: int) -> str:
    """The text at a step (1-based)."""
    pieces = []
    for node in nodes:
        match node:
            case _Switch(before, after, when):
                pieces.append(_text(before if step <= when else after, step))
            case _Cycle(choices):
                pieces.append(_text(choices[(step - 1) % len(choices)], step))
            case _:
                pieces.append(node)
    return "".join(pieces)

"""The grammar: __name__, {a|b}, {2::a|b} (a twice as often), {2$$a|b|c} (two of them), nested in any way."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from modules.hooks import BadRequest

Lines = Callable[[str], list[str]]
"""lines(name): the lines of a list; raises LookupError with the folder where it should be."""

DEPTH = 20  # a list may name another; a circle ends here
MOST = 20_000  # characters, as of any prompt
_INNERMOST = re.compile(r"(?<!\\)\{((?:\\[{}]|[^{}])*?)(?<!\\)\}")
_NAME = re.compile(r"__([A-Za-z0-9][A-Za-z0-9/-]*(?:_[A-Za-z0-9/-]+)*)__")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)::")
_SEVERAL = re.compile(r"\s*(\d{1,3})\$\$")


def expanded(prompt: str, seed: int, lines: Lines) -> str:
    r"""The prompt with every random part decided. Raises BadRequest for a list that is not there, or a circle of them.

    \{ and \} stand for themselves. Braces without | stay as they are.
    """
    chance = Random(seed)
    for _ in range(DEPTH):
        if not _INNERMOST.search(prompt) and not _NAME.search(prompt):
            return prompt.replace(r"\{", "{").replace(r"\}", "}")
        prompt = _named(_braces(prompt, chance), chance, lines)
        if len(prompt) > MOST:
            raise BadRequest(f"the wildcards make this prompt longer than {MOST:,} characters")
    raise BadRequest(f"the wildcards of this prompt name each other more than {DEPTH} times", "is there a circle?")


def _braces(prompt: str, chance: Random) -> str:
    """Choices, innermost first; what is no choice is marked as text."""
    while found := _INNERMOST.search(prompt):
        text = _choice(found[1], chance) if "|" in found[1] else rf"\{{{found[1]}\}}"
        prompt = prompt[: found.start()] + text + prompt[found.end() :]
    return prompt


def _choice(inside: str, chance: Random) -> str:
    several = _SEVERAL.match(inside)
    options = inside[several.end() if several else 0 :].split("|")
    shares = [float(found[1]) if (found := _SHARE.match(option)) else 1.0 for option in options]
    words = [_SHARE.sub("", option, count=1) for option in options]
    if sum(shares) <= 0:
        raise BadRequest(f"none of {{{inside:.80}}} can be chosen: all shares are 0")
    taken: list[str] = []
    for _ in range(int(several[1]) if several else 1):
        if sum(shares) > 0:
            (index,) = chance.choices(range(len(words)), shares)
            taken.append(words.pop(index))
            shares.pop(index)
    return ", ".join(word.strip() for word in taken) if several else taken[0]


def _named(prompt: str, chance: Random, lines: Lines) -> str:
    def one(found: re.Match[str]) -> str:
        try:
            known = lines(found[1])
        except LookupError as error:
            advice = f"put {found[1]}.txt, a line for each choice, into {error.args[0]}"
            raise BadRequest(f"there is no list of wildcards called {found[1]!r}", advice) from error
        return chance.choice(known) if known else ""

    return _NAME.sub(one, prompt)

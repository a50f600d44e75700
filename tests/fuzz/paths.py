"""Paths nobody should follow: generated, the same for the same seed, in every spelling that fooled somebody once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from urllib.parse import quote

UP = ("..", "..", "..", "%2e%2e", "..%2f..", "..\\..", "%5c..", "%252e%252e", "%c0%ae%c0%ae", "....//", "..;", ". .")
NAMES = (
    "", ".", "~", "secret.txt", "SECRET.TXT", "secret.txt::$DATA", "secret.txt.", "secret.txt%00.png", "link.png",
    "data", "access", "token", "outputs", "inputs", ".key", "jobs.sqlite3", "settings.toml", "models", "tiny",
    "etc", "passwd", "proc", "self", "environ", "cwd", "root", "fd", "0", "con", "aux.png", "C:", "c$", "file:",
    "http:", "evil.example.com", "\0", "\u202e", "é", "e\u0301", "\ud800", "\N{FULLWIDTH FULL STOP}" * 2, "'", '"',
    "<script>alert(1)</script>", ";id", "$(id)", "`id`", "{{7*7}}", "%s%n", "*", "?", "#", "|", "\r\n", " ", "x" * 300,
    "x" * 5000, "-rf", "webui.py", "modules", "extensions", "inside", "inside.js", "txt2img-images", "local",
)  # fmt: skip
BETWEEN = ("/", "/", "/", "//", "\\", "%2f", "%5c", "/./")
BEFORE = ("", "", "", "/", "//", "\\\\", "file://", "./", "//evil.example.com/", "http://127.0.0.1:1/")


def hostile_paths(seed: int, count: int, targets: Sequence[str]) -> Iterator[str]:
    """So many. targets: files that must not be reached, as absolute paths; a third of all paths aim at one of them."""
    chance = Random(seed)
    for _ in range(count):
        if chance.random() < 1 / 3:
            yield aimed(chance, chance.choice(targets))
        else:
            parts = [chance.choice(chance.choice((UP, NAMES))) for _ in range(chance.randint(1, 9))]
            yield chance.choice(BEFORE) + "".join(part + chance.choice(BETWEEN) for part in parts)


def aimed(chance: Random, target: str) -> str:
    """A way to one file: absolute, or up and down again."""
    between, up = chance.choice(BETWEEN), chance.choice(UP)
    up_again = "".join(up + between for _ in range(chance.randint(0, 12)))
    way = up_again + target.lstrip("/").replace("/", between) if up_again else target
    return chance.choice((way, way.upper(), way + "\0", way + "/", way + ".png", f"file://{target}", f"/{way}"))


def in_url(path: str, chance: Random) -> str:
    """One of the spellings of a path inside a URL; any of them can be sent."""
    return chance.choice(SPELLINGS)(path)


def escaped(path: str, safe: str = "/") -> str:
    return quote(path.encode(errors="surrogatepass"), safe=safe)


def raw(path: str) -> str:
    """As it is, but for what HTTP itself cannot carry."""
    return re.sub(r"[^\x21-\x7e]", lambda found: escaped(found[0]), path)


SPELLINGS: tuple[Callable[[str], str], ...] = (
    raw,
    escaped,
    lambda path: escaped(path, safe=""),
    lambda path: escaped(escaped(path, safe="")),
    lambda path: escaped(path).replace(".", "%2e"),
)

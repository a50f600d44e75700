"""The page's scripts and styles as one file of each kind: a browser asks for two, and not for sixty.

Every script is still a module with a URL of its own. In `all.js` it is a function that runs when somebody first wants
what it exports; its URL gives just that, so that extensions, tabs and workers get what the page has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ALL_SCRIPTS, ALL_STYLES = "all.js", "all.css"
IMPORT = re.compile(r'^import (?:(\{[^}]*\}) from )?"\./([\w-]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|const|class) (\w+))", re.MULTILINE)
BEGIN = """const made = {}, makers = {};

export const use = (name) => (made[name] ??= makers[name]());
"""


def joined(files: Mapping[str, str]) -> dict[str, str]:
    """Texts by name -> what is served by name: the two files, and every script as the way to its part of them."""
    scripts = {name: text for name, text in files.items() if name.endswith(".js")}
    styles = [text for name, text in sorted(files.items()) if name.endswith(".css")]
    ways = {name: f'import {{ use }} from "./{ALL_SCRIPTS}";\n\n{way(name, text)}' for name, text in scripts.items()}
    parts = "\n".join(part(name, text) for name, text in scripts.items())
    return {**ways, ALL_SCRIPTS: f"{BEGIN}\n{parts}", ALL_STYLES: "\n".join(styles)}


def way(name: str, text: str) -> str:
    return f'export const {{ {", ".join(EXPORT.findall(text))} }} = use("{name}");\n'


def part(name: str, text: str) -> str:
    """A module as a function of its own scope. Its imports stand before all else, so they run in their order."""
    names = ", ".join(EXPORT.findall(text))
    body = EXPORT.sub("", IMPORT.sub(wanted, text))
    return f'makers["{name}"] = () => {{\n{body}\nreturn {{ {names} }};\n}};\n'


def wanted(found: re.Match[str]) -> str:
    """An import as a statement: `as` is how they rename there."""
    names, name = found.groups()
    return f'const {names.replace(" as ", ": ")} = use("{name}");' if names else f'use("{name}");'

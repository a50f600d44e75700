"""Our scripts in one file: what the URL of each gives, and what scripts must keep to."""

from __future__ import annotations

import re

import pytest

from modules.api.assets import OURS
from modules.api.scripts import ALL_SCRIPTS, ALL_STYLES, EXPORT, IMPORT, joined

FILES = {
    "one.js": 'import { add as plus } from "./two.js";\nimport "./three.js";\n\nexport const sum = plus(1, 2);\n',
    "two.js": "export function add(a, b) {\n  return a + b;\n}\nexport class Kept {}\n",
    "three.js": "run();\n",
    "b.css": "b {}\n",
    "a.css": "a {}\n",
}
NOW = {file.name: file.read_text("utf-8") for file in OURS.glob("*.js")}


def test_styles_stand_one_after_another_by_their_names() -> None:
    assert joined(FILES)[ALL_STYLES] == "a {}\n\nb {}\n"


def test_the_url_of_a_script_gives_its_part_of_all() -> None:
    assert joined(FILES)["two.js"] == 'import { use } from "./all.js";\n\nexport const { add, Kept } = use("two.js");\n'


def test_a_script_begins_with_what_it_imports_and_ends_with_what_it_exports() -> None:
    (part,) = re.findall(r'makers\["one\.js"\] = \(\) => \{\n(.*?)\n\};', joined(FILES)[ALL_SCRIPTS], re.DOTALL)
    assert part.split("\n") == [
        'const { add: plus } = use("two.js");',
        'use("three.js");',
        "",
        "const sum = plus(1, 2);",
        "",
        "return { sum };",
    ]


@pytest.mark.parametrize("name", NOW)
def test_a_script_of_ours_keeps_to_what_can_be_joined(name: str) -> None:
    """Every export is a constant, a function or a class; every import is in front, and none comes round in a circle."""
    text = NOW[name]
    assert len(EXPORT.findall(text)) == len(re.findall(r"^export\b", text, re.MULTILINE))
    assert len(IMPORT.findall(text)) == len(re.findall(r"^import\b", text, re.MULTILINE))
    front = text[: max((found.end() for found in IMPORT.finditer(text)), default=0)]
    assert re.sub(r"^//.*$", "", IMPORT.sub("", front), flags=re.MULTILINE).strip() == ""
    follow(name, ())


def follow(name: str, way: tuple[str, ...]) -> None:
    assert name not in way, (*way, name)
    for _, other in IMPORT.findall(NOW[name]):
        follow(other, (*way, name))

"""`python -m modules.hooks.reference`: writes docs/hooks.md, every hook with its words and a sample, from the specs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from modules.core.paths import write_atomically
from modules.core.settings import ROOT
from modules.hooks import specs

SAMPLES = Path(__file__).parent / "samples"
PAGE = ROOT / "docs" / "hooks.md"
HALVES = {
    "The front half: `extension.py`": specs.FRONT,
    "The worker half: `engine.py`": specs.ENGINE,
    "Both halves": specs.BOTH,
}


def reference() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Hooks"
    yield f"Every hook of the extension API {specs.API_VERSION}, written by `python -m modules.hooks.reference` from"
    yield "`modules/hooks/specs.py`. An implementation may leave out arguments it does not need. All values come from"
    yield "`modules.hooks`; what they hold is in `front_values.py` and `engine_values.py` there."
    for title, names in HALVES.items():
        yield f"\n## {title}"
        for name in names:
            yield from _hook(name)
    yield ""


def _hook(name: str) -> Iterator[str]:
    function = getattr(specs, name)
    yield f"\n### {name}"
    yield f"```python\n{name}{str(inspect.signature(function)).replace(chr(39), '').replace('engine.', '')}\n```"
    yield inspect.cleandoc(function.__doc__ or "")
    yield f"\n```python\n{(SAMPLES / f'{name}.py').read_text(encoding='utf-8').rstrip()}\n```"


if __name__ == "__main__":
    write_atomically(PAGE, reference().encode())
    print(f"{PAGE.relative_to(ROOT)} is written")

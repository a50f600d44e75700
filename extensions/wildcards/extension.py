"""Random parts of prompts, chosen by the seed: the same seed says the same words."""

from __future__ import annotations

from modules.hooks import Desk, hookimpl

from .words import Lines, expanded


@hookimpl
def change_prompt(prompt: str, seed: int, desk: Desk) -> str | None:
    if "__" not in prompt and "{" not in prompt:
        return None
    return expanded(prompt, seed, lines_of(desk))


def lines_of(desk: Desk) -> Lines:
    """Lists of words are <name>.txt in the extension's folder, and in folders there: __animals/cats__."""
    folder = desk.folder.resolve()

    def lines(name: str) -> list[str]:
        path = (folder / f"{name}.txt").resolve()
        if not path.is_relative_to(folder) or not path.is_file():
            raise LookupError(folder)
        text = path.read_text(encoding="utf-8", errors="replace")
        return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    return lines

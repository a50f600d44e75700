"""Every file below a folder: links to folders are followed, hidden things are not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modules.manager.places import is_folder, visible

NONE: frozenset[Path] = frozenset()


def files_below(folder: Path, above: frozenset[Path] = NONE) -> Iterator[Path]:
    """Depth first, by name. A link to a folder above is not followed; a folder that cannot be read is empty."""
    inside = above | {folder.resolve()}
    for item in visible(folder):
        if not is_folder(item):
            yield item
        elif item.resolve() not in inside:
            yield from files_below(item, inside)

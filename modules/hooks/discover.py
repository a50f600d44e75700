"""Which extensions are there: folders, and installed packages that say so. Runs none of their code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from modules.core.errors import BadExtension
from modules.hooks.manifest import Manifest, check_api, missing, read_manifest

GROUP = "taffy.extensions"  # entry points: name = "package.of.the.extension"


@dataclass(frozen=True)
class Found:
    """An extension on the disk. problem: why it cannot be used, a sentence; advice: what to try.

    missing: requirements that are not there. package: whether it came as an installed package.
    """

    name: str
    folder: Path
    manifest: Manifest | None = None
    problem: str = ""
    advice: str = ""
    missing: tuple[str, ...] = ()
    package: bool = False


def discover(folders: Sequence[Path]) -> tuple[Found, ...]:
    """All extensions in the order of their names; of two with one name the first found can be used."""
    inside = [folder for place in folders for folder in sorted(place.glob("[!._]*/"))]
    found = [_judged(folder.name, folder) for folder in inside if folder.is_dir()]
    found += [_of_package(point) for point in entry_points(group=GROUP)]
    seen: dict[str, Found] = {}
    doubles = []
    for one in found:
        if one.name in seen:
            doubles.append(
                Found(one.name, one.folder, one.manifest, f"there is another {one.name} in {seen[one.name].folder}")
            )
        else:
            seen[one.name] = one
    return tuple(sorted([*seen.values(), *doubles], key=lambda one: one.name))


def _of_package(point: EntryPoint) -> Found:
    try:
        spec = find_spec(point.value)
    except (ImportError, ValueError) as error:
        return Found(point.name, Path(), problem=f"its package {point.value} cannot be found: {error}", package=True)
    if spec is None or not spec.submodule_search_locations:
        return Found(point.name, Path(), problem=f"its package {point.value} is not there", package=True)
    return _judged(point.name, Path(next(iter(spec.submodule_search_locations))), package=True)


def _judged(name: str, folder: Path, package: bool = False) -> Found:
    manifest = None
    try:
        manifest = read_manifest(folder)
        check_api(manifest)
    except BadExtension as error:
        return Found(name, folder, manifest, error.message, error.advice, package=package)
    if wanting := missing(manifest):
        return Found(name, folder, manifest, f"it needs {', '.join(wanting)}", missing=wanting, package=package)
    return Found(name, folder, manifest, package=package)

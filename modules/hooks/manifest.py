"""extension.toml: what an extension says of itself before any of its code is run, and whether it can be used here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from modules.core.errors import BadExtension
from modules.hooks.specs import API_VERSION

FILE = "extension.toml"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
MAX_BYTES = 64_000
_TEXTS = ("name", "version", "api", "description")


@dataclass(frozen=True)
class Manifest:
    """name: as its folder. api: the range of Taffy's extension API it supports (">=1.0,<2"). requirements: packages."""

    name: str
    version: str
    api: str
    description: str
    requirements: tuple[str, ...] = ()


def read_manifest(folder: Path, called_anything: bool = False) -> Manifest:
    """The manifest in an extension's folder. called_anything: the folder need not have the extension's name yet.

    Raises BadExtension.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadExtension(f"{FILE} is larger than {MAX_BYTES:,} bytes")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        advice = f"put one into {folder.name}/, with name, version, api and description"
        raise BadExtension(f"there is no {FILE}", advice) from error
    except (OSError, ValueError) as error:
        raise BadExtension(f"{FILE} cannot be read: {error}") from error
    return checked(values, None if called_anything else folder.name)


def checked(values: Mapping[str, Any], folder: str | None) -> Manifest:
    """The values of a manifest, each of the right kind. folder: its name, if it must be the extension's.

    Raises BadExtension.
    """
    for key in _TEXTS:
        if not isinstance(values.get(key), str) or not values[key].strip():
            raise BadExtension(f'{FILE} needs a line {key} = "...", got {values.get(key)!r:.40}')
    requirements = values.get("requirements", [])
    if not isinstance(requirements, list) or not all(isinstance(one, str) for one in requirements):
        raise BadExtension(f'requirements in {FILE} must be a list of texts: requirements = ["scipy>=1.10"]')
    if unknown := values.keys() - {*_TEXTS, "requirements"}:
        raise BadExtension(
            f"{FILE} has the unknown key {min(unknown)!r:.40}", f"known: {', '.join(_TEXTS)}, requirements"
        )
    if not NAME.fullmatch(values["name"]):
        advice = "small letters, digits, - and _, beginning with a letter, at most 40"
        raise BadExtension(f"an extension cannot be called {values['name']!r:.60}", advice)
    if folder not in {None, values["name"]}:
        raise BadExtension(
            f"the name in {FILE} must be that of the folder, {folder!r:.60}, got {values['name']!r:.60}",
            "rename one of them",
        )
    manifest = Manifest(**{key: values[key].strip() for key in _TEXTS}, requirements=tuple(requirements))
    _parsed(manifest)
    return manifest


def _parsed(manifest: Manifest) -> tuple[SpecifierSet, list[Requirement]]:
    try:
        Version(manifest.version)
        return SpecifierSet(manifest.api), [Requirement(line) for line in manifest.requirements]
    except (InvalidVersion, InvalidSpecifier, InvalidRequirement) as error:
        raise BadExtension(f"{FILE} cannot be used: {error}") from error


def check_api(manifest: Manifest) -> None:
    """Raises BadExtension if it was written for another Taffy."""
    wanted, _ = _parsed(manifest)
    if not wanted.contains(API_VERSION):
        raise BadExtension(
            f"it needs the extension API {manifest.api}, this Taffy has {API_VERSION}",
            "update Taffy, or take a version of the extension for this one",
        )


def missing(manifest: Manifest) -> tuple[str, ...]:
    """The requirements that are not fulfilled here, as the manifest writes them."""
    return tuple(str(one) for one in _parsed(manifest)[1] if not _fulfilled(one))


def conflicts(manifest: Manifest, ours: str) -> tuple[str, ...]:
    """In plain words, which requirements contradict what Taffy itself runs on. ours: a line each."""
    lines = (_requirement(line.partition("#")[0].strip()) for line in ours.splitlines())
    pins = {canonicalize_name(pin.name): pin for pin in lines if pin}
    found = []
    for one in _parsed(manifest)[1]:
        pin = pins.get(canonicalize_name(one.name))
        pinned = next((each.version for each in pin.specifier if each.operator == "=="), "") if pin else ""
        if pinned and not one.specifier.contains(pinned, prereleases=True):
            found.append(f"it needs {one}, Taffy runs on {one.name} {pinned}")
        if one.url:
            found.append(f"it wants {one.name} from {one.url:.80}; only packages of the registry are installed")
    return tuple(found)


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _fulfilled(wanted: Requirement) -> bool:
    if wanted.marker and not wanted.marker.evaluate():
        return True
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False

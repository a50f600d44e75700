"""What the person who starts Taffy chose: flags, then environment, then one TOML file, then defaults.

Standard library only: `--help` works before anything is installed. Knows no registry: names of kernels, previews and
checkpoints are checked by those who own them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from modules.core.errors import BadSetting
from modules.core.setting_kinds import (
    BACKEND,
    EXTENSION_FOLDERS,
    FILE_OF,
    FOLDER,
    FOLDERS,
    GIGABYTES,
    NAME,
    SWITCH,
    Kind,
    one_of,
    switch,
    whole,
)
from modules.core.setting_kinds import ROOT as ROOT

FILE = "settings.toml"  # in the data folder


def setting(default: object, kind: Kind, group: str, flags: str, what: str) -> Any:
    """A field of Settings. flags: its spellings; the first gives the names in the environment and in the file."""
    return field(default=default, metadata={"kind": kind, "group": group, "flags": flags.split(), "what": what})


@dataclass(frozen=True)
class Settings:
    """Every setting, typed. `sources` says for each field where its value came from.

    threads: 0 leaves the number to torch. torch_backend: empty takes the build the package registry has.
    models_dirs: the first is Taffy's own.
    """

    port: int = setting(7860, whole(1, 65535), "Page", "--port", "port of the page")
    host: str = setting(
        "127.0.0.1", one_of("127.0.0.1", "localhost", "::1"), "Page", "--host --server-name", "address of the page"
    )
    autolaunch: bool = setting(False, SWITCH, "Page", "--autolaunch", "open the page in the browser when it is ready")
    listen: bool = setting(
        False, SWITCH, "Sharing", "--listen", "serve other computers too; they need a link or a name"
    )
    no_auth: bool = setting(False, SWITCH, "Sharing", "--no-auth", "ask nobody who they are: everybody near can use it")
    allow_hosts: str = setting(
        "", NAME, "Sharing", "--allow-hosts", "other names of this server, with commas between: of a proxy for one"
    )
    tls_cert: Path | None = setting(  # noqa: RUF009
        None, FILE_OF, "Sharing", "--tls-cert", "certificate (PEM), to be reached by https"
    )
    tls_key: Path | None = setting(  # noqa: RUF009
        None, FILE_OF, "Sharing", "--tls-key", "its private key (PEM)"
    )
    data_dir: Path = setting(  # noqa: RUF009  (it is a field)
        ROOT / "data", FOLDER, "Folders", "--data-dir", f"pictures, journal, caches and {FILE} go here"
    )
    models_dirs: tuple[Path, ...] = setting(
        (ROOT / "models",), FOLDERS, "Folders", "--models-dir", "another models folder, A1111's for one; repeatable"
    )
    ckpt: str = setting("", NAME, "Pictures", "--ckpt", "checkpoint to start with, by name")
    preview: str = setting("automatic", NAME, "Pictures", "--preview", "how unfinished pictures are shown")
    queue_limit: int = setting(100, whole(1, 10_000), "Pictures", "--queue-limit", "most jobs that may wait")
    use_cpu: bool = setting(False, switch("all"), "Device", "--use-cpu", "leave the graphics card alone")
    precision: str = setting(
        "auto", one_of("auto", "fp32", "bf16"), "Device", "--precision", "what networks compute in"
    )
    devices: int = setting(1, whole(1, 64), "Device", "--devices", "graphics cards that work at once, a job on each")
    attention: str = setting("automatic", NAME, "Device", "--attention", "attention kernel")
    compile: bool = setting(False, SWITCH, "Device", "--compile", "compile layers; the first picture waits longer")
    ram_budget: str = setting(
        "auto",
        GIGABYTES,
        "Memory",
        "--ram-budget",
        "GB for checkpoints that wait to be used again; auto: two fifths of all",
    )
    device_budget: int = setting(
        0,
        whole(0, 10_000),
        "Memory",
        "--device-budget",
        "GB Taffy may use of the device that computes; 0: all that is free",
    )
    offload: str = setting(
        "automatic",
        one_of("automatic", "whole", "parts", "blocks"),
        "Memory",
        "--offload",
        "how weights come to a graphics card: all at once, part by part, block by block; automatic: what fits",
    )
    prepared_copies: int = setting(
        0,
        whole(0, 10_000),
        "Memory",
        "--prepared-copies",
        "GB of disk for copies of checkpoints that load without converting (processors with bf16); 0 makes none",
    )
    unload_after: int = setting(
        0, whole(0, 10_000), "Memory", "--unload-after", "minutes without work until memory is given back; 0 is never"
    )
    threads: int = setting(0, whole(0, 1024), "Device", "--threads", "processor threads; 0 leaves it to torch")
    torch_backend: str = setting(
        "", BACKEND, "Installing", "--torch-backend", "build of torch to install, as uv names it: auto, cpu, cu130 ..."
    )
    extensions_dirs: tuple[Path, ...] = setting(
        (ROOT / "extensions",),
        EXTENSION_FOLDERS,
        "Extensions",
        "--extensions-dir",
        "another folder of extensions; repeatable",
    )
    hook_seconds: int = setting(
        20, whole(1, 600), "Extensions", "--hook-seconds", "how long a hook of an extension may take"
    )
    safe_mode: bool = setting(False, SWITCH, "Extensions", "--safe-mode --disable-all-extensions", "load no extensions")
    sources: Mapping[str, str] = field(default_factory=dict)  # field -> "flag", "environment", "file" or "default"

    @property
    def address(self) -> str:
        """Where the server listens: on every network with `--listen`."""
        return "0.0.0.0" if self.listen else self.host


SETTINGS = {item.name: item.metadata for item in fields(Settings) if item.metadata}
KEYS = {meta["flags"][0][2:].replace("-", "_"): name for name, meta in SETTINGS.items()}  # in the file -> field


@dataclass(frozen=True)
class Given:
    """A value as somebody wrote it: where, under which name, and what relative folders in it start from."""

    source: str
    name: str
    value: object
    base: Path


def load_settings(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Settings of this run. Raises BadSetting with a sentence; `--help` prints the flags and exits."""
    here = Path.cwd()
    given = {
        field: Given("environment", f"TAFFY_{key.upper()}", environ[f"TAFFY_{key.upper()}"], here)
        for key, field in KEYS.items()
        if f"TAFFY_{key.upper()}" in environ
    }
    given |= {
        field: Given("flag", SETTINGS[field]["flags"][0], value, here) for field, value in _read_flags(argv).items()
    }
    data_dir = value_of("data_dir", given["data_dir"]) if "data_dir" in given else Settings.data_dir
    given = read_file(Path(str(data_dir)) / FILE) | given
    values = {field: value_of(field, found) for field, found in given.items()}
    sources = {field: given[field].source if field in given else "default" for field in SETTINGS}
    return Settings(**values, sources=sources)  # type: ignore[arg-type]


def help_text() -> str:
    """What `--help` prints."""
    return _parser().format_help()


def value_of(field: str, given: Given) -> object:
    """What somebody wrote, as the field's type. Raises BadSetting."""
    kind: Kind = SETTINGS[field]["kind"]
    try:
        return kind.read(given.value, given.base)
    except ValueError:
        raise BadSetting(f"{given.name} is {given.value!r}, allowed is {kind.allowed}") from None


def read_file(path: Path) -> dict[str, Given]:
    """Field -> what the settings file says; a file that is not there says nothing. Raises BadSetting."""
    import tomllib  # Python 3.11: webui.py must open in older ones to say so

    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadSetting(
            f"{path} cannot be read: {error}", "correct it, or move it away to use the defaults"
        ) from error
    known = [key for key in KEYS if key != "data_dir"]  # that one says where the file is
    for key in found.keys() - known:
        near = get_close_matches(key, known, 1) or [", ".join(known)]
        raise BadSetting(f"there is no setting called {key!r} for {path}", f"known: {near[0]}")
    return {KEYS[key]: Given("file", f"{key} in {path}", value, path.parent) for key, value in found.items()}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadSetting(message, "python webui.py --help lists all flags")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python webui.py",
        usage="python webui.py [flags]",
        description="Taffy makes pictures out of noise on this computer, and shows how.",
        epilog="Each flag can also be an environment variable (TAFFY_PORT=7861) or a line of settings.toml in the data "
        "folder (port = 7861). Flags win over the environment, the environment over the file.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    groups: dict[str, Any] = {}
    for name, default in ((item.name, item.default) for item in fields(Settings) if item.metadata):
        meta = SETTINGS[name]
        if meta["group"] not in groups:
            groups[meta["group"]] = parser.add_argument_group(meta["group"])
        groups[meta["group"]].add_argument(
            *meta["flags"], dest=name, help=meta["what"] + _shown(default), **_arity(name)
        )
    return parser


def _shown(default: object) -> str:
    value = default[0] if isinstance(default, tuple) else default
    if isinstance(value, Path):
        value = f"{value.relative_to(ROOT)} beside webui.py"
    return "" if value is False or value is None or value == "" else f" (default: {value})"


def _arity(name: str) -> dict[str, object]:
    """The words after a flag: `--use-cpu` takes A1111's `all`, the other switches nothing, models folders add up."""
    if name == "use_cpu":
        return {"nargs": "?", "const": "all", "metavar": "all"}
    if SETTINGS[name]["kind"].allowed == SWITCH.allowed:
        return {"action": "store_const", "const": "yes"}
    return {"metavar": "X", "action": "append" if name.endswith("_dirs") else "store"}


def _read_flags(argv: Sequence[str]) -> dict[str, object]:
    found, unknown = _parser().parse_known_args(argv)
    if unknown:
        known = [flag for meta in SETTINGS.values() for flag in meta["flags"]]
        near = get_close_matches(unknown[0].partition("=")[0], known, 1)
        raise BadSetting(
            f"there is no flag {unknown[0]}", f"did you mean {near[0]}?" if near else "python webui.py --help lists all"
        )
    return vars(found)

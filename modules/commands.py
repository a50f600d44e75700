"""What `python webui.py` does besides serving: `user` for named users, `doctor` for a report, `new-extension`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from getpass import getpass

from modules.core.errors import BadSetting
from modules.core.people import ROLES
from modules.core.settings import ROOT, Settings, load_settings
from modules.people.users import Users

USAGE = f"""python webui.py user list
python webui.py user add NAME [--role {"|".join(ROLES)}]
python webui.py user role NAME {"|".join(ROLES)}
python webui.py user password NAME
python webui.py user remove NAME
A password is asked for, or read from standard input. --data-dir comes last, if Taffy has another data folder."""


def run(words: Sequence[str]) -> None:
    """`user ...`, `doctor` or `new-extension`, then flags. Raises BadSetting."""
    name, *rest = words
    if name == "doctor":
        from modules.doctor import report

        print(report(load_settings(rest, os.environ)))
        return
    if name == "new-extension":
        new_extension(rest)
        return
    cut = next((at for at, word in enumerate(rest) if word.startswith("--") and word != "--role"), len(rest))
    settings = load_settings(rest[cut:], os.environ)
    change_users(rest[:cut], settings)


def new_extension(names: Sequence[str]) -> None:
    """Write an extension that works, for its author to change. Raises BadSetting, BadExtension."""
    from modules.hooks.new import write

    if len(names) != 1:
        raise BadSetting("new-extension needs a name", "python webui.py new-extension my-first")
    folder = write(ROOT / "extensions", names[0])
    print(f"{folder} is there. Try it: python -m tests {folder.relative_to(ROOT)}")


def change_users(words: Sequence[str], settings: Settings) -> None:
    users = Users(settings.data_dir / "access" / "users.json")
    match words:
        case ["list"]:
            print("\n".join(f"{user.name}\t{user.role}" for user in users.all()) or "There are no named users yet.")
        case ["add", name]:
            users.add(name, "user", ask_password())
            print(f"{name} can log in as a user.")
        case ["add", name, "--role", role]:
            users.add(name, role, ask_password())
            print(f"{name} can log in as {role}.")
        case ["role", name, role]:
            users.change(name, role=role)
            print(f"{name} is {role} now.")
        case ["password", name]:
            users.change(name, password=ask_password())
            print(f"{name} has a new password, and is logged out everywhere.")
        case ["remove", name]:
            users.remove(name)
            print(f"{name} cannot log in any more. Their pictures stay in the data folder.")
        case _:
            raise BadSetting("that is not how users are changed", USAGE)


def ask_password(ask: Callable[[str], str] = getpass) -> str:
    """Typed twice by a person, or the first line of what a program sends. Raises BadSetting."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = ask("Password: ")
    if ask("Once more: ") != password:
        raise BadSetting("the two passwords are not the same", "nothing was changed")
    return password

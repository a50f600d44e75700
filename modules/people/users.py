"""The named users: one JSON file that only this account of the system may read. Changed by `python webui.py user`."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from modules.core.errors import BadSetting
from modules.core.paths import write_atomically
from modules.core.people import LOCAL_OWNER, ROLES, Person, Role
from modules.people.passwords import NOBODY, hashed, is_right

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
NO_FOLDER = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}  # on Windows
SECRET = 0o600


@dataclass(frozen=True)
class User:
    """password: its hash, see `passwords.py`."""

    name: str
    role: Role
    password: str


class Users:
    """The list as it is on disk now: a change by another process counts from the next question on. Any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, User] = {}
        self.all()  # an unreadable file stops the start, and not the first visitor

    def all(self) -> tuple[User, ...]:
        """In the order they were added. Raises BadSetting if the file cannot be read."""
        return tuple(self._read().values())

    def get(self, name: str) -> User | None:
        return self._read().get(name)

    def owner(self) -> str:
        """Whom viewers look at: the first with the role, or whoever has the link."""
        return next((user.name for user in self.all() if user.role == "owner"), LOCAL_OWNER)

    def person(self, user: User) -> Person:
        return Person(user.name, user.role, self.owner() if user.role == "viewer" else "")

    def verify(self, name: str, password: str) -> User | None:
        """The user, if that is their password. An unknown name takes as long as a wrong password."""
        user = self.get(name)
        return user if is_right(password, user.password if user else NOBODY) and user else None

    def add(self, name: str, role: str, password: str) -> None:
        """Raises BadSetting: a name or a role that cannot be, or a name that is there already; CannotSave."""
        if not NAME.fullmatch(name) or name in NO_FOLDER or name == LOCAL_OWNER:
            raise BadSetting(
                f"nobody can be called {name!r:.60}",
                "a name has 1 to 32 of the letters a-z, 0-9, _ and -, and begins with a letter or a digit",
            )
        if self.get(name):
            raise BadSetting(f"{name} is there already", f"python webui.py user password {name} changes the password")
        self._write({**self._read(), name: User(name, checked_role(role), hashed(password))})

    def change(self, name: str, role: str = "", password: str = "") -> None:
        """Raises BadSetting, CannotSave."""
        user = self._there(name)
        new = hashed(password) if password else user.password
        self._write({**self._read(), name: User(name, checked_role(role or user.role), new)})

    def remove(self, name: str) -> None:
        """Their jobs and pictures stay where they are. Raises BadSetting, CannotSave."""
        self._there(name)
        self._write({key: user for key, user in self._read().items() if key != name})

    def _there(self, name: str) -> User:
        if user := self.get(name):
            return user
        raise BadSetting(f"there is no user {name!r:.60}", f"there are: {', '.join(self._read()) or 'none'}")

    def _read(self) -> Mapping[str, User]:
        with self._lock:
            try:
                found = self._path.stat()
            except FileNotFoundError:
                self._stamp, self._known = None, {}
                return self._known
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                self._known, self._stamp = read_users(self._path), stamp
            return self._known

    def _write(self, users: Mapping[str, User]) -> None:
        text = json.dumps([asdict(user) for user in users.values()], indent=1)
        write_atomically(self._path, text.encode(), SECRET)


def checked_role(role: str) -> Role:
    for known in ROLES:
        if known == role:
            return known
    raise BadSetting(f"there is no role {role!r:.40}", f"roles: {', '.join(ROLES)}")


def read_users(path: Path) -> dict[str, User]:
    try:
        users = [User(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
        return {user.name: User(user.name, checked_role(user.role), user.password) for user in users}
    except (OSError, ValueError, TypeError) as error:
        raise BadSetting(
            f"the list of users {path} cannot be read: {error}", "correct it, or add the users anew"
        ) from error

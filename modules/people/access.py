"""Who somebody is, by what they show: a cookie of ours, the link's token, a name and a password. Knows no web."""

from __future__ import annotations

import hmac
import os
import secrets
import threading
from pathlib import Path

from modules.core.errors import BadSetting
from modules.core.paths import write_atomically
from modules.core.people import LOCAL_OWNER, OWNER_HERE, Person
from modules.core.settings import Settings
from modules.people import sessions
from modules.people.throttle import Throttle
from modules.people.users import SECRET, Users

TOKEN_BYTES = 24  # 192 bits
AT_ONCE = 2  # passwords that are hashed: each takes 32 MB
MOST_KNOWN = 100  # names with passwords that need not be hashed again


class Access:
    """What is needed to judge visitors. folder: where token, key and users are kept.

    is_shared: `--listen`. is_open: `--no-auth`, nobody is asked who they are.
    """

    def __init__(self, folder: Path, is_shared: bool = False, is_open: bool = False) -> None:
        """Raises BadSetting, CannotSave."""
        self.users = Users(folder / "users.json")
        self.throttle = Throttle()
        self.is_shared, self.is_open = is_shared, is_open
        self._key = kept_secret(folder / "session.key").encode() if is_shared else b""
        self._token = kept_secret(folder / "token") if is_shared else ""
        self._lock = threading.Lock()
        self._hashing = threading.Semaphore(AT_ONCE)
        self._known: dict[bytes, str] = {}  # a keyed hash of name and password -> the password hash that it fits

    @property
    def token(self) -> str:
        """What the link ends with; empty where a named owner has taken its place, or nobody is asked."""
        return "" if self.is_open or self.users.owner() != LOCAL_OWNER else self._token

    def of_session(self, note: str) -> Person | None:
        """Whose cookie this is."""
        name = sessions.name_on(note)
        if name == LOCAL_OWNER:
            return OWNER_HERE if self.token and sessions.is_true(note, self.token, self._key) else None
        user = self.users.get(name)
        return self.users.person(user) if user and sessions.is_true(note, user.password, self._key) else None

    def of_token(self, token: str) -> Person | None:
        """The owner, if that is the link's token."""
        right = self.token and hmac.compare_digest(token.encode(), self.token.encode())
        return OWNER_HERE if right else None

    def of_password(self, name: str, password: str) -> Person | None:
        """Takes about 0.1 s of a processor, unless the same was asked lately."""
        shown = hmac.digest(self._key, f"{name}\0{password}".encode(errors="surrogatepass"), "sha256")
        user = self.users.get(name)
        if user and self._known.get(shown) == user.password:
            return self.users.person(user)
        with self._hashing:
            user = self.users.verify(name, password)
        if user is None:
            return None
        with self._lock:
            self._known[shown] = user.password
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return self.users.person(user)

    def is_known(self, name: str, password: str) -> bool:
        """Whether `of_password` need not think."""
        shown = hmac.digest(self._key, f"{name}\0{password}".encode(errors="surrogatepass"), "sha256")
        user = self.users.get(name)
        return user is not None and self._known.get(shown) == user.password

    def note_for(self, person: Person) -> str:
        """A cookie's value for somebody who has just shown who they are."""
        user = self.users.get(person.name)
        return sessions.sign(person.name, user.password if user else self._token, self._key)


def access_of(settings: Settings) -> Access:
    """Raises BadSetting, CannotSave."""
    if settings.no_auth and not settings.listen:
        raise BadSetting("--no-auth goes with --listen: without it Taffy serves this computer only", "leave it out")
    return Access(settings.data_dir / "access", settings.listen, settings.no_auth)


def kept_secret(path: Path) -> str:
    """Random letters, made at the first start and readable by this account of the system only. Raises CannotSave."""
    try:
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    if len(kept) < TOKEN_BYTES:
        kept = secrets.token_urlsafe(TOKEN_BYTES)
        write_atomically(path, kept.encode(), SECRET)
    elif os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(SECRET)
    return kept

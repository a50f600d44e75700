"""Who asks, and what a role allows. Knows nothing of passwords, cookies or the web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modules.core.errors import NotAllowed

LOCAL_OWNER = "local"  # whoever sits at this computer, and who came with the link of `--listen`
Role = Literal["owner", "user", "viewer"]
ROLES: tuple[Role, ...] = ("owner", "user", "viewer")


@dataclass(frozen=True)
class Person:
    """Somebody whom the guard let in.

    owner: everything, and everybody's jobs and pictures. user: their own. viewer: looks at what `guest_of` makes, and
    changes nothing.
    """

    name: str
    role: Role
    guest_of: str = ""

    @property
    def sees(self) -> str:
        """Whose form, jobs and pictures this person has in front of them."""
        return self.guest_of if self.role == "viewer" else self.name

    @property
    def sees_all(self) -> bool:
        return self.role == "owner"

    def must_make(self) -> str:
        """The name under which they may put in jobs and pictures. Raises NotAllowed for viewers."""
        if self.role == "viewer":
            raise NotAllowed("viewers look and change nothing", "the owner can give you another role")
        return self.name


OWNER_HERE = Person(LOCAL_OWNER, "owner")

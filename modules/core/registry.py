"""A table of named things. The dropdown, the API and the tests read the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from modules.core.errors import BadSetting, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """Name -> value in order of registration. Refuses doubles; an unknown name raises with the known ones."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._values: dict[str, T] = {}
        self._aliases: dict[str, str] = {}

    def add(self, name: str, value: T, aliases: tuple[str, ...] = ()) -> T:
        """Raises ValueError if the name or an alias (compared without case) is taken."""
        for key in (name, *aliases):
            if key.casefold() in self._aliases:
                raise ValueError(f"there is already a {self.kind} called {key!r}")
        self._aliases |= {key.casefold(): name for key in (name, *aliases)}
        self._values[name] = value
        return value

    def remove(self, name: str) -> None:
        """Forget a name and its aliases; one that is not there is forgotten already."""
        if name in self:
            canonical = self.canonical(name)
            self._aliases = {alias: known for alias, known in self._aliases.items() if known != canonical}
            del self._values[canonical]

    def register(self, name: str, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
        """Decorator form of `add`."""
        return lambda value: self.add(name, value, aliases)

    def canonical(self, name: str) -> str:
        """The registered name for a name or alias in any case. Raises UnknownName."""
        try:
            return self._aliases[name.strip().casefold()]
        except KeyError:
            known = ", ".join(self._values) or "none"
            raise UnknownName(f"there is no {self.kind} called {name!r}", f"known: {known}") from None

    def check(self, flag: str, name: str, *also: str) -> None:
        """Raises BadSetting, naming the flag, for what is neither registered nor one of `also`."""
        if name not in self and name not in also:
            raise BadSetting(f"{flag} is {name!r}, allowed is {' or '.join([*also, *self])}")

    def __getitem__(self, name: str) -> T:
        return self._values[self.canonical(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.strip().casefold() in self._aliases

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

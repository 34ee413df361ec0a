"""Registries: plain dictionaries that a decorator fills in the file which defines the thing."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from matbench_defects.errors import InputError, nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Family(Generic[T]):
    """Things that are made when they are asked for, such as an ensemble of any model.

    Parameters
    ----------
    prefix, suffix : str
        What the names of the family begin and end with.
    make : callable
        Takes what stands between the two and returns the thing; None where that names nothing.
    members : callable
        Returns what stands between the two in the names that are listed.
    """

    prefix: str
    suffix: str
    make: Callable[[str], T | None]
    members: Callable[[], Iterable[str]]

    def get(self, name: str) -> T | None:
        """Return the thing of a name; None where it is not of this family."""
        inner = name.removeprefix(self.prefix).removesuffix(self.suffix)
        return self.make(inner) if inner and name == f"{self.prefix}{inner}{self.suffix}" else None

    def names(self) -> set[str]:
        """Return the names that are listed."""
        return {f"{self.prefix}{inner}{self.suffix}" for inner in self.members()}


class Registry(Generic[T]):
    """Named things of one kind, each registered by its own file.

    Parameters
    ----------
    kind : str
        What one of them is called, for messages: ``model``, ``engine``, ``metric``.
    *packages : str
        The packages whose modules are imported when a name is looked up: first those that are called like it, like its
        beginning or like its end (``zero_shot`` for ``chgnet-zero-shot``), and all of them where these have no such
        name.
    """

    def __init__(self, kind: str, *packages: str) -> None:
        self.kind = kind
        self._packages = packages
        self._entries: dict[str, T] = {}
        self._families: list[Family[T]] = []
        self._made: dict[str, T] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[Any], Any]:
        """Return a decorator that files what it decorates under `name`."""

        def decorate(thing: Any) -> Any:
            if name in self._entries and self._entries[name] is not thing:
                raise ValueError(f"two {self.kind}s are registered as '{name}'")
            self._entries[name] = thing
            return thing

        return decorate

    def family(
        self, prefix: str = "", suffix: str = "", *, members: Callable[[], Iterable[str]] = tuple
    ) -> Callable[[Any], Any]:
        """Return a decorator that files a function which makes the things of a `Family`, each once.

        Parameters
        ----------
        prefix, suffix, members
            As in `Family`; without `members` no name of it is listed.
        """

        def decorate(make: Any) -> Any:
            self._families.append(Family(prefix, suffix, make, members))
            return make

        return decorate

    def _load(self) -> None:
        if not self._complete:
            self._complete = True
            for package in self._packages:
                for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
                    importlib.import_module(f"{package}.{module.name}")

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def _find(self, name: str) -> T | None:
        found = self._known(name)
        for module in () if found is not None or self._complete else self._called_alike(name):
            importlib.import_module(module)
            if (found := self._known(name)) is not None:
                return found
        if found is None:
            self._load()
            found = self._known(name)
        return found

    def _known(self, name: str) -> T | None:
        """Return what a name stands for, as far as modules are imported."""
        if name in self._entries:
            return self._entries[name]
        for family in self._families if name not in self._made else ():
            if (made := family.get(name)) is not None:
                self._made[name] = made
        return self._made.get(name)

    def _called_alike(self, name: str) -> Iterator[str]:
        """Yield the modules that are called like a name, like its beginning or like its end, the longest first."""
        words = re.split("[-:]", name)
        parts = [words, *(words[:-n] for n in range(1, len(words))), *(words[n:] for n in range(1, len(words)))]
        for own in filter(str.isidentifier, map("_".join, parts)):
            for package in self._packages:
                if importlib.util.find_spec(f"{package}.{own}") is not None:
                    yield f"{package}.{own}"

    def get(self, name: str) -> T:
        """Return what is registered as `name`, or what a family makes of it.

        Raises
        ------
        InputError
            If nothing is; the message names the nearest known name.
        """
        found = self._find(name)
        if found is None:
            raise InputError(f"no {self.kind} is called '{name}'; {nearest(name, self.names())}")
        return found

    def names(self) -> list[str]:
        """Return every registered name and those that families list, sorted; nothing is made for it."""
        self._load()
        return sorted(set(self._entries).union(*(family.names() for family in self._families)))

    def items(self) -> Iterator[tuple[str, T]]:
        """Yield every listed name with what it stands for, sorted by name."""
        for name in self.names():
            yield name, self.get(name)

    def name_of(self, thing: T) -> str | None:
        """Return the name under which a thing is registered or was made; None if it is not."""
        every = {**self._entries, **self._made}
        return next((name for name, known in every.items() if known is thing), None)

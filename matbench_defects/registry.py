"""Registries: plain dictionaries that a decorator fills in the file which defines the thing."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from matbench_defects.errors import InputError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind, each registered by its own file.

    Parameters
    ----------
    kind : str
        What one of them is called, for messages: ``model``, ``engine``, ``metric``.
    *packages : str
        The packages whose modules are imported when a name is looked up: those that are called like it, and all of
        them where these do not register it.
    """

    def __init__(self, kind: str, *packages: str) -> None:
        self.kind = kind
        self._packages = packages
        self._entries: dict[str, T] = {}
        self._families: dict[str, Callable[[str], T]] = {}
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

    def family(self, prefix: str) -> Callable[[Any], Any]:
        """Return a decorator that files a function which makes a thing of another one's name.

        What it makes of the name ``x`` is then found as `prefix` with ``x`` after it, and is not among `names`.
        """

        def decorate(make: Any) -> Any:
            self._families[prefix] = make
            return make

        return decorate

    def _load(self) -> None:
        if not self._complete:
            self._complete = True
            for package in self._packages:
                for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
                    importlib.import_module(f"{package}.{module.name}")

    def __contains__(self, name: str) -> bool:
        if name not in self._entries and not self._complete:
            own = name.replace("-", "_")
            for package in self._packages if own.isidentifier() else ():
                if importlib.util.find_spec(f"{package}.{own}") is not None:
                    importlib.import_module(f"{package}.{own}")
        if name not in self._entries:
            self._load()
        return name in self._entries or self._of_family(name) is not None

    def _of_family(self, name: str) -> T | None:
        for prefix, make in self._families.items():
            if name not in self._made and name.startswith(prefix) and name.removeprefix(prefix) in self:
                self._made[name] = make(name.removeprefix(prefix))
        return self._made.get(name)

    def get(self, name: str) -> T:
        """Return what is registered as `name`.

        Raises
        ------
        InputError
            If nothing is; the message names the nearest known name.
        """
        if name not in self:
            raise InputError(f"no {self.kind} is called '{name}'; {nearest(name, self._entries)}")
        return self._made[name] if name in self._made else self._entries[name]

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        self._load()
        return sorted(self._entries)

    def items(self) -> Iterator[tuple[str, T]]:
        """Yield every name with what it stands for, sorted by name."""
        for name in self.names():
            yield name, self._entries[name]

    def name_of(self, thing: T) -> str | None:
        """Return the name under which a thing is registered or was made; None if it is not."""
        every = {**self._entries, **self._made}
        return next((name for name, known in every.items() if known is thing), None)

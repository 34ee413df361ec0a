"""Registries: plain dictionaries that a decorator fills in the file which defines the thing."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import pkgutil
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from matbench_defects.errors import InputError, nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

_log = logging.getLogger(__name__)

ENTRY_POINTS = {
    "model": "models",
    "descriptor": "descriptors",
    "regression": "regressors",
    "engine": "engines",
    "metric": "metrics",
    "split": "splits",
    "quantity": "targets",
    "policy": "policies",
    "format": "formats",
    "export format": "writers",
}
"""By kind, what stands after ``matbench_defects.`` in the group of entry points under which an installed package names
the modules that register things of that kind."""


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

    That file is one of ours, or one of an installed package (a plug-in) that names it in an entry point: the thing's
    name, and the module that registers it. Such a module is imported when its name is asked for, and when all things
    of the kind are; nothing of ours can be replaced by it.

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
        self._loading = threading.local()
        self._plugins: dict[str, list[EntryPoint]] | None = None
        self._broken: dict[str, InputError] = {}
        self._said: set[str] = set()

    def register(self, name: str) -> Callable[[Any], Any]:
        """Return a decorator that files what it decorates under `name`."""

        def decorate(thing: Any) -> Any:
            if name in self._entries and self._entries[name] is not thing:
                raise ValueError(f"two {self.kind}s are registered as '{name}'")
            self._entries[name] = thing
            return thing

        return decorate

    @contextmanager
    def temporarily(self, name: str, thing: Any) -> Iterator[None]:
        """Let a name stand for a thing meanwhile, whatever it stands for otherwise; for tests."""
        entries, made = dict(self._entries), dict(self._made)
        self._entries[name] = thing
        try:
            yield
        finally:
            self._entries.pop(name, None)
            if name in entries:
                self._entries[name] = entries[name]
            self._made = made

    def forget(self, name: str) -> None:
        """Forget a thing, so that another may have its name, and all that was made of things."""
        del self._entries[name]
        self._made.clear()

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

    def names_in(self, module: str) -> list[str]:
        """Return the names of the things that a module defines, as far as it is imported."""
        return [name for name, thing in self._entries.items() if getattr(thing, "__module__", None) == module]

    def prefix_of(self, name: str) -> str:
        """Return what a family's names begin with, where a name begins so; else nothing."""
        self._load()
        return next((one.prefix for one in self._families if one.prefix and name.startswith(one.prefix)), "")

    def _load(self) -> None:
        if self._complete or getattr(self._loading, "now", False):  # a module that is being imported may look names up
            return
        self._loading.now = True
        try:
            for package in self._packages:
                for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
                    importlib.import_module(f"{package}.{module.name}")
        finally:
            self._loading.now = False
        self._complete = True  # not before: another thread would take what is there so far for all there is

    def _offered(self) -> dict[str, list[EntryPoint]]:
        """Return what installed packages offer besides ours, by name; none of their modules is imported."""
        if self._plugins is None:
            self._load()
            self._plugins = {}
            if self.kind in ENTRY_POINTS:
                for point in self._entry_points():
                    if self._known(point.name) is not None and point.module not in sys.modules:
                        self._warn(f"{self._named(point)} is not taken: there is one of that name already")
                    else:
                        self._plugins.setdefault(point.name, []).append(point)
        return self._plugins

    def _entry_points(self) -> Iterator[EntryPoint]:
        """Yield what installed packages offer of this kind; one whose list cannot be read is passed over."""
        from importlib.metadata import distributions  # `check` does without it

        group = f"matbench_defects.{ENTRY_POINTS[self.kind]}"
        seen: set[str] = set()
        for distribution in distributions():
            try:
                name = distribution.metadata["Name"] or ""
                if name in seen:  # what stands first on the path hides the others
                    continue
                seen.add(name)
                yield from [point for point in distribution.entry_points if point.group == group and point.module]
            except Exception as error:  # whatever a file raises that its package wrote wrongly
                self._warn(f"the entry points of an installed package cannot be read: {type(error).__name__}: {error}")

    def _named(self, *points: EntryPoint) -> str:
        packages = " and ".join(f"{p.dist.name} {p.dist.version}" if p.dist else p.value for p in points)
        return f"the {self.kind} '{points[0].name}' of the package{'s' if len(points) > 1 else ''} {packages}"

    def _warn(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            _log.warning("%s", message)

    def _load_plugin(self, name: str) -> None:
        """Import the module that registers a name, if an installed package has one.

        Raises
        ------
        InputError
            If it cannot be imported, or does not register the name.
        """
        if name in self._entries or name not in self._offered():
            return
        if name not in self._broken:
            points = self._offered()[name]
            before = dict(self._entries)
            try:
                if len(points) > 1:
                    raise ImportError("a name can only be one's; uninstall the others")
                importlib.import_module(points[0].module)
                before = self._entries  # what the module registers besides stays
                if name not in self._entries:
                    raise ImportError(f"the module {points[0].module} does not register it")
                return
            except (Exception, SystemExit) as error:  # whatever somebody's code raises
                self._entries = before  # nothing half made
                what = str(error) if type(error) is ImportError else f"{type(error).__name__}: {error}"
                self._broken[name] = InputError(f"{self._named(*points)} cannot be loaded: {what}")
        raise self._broken[name]

    def __contains__(self, name: str) -> bool:
        """Return whether something is called so; what an installed package offers may still turn out to be broken."""
        return self._find(name) is not None or name in self._offered()

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
            If nothing is; the message names the nearest known name. Or if the package that offers it is broken.
        """
        found = self._find(name)
        if found is None:
            self._load_plugin(name)
            found = self._known(name)
        if found is None:
            raise InputError(f"no {self.kind} is called '{name}'; {nearest(name, self.names())}")
        return found

    def names(self) -> list[str]:
        """Return every name that is registered, listed by a family or offered by a package, sorted; nothing is made."""
        self._load()
        return sorted({*self._entries, *self._offered()}.union(*(family.names() for family in self._families)))

    def items(self) -> Iterator[tuple[str, T]]:
        """Yield every listed name with what it stands for, sorted by name; a warning names what is broken."""
        for name in self.names():
            try:
                found = self.get(name)
            except InputError as error:
                self._warn(str(error))
            else:
                yield name, found

    def name_of(self, thing: T) -> str | None:
        """Return the name under which a thing is registered or was made; None if it is not."""
        every = {**self._entries, **self._made}
        return next((name for name, known in every.items() if known is thing), None)

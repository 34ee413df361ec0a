"""Registries: plain dictionaries that a decorator fills in the file which defines the thing."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
}
"""By kind, what stands after ``matbench_defects.`` in the group of entry points under which an installed package names
the modules that register things of that kind."""


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
        self._plugins: dict[str, list[EntryPoint]] | None = None
        self._broken: dict[str, InputError] = {}

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

    def family(self, prefix: str) -> Callable[[Any], Any]:
        """Return a decorator that files a function which makes a thing of another one's name.

        What it makes of the name ``x`` is then found as `prefix` with ``x`` after it, and is not among `names`.
        """

        def decorate(make: Any) -> Any:
            self._families[prefix] = make
            return make

        return decorate

    def prefix_of(self, name: str) -> str:
        """Return what makes a thing of another one's name and stands before a name; empty where nothing does."""
        self._load()
        return next((prefix for prefix in self._families if name.startswith(prefix)), "")

    def forget(self, name: str) -> None:
        """Forget a thing, so that another may have its name, and all that was made of things."""
        del self._entries[name]
        self._made.clear()

    def _load(self) -> None:
        if not self._complete:
            self._complete = True
            for package in self._packages:
                for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
                    importlib.import_module(f"{package}.{module.name}")

    def _offered(self) -> dict[str, list[EntryPoint]]:
        """Return what installed packages offer besides ours, by name; none of their modules is imported."""
        if self._plugins is None:
            self._load()
            self._plugins = {}
            if self.kind in ENTRY_POINTS:
                from importlib.metadata import entry_points  # `check` does without it

                for point in entry_points(group=f"matbench_defects.{ENTRY_POINTS[self.kind]}"):
                    if point.name in self._entries and point.module not in sys.modules:
                        _log.warning("%s is not taken: there is one of that name already", self._said(point))
                    else:
                        self._plugins.setdefault(point.name, []).append(point)
        return self._plugins

    def _said(self, *points: EntryPoint) -> str:
        packages = " and ".join(f"{p.dist.name} {p.dist.version}" if p.dist else p.value for p in points)
        return f"the {self.kind} '{points[0].name}' of the package{'s' if len(points) > 1 else ''} {packages}"

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
                if name not in self._entries:
                    raise ImportError(f"the module {points[0].module} does not register it")
                return
            except (Exception, SystemExit) as error:  # whatever somebody's code raises
                self._entries = before  # nothing half made
                what = str(error) if type(error) is ImportError else f"{type(error).__name__}: {error}"
                self._broken[name] = InputError(f"{self._said(*points)} cannot be loaded: {what}")
        raise self._broken[name]

    def __contains__(self, name: str) -> bool:
        """Return whether something is called so; what an installed package offers may still turn out to be broken."""
        if name not in self._entries and not self._complete:
            own = name.replace("-", "_")
            for package in self._packages if own.isidentifier() else ():
                if importlib.util.find_spec(f"{package}.{own}") is not None:
                    importlib.import_module(f"{package}.{own}")
        if name not in self._entries:
            self._load()
        return name in self._entries or self._of_family(name) is not None or name in self._offered()

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
            If nothing is; the message names the nearest known name. Or if the package that offers it is broken.
        """
        if name not in self:
            raise InputError(f"no {self.kind} is called '{name}'; {nearest(name, self.names())}")
        if name in self._made:
            return self._made[name]
        self._load_plugin(name)
        return self._entries[name]

    def names(self) -> list[str]:
        """Return every registered name and what installed packages offer, sorted."""
        self._load()
        return sorted({*self._entries, *self._offered()})

    def items(self) -> Iterator[tuple[str, T]]:
        """Yield every name with what it stands for, sorted by name; what is broken is left out, and that is said."""
        for name in self.names():
            said = name in self._broken
            try:
                self._load_plugin(name)
            except InputError as error:
                if not said:
                    _log.warning("%s", error)
                continue
            yield name, self._entries[name]

    def name_of(self, thing: T) -> str | None:
        """Return the name under which a thing is registered or was made; None if it is not."""
        every = {**self._entries, **self._made}
        return next((name for name, known in every.items() if known is thing), None)

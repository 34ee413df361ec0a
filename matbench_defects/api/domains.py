"""A spec: the domain that it describes, with its spaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from matbench_defects.api.spaces import Space
from matbench_defects.api.structures import crystal_of
from matbench_defects.crystal.building import build_spaces
from matbench_defects.errors import InputError, nearest
from matbench_defects.spec import loading, models

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    from matbench_defects.dataset.finding import Finder
    from matbench_defects.enumeration.identified import Identified


class Spec(models.Spec):
    """A domain: its spaces of configurations, labels, targets and splits.

    Examples
    --------
    >>> import matbench_defects as md
    >>> spec = md.load_spec("lno-cathode")
    >>> spec
    <Spec lno-cathode 1.0.0: Delithiated LiNiO2 cathode>
    >>> spec.space_names
    ['lno-cathode']
    """

    _built: dict[str, Space] = PrivateAttr(default_factory=dict)
    _found_by: Finder | None = PrivateAttr(default=None)

    @property
    def space_names(self) -> list[str]:
        """Names of its spaces; of a domain of several supercells, one a shape."""
        return list(self._all())

    def space(self, name: str | None = None) -> Space:
        """Return a space.

        Parameters
        ----------
        name : str, optional
            Its name; may be left out where there is only one.

        Raises
        ------
        InputError
            If there is none, or the spec cannot be built; with file and line of what is at fault.
        """
        every = self._all()
        if name is None and len(every) > 1:
            raise InputError(f"{self.name} has {len(every)} spaces; say which: {', '.join(list(every)[:20])}")
        if name is not None and name not in every:
            raise InputError(f"no space of {self.name} is called '{name}'; {nearest(name, every)}")
        return next(iter(every.values())) if name is None else every[name]

    def _all(self) -> dict[str, Space]:
        if not self._built:
            for name, space in build_spaces(self).items():
                part, _ = self.all_spaces()[space.family or name]
                self._built[name] = Space(space, part.configurations.where, self._finder)
        return self._built

    def _finder(self) -> Finder:
        from matbench_defects.dataset.finding import Finder

        if self._found_by is None:
            self._found_by = Finder(self, {name: one.space for name, one in self._all().items()})
        return self._found_by

    def identify(
        self, structure: Structure | Atoms | str | Path, *, displacement: float = 1.5, strain: float = 0.12
    ) -> Identified:
        """Say which configuration of the spec a structure is: that from which its atoms moved least, of all spaces.

        Where the spec has supercells of several sizes, a structure that repeats a smaller cell is that of the smallest.

        Parameters
        ----------
        structure : pymatgen.core.Structure, ase.Atoms, or path
            As for `Space.identify`.
        displacement, strain : float
            As for `Space.identify`.

        Returns
        -------
        Identified
            As `Space.identify` returns it; ``configuration.space.name`` is the space.

        Raises
        ------
        InputError
            As `Space.identify`.

        Examples
        --------
        >>> import matbench_defects as md
        >>> spec = md.load_spec("lno-cathode")
        >>> spec.identify(spec.space().configuration("lno-cathode:Li6Va6:4f").to_ase() * (2, 1, 1)).copies
        2
        """
        return self._finder().find(crystal_of(structure), displacement=displacement, strain=strain)

    def check(self) -> list[str]:
        """Check the spec as a whole, as `check`, `label` and `build` do, and return what may not be meant.

        Raises
        ------
        InputError
            Naming file and line of the first mistake.

        Examples
        --------
        >>> import matbench_defects as md
        >>> md.load_spec("lno-cathode").check()
        []
        """
        from matbench_defects.dataset.validation import validate_spec

        return validate_spec(self).notes

    def __repr__(self) -> str:
        return f"<Spec {self.name} {self.version}: {self.title}>"

    __str__ = __repr__


def load_spec(name: str | Path | dict[str, Any]) -> Spec:
    """Load a spec with everything that it extends.

    Parameters
    ----------
    name : str, path or dict
        A YAML file, a folder that holds ``spec.yaml``, the name of a shipped domain, or what such a file holds.

    Returns
    -------
    Spec

    Raises
    ------
    InputError
        With file, line, field, what was expected and the nearest valid name.

    Examples
    --------
    >>> import matbench_defects as md
    >>> spec = md.load_spec({
    ...     "name": "rock-salt", "version": "1.0.0", "title": "Magnesium and calcium oxide",
    ...     "parent": {
    ...         "spacegroup": "Fm-3m", "lattice": {"a": 4.3}, "sites": {"Mg": [0, 0, 0], "O": [0.5, 0.5, 0.5]},
    ...         "provenance": {"source": "an example", "verified": False},
    ...     },
    ...     "supercell": [1, 1, 1], "sublattices": {"Mg": {"Mg": "0..4", "Ca": "rest"}},
    ... })
    >>> spec.space().count()
    Count(total=16, inequivalent=5)
    """
    return loading.load_spec(name, Spec)

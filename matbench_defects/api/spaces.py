"""A space of configurations, with what one asks of it: count, enumerate, sample, identify."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from matbench_defects.api.structures import crystal_of
from matbench_defects.crystal import space as crystal
from matbench_defects.crystal.canonical import configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.enumeration.conditions import Checks
from matbench_defects.enumeration.configurations import Configurations
from matbench_defects.enumeration.members import count_members
from matbench_defects.errors import InputError, nearest
from matbench_defects.plotting import html_table, shown_number
from matbench_defects.spec.spaces import Conditions

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    from matbench_defects.dataset.finding import Finder
    from matbench_defects.enumeration.identified import Identified

ROWS = 32_768
"""Configurations that are held at a time."""


class Count(NamedTuple):
    """How many configurations there are, exactly."""

    total: int
    """Equivalent ones counted each."""
    inequivalent: int
    """Those that symmetry does not make equal."""


class Space:
    """All configurations of one supercell.

    Parameters
    ----------
    space : crystal.space.Space
        Supercell, sublattices and symmetry; the attribute `space`.
    where : Conditions, optional
        What the spec demands of a configuration.
    finder : callable, optional
        Returns what finds structures among the configurations of the spec.

    Examples
    --------
    >>> import matbench_defects as md
    >>> space = md.load_spec("lno-cathode").space()
    >>> space
    <Space lno-cathode: LiNiO2, R-3m, 12 variable of 48 sites, 144 operations>
    >>> space.count()
    Count(total=4096, inequivalent=87)
    >>> space.count(content="Li6Va6")
    Count(total=924, inequivalent=17)
    >>> first = next(space.enumerate())
    >>> first.id, first.multiplicity
    ('lno-cathode:Va12:0', 1)
    >>> space.identify(space.sample(1, seed=0)[0].to_ase()).id == space.sample(1, seed=0)[0].id
    True
    """

    def __init__(
        self, space: crystal.Space, where: Conditions | None = None, finder: Callable[[], Finder] | None = None
    ) -> None:
        self.space = space
        self.where = where
        self._finder = finder

    @property
    def name(self) -> str:
        """Its name, with which ids begin."""
        return self.space.name

    @property
    def contents(self) -> list[str]:
        """Names of its contents, such as ``Li6Va6``, in the order of the enumeration."""
        return list(self._contents)

    @functools.cached_property
    def _contents(self) -> dict[str, crystal.Content]:
        return {self.space.content_name(content): content for content in self.space.contents()}

    def _content(self, name: str) -> crystal.Content:
        if name not in self._contents:
            raise InputError(f"no content of {self.name} is called '{name}'; {nearest(name, self._contents)}")
        return self._contents[name]

    def count(self, content: str | None = None) -> Count:
        """Return how many configurations `enumerate` yields, exactly: those that the spec means.

        They are enumerated only where the spec has conditions or supercells of several sizes.

        Parameters
        ----------
        content : str, optional
            Only this content, such as ``Li6Va6``.

        Raises
        ------
        InputError
            If there is no such content, or the space has conditions and is too large to be enumerated.
        """
        contents = None if content is None else [self._content(content)]
        found = count_members(self.space, self.where, contents)
        if not found.exact:
            raise InputError(
                f"{self.name} holds {found.inequivalent:,} inequivalent configurations without its conditions, too "
                "many to see which fulfil them"
            )
        return Count(found.every, found.inequivalent)

    def enumerate(self, where: Conditions | Mapping[str, Any] | None = None) -> Iterator[Configuration]:
        """Yield every inequivalent configuration, in the order of the contents and of the ids in each.

        However many there are, few are held at a time. A repetition of a smaller cell is left out where the spec asks
        for supercells of several sizes.

        Parameters
        ----------
        where : Conditions or mapping, optional
            What each configuration must fulfil, as ``where`` in a spec; what the spec says if left out.

        Raises
        ------
        InputError
            If the conditions are wrong, or name a species that no sublattice holds.
        """
        from matbench_defects.enumeration.orderly import generate
        from matbench_defects.enumeration.stabilisers import Stabilisers

        chosen = self._conditions(where)
        met = Stabilisers(self.space, Checks.of(self.space, chosen))
        parts = (part for c in self.space.contents() for part in generate(self.space, c, chosen, ROWS, met))
        return (one for part in parts for one in Configurations(self.space, (part,)))

    def sample(
        self, n: int, seed: int = 0, *, where: Conditions | Mapping[str, Any] | None = None
    ) -> list[Configuration]:
        """Draw inequivalent configurations, each with the same probability and none twice, from a space of any size.

        Parameters
        ----------
        n : int
            How many.
        seed : int
            The same seed gives the same configurations.
        where : Conditions or mapping, optional
            As for `enumerate`.

        Raises
        ------
        InputError
            If fewer exist, or the conditions leave too few to be found by drawing.
        """
        from matbench_defects.enumeration.sampling import sample

        if n < 1:
            raise InputError(f"{n} configurations cannot be drawn; ask for 1 at least")
        return list(sample(self.space, n, seed, where=self._conditions(where)))

    def configuration(self, id_: str) -> Configuration:
        """Return the configuration that an id names.

        Parameters
        ----------
        id_ : str
            An id of this space, such as ``lno-cathode:Li6Va6:4f``.

        Raises
        ------
        InputError
            If it is not one of this space, or not meant: excluded, a repetition of a smaller cell, or against the
            conditions of the spec.

        Examples
        --------
        >>> import matbench_defects as md
        >>> space = md.load_spec("lno-cathode").space()
        >>> space.configuration("lno-cathode:Li6Va6:4f").content
        ((6, 6),)
        """
        found = Configuration(self.space, configuration_of(self.space, id_))
        if reason := self._refused(found):
            raise InputError(f"'{id_}' is not meant: {reason}")
        return found

    def _refused(self, one: Configuration) -> str:
        """Return why a configuration is not meant; empty where it is."""
        if self._finder is not None:
            return self._finder().refused(one)
        return Checks.of(self.space, self.where).refused(one.canonical_occupation, one.stabiliser_order)

    def identify(
        self, structure: Structure | Atoms | str | Path, *, displacement: float = 1.5, strain: float = 0.12
    ) -> Identified:
        """Say which configuration a structure is, relaxed or not, or why it is none.

        Parameters
        ----------
        structure : pymatgen.core.Structure, ase.Atoms, or path
            In any setting of the cell; a file that pymatgen reads, such as CIF or POSCAR.
        displacement : float
            An atom may lie so far from its site, Å.
        strain : float
            The cell may be so much longer or shorter than the ideal one in any direction, relatively.

        Returns
        -------
        Identified
            With ``id``, ``displacement`` (Å) and ``strain``; where it is none, with ``reason``, and with ``candidates``
            where it may be several.

        Raises
        ------
        InputError
            If a file cannot be read, sites are partly occupied, or such a displacement or strain cannot be allowed.
        """
        crystal = crystal_of(structure)
        if self._finder is not None:
            return self._finder().find(crystal, displacement=displacement, strain=strain, among=[self.name])
        from matbench_defects.enumeration.identify import identify

        found = identify(self.space, crystal, displacement, strain=strain)
        if found.configuration is None:
            return found
        reason = self._refused(found.configuration)
        return found.refused(reason) if reason else found

    def write(self, path: str | Path, progress: Callable[[int, int], None] | None = None) -> int:
        """Write every inequivalent configuration to a Parquet file, in bounded memory, and return how many.

        Parameters
        ----------
        path : path-like
            The file. It appears whole or not at all.
        progress : callable, optional
            Called with the number of configurations written and of those expected (without conditions).
        """
        from matbench_defects.enumeration.streaming import write_index

        return write_index(self.space, path, progress, where=self.where)

    def _conditions(self, where: Conditions | Mapping[str, Any] | None) -> Conditions | None:
        if where is None or isinstance(where, Conditions):
            return self.where if where is None else where
        from matbench_defects.spec.document import Document, validate

        return validate(Conditions, dict(where), Document({"where": dict(where)}), ("where",))

    def __repr__(self) -> str:
        parent, sites = self.space.parent, len(self.space.host_species)
        symmetry = f"{parent.space_group}, {self.space.size} variable of {sites} sites"
        return f"<Space {self.name}: {parent.formula}, {symmetry}, {len(self.space.group)} operations>"

    def _repr_html_(self) -> str:
        some = dict(list(self._contents.items())[:50])
        counts = count_members(self.space, self.where, some.values()).by_content
        rows = [(name, *map(shown_number, counts[content])) for name, content in some.items()]
        return html_table(("content", "configurations", "inequivalent"), rows, repr(self)[1:-1])

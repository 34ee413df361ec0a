"""A space of configurations: a supercell, its sublattices with their contents, and the group that acts on them."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.kinds.kind import Kind
from matbench_defects.crystal.kinds.structures import STRUCTURES
from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.relabelling import Exchange, representative
from matbench_defects.crystal.symmetry import (
    Cells,
    distinct_rows,
    keeping_operations,
    site_permutations,
)
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import digest
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.species import element_of, oxidation_state

Content = tuple[tuple[int, ...], ...]
"""How many of each species on each sublattice, both in the order of the spec."""


@dataclass(frozen=True)
class Sublattice:
    """A named set of supercell sites and what may sit on them.

    Parameters
    ----------
    name : str
        Its name in the spec.
    sites : ndarray of int, shape (n,)
        Its sites among the supercell's, increasing.
    species : tuple of str
        What may sit there, in the order of the spec.
    contents : tuple of tuple of int
        Every allowed content, in lexicographic order; each sums to n.
    """

    name: str
    sites: NDArray[np.int64]
    species: tuple[str, ...]
    contents: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Space:
    """All configurations of one supercell.

    A configuration is an *occupation*: one small integer a variable site, the index of its species in its sublattice's
    list. Variable sites are those of the sublattices, one sublattice after another in the order of the spec.

    Parameters
    ----------
    name : str
        Name of the space; ids begin with it.
    parent : Parent
        The ideal host crystal.
    cells : Cells
        The parent cells inside the supercell.
    sublattices : tuple of Sublattice
        What substitutes or leaves where.
    kind : Kind
        What a configuration is; a structure where nothing else is said. Where it begins with a point, the sites that
        the point blocks hold, in an occupation, one number more than their sublattice has species; the content counts
        what sits there.
    family : str
        Name of the space in the spec, where it is one of several shapes there; empty where it is the only one.
    meant : dict, optional
        The only contents that are meant, each with its name, such as that of a defect type; every content of the
        sublattices where it is None. Names are empty where the spec limits contents without naming them.
    groups : dict of str to str
        What the space belongs to, such as its host.
    exclusions : tuple of (str, str, float)
        Two species and how far apart their sites have to be at least, Å: what is nearer is no configuration.
    exchange : tuple of (int, tuple of int)
        Sets of species of a sublattice whose exchange is a symmetry. Contents that it carries into each other are one,
        and so are configurations.
    counts_idle_operations : bool
        Whether operations that move no variable site count among those that keep a configuration, as they do but for
        specs of the first rules.
    moments : dict of str to float
        Magnetic moments with which calculations of its structures start, Bohr magnetons, by species.
    memory : dict
        What is worked out once and kept, such as the cycle types of the group.
    """

    name: str
    parent: Parent
    cells: Cells
    sublattices: tuple[Sublattice, ...]
    kind: Kind = STRUCTURES
    family: str = ""
    meant: dict[Content, str] | None = field(default=None, compare=False, repr=False)
    groups: dict[str, str] = field(default_factory=dict, compare=False)
    exclusions: tuple[tuple[str, str, float], ...] = ()
    exchange: Exchange = ()
    counts_idle_operations: bool = field(default=True, compare=False)
    moments: dict[str, float] = field(default_factory=dict, compare=False)
    memory: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @functools.cached_property
    def group(self) -> NDArray[np.int32]:
        """The group on the variable sites, each distinct joint action once, shape (order, n)."""
        variable = self.variable_sites
        key = ("group", self.cells.rows.tobytes(), variable.tobytes())
        if key not in self.parent.memory:  # spaces may share their supercell
            everything = site_permutations(self.parent, self.cells)
            where = np.full(everything.shape[1], -1, dtype=np.int32)
            where[variable] = np.arange(len(variable), dtype=np.int32)
            self.parent.memory[key] = distinct_rows(where[everything[:, variable]])
        group: NDArray[np.int32] = self.parent.memory[key]
        return group

    @functools.cached_property
    def operations(self) -> int:
        """How many operations of the parent, with the translations inside the supercell, keep its lattice.

        The group holds fewer where some of them move no variable site.
        """
        if not self.counts_idle_operations:
            return len(self.group)
        return int(keeping_operations(self.parent, self.cells).sum()) * len(self.cells.offsets)

    @property
    def idle_operations(self) -> int:
        """How many of the operations act as each element of the group does; one, where each moves a variable site."""
        return self.operations // len(self.group)

    @functools.cached_property
    def variable_sites(self) -> NDArray[np.int64]:
        """The variable sites among the supercell's, shape (n,)."""
        return np.concatenate([s.sites for s in self.sublattices])

    @functools.cached_property
    def ranges(self) -> tuple[slice, ...]:
        """Where each sublattice's sites stand in an occupation."""
        ends = np.cumsum([len(s.sites) for s in self.sublattices])
        return tuple(slice(int(e) - len(s.sites), int(e)) for s, e in zip(self.sublattices, ends, strict=True))

    @property
    def size(self) -> int:
        """How many variable sites there are."""
        return len(self.variable_sites)

    @property
    def formula_units(self) -> int:
        """How many of the parent's formula units the supercell holds."""
        return self.parent.formula_units * len(self.cells.offsets)

    def contents(self) -> list[Content]:
        """Return every content that is meant, in the order of the spec; only those that can hold a point.

        Of contents that an exchange of species makes equal, the first.
        """
        if self.meant is not None:
            found = list(self.meant)
        else:
            found = list(itertools.product(*(s.contents for s in self.sublattices)))
        if self.exchange:
            found = [content for content in found if content == representative(self.exchange, content)]
        if self.meant is not None:
            return found
        if not self.kind.points.blocks:
            return found
        return [c for c in found if min(n for counts in self.placed(c) for n in counts) >= 0]

    @functools.cached_property
    def lattice(self) -> NDArray[np.float64]:
        """The supercell's vectors as rows, Å."""
        return self.cells.rows @ self.parent.lattice

    @functools.cached_property
    def host_species(self) -> tuple[str, ...]:
        """What the ideal host has on each site of the supercell, with its oxidation state if that is known."""
        return tuple(s for s in self.parent.species for _ in self.cells.offsets)

    @functools.cached_property
    def host_elements(self) -> tuple[str, ...]:
        """The element that the ideal host has on each site of the supercell."""
        return tuple(map(element_of, self.host_species))

    @functools.cached_property
    def has_states(self) -> bool:
        """Whether any of its species has an oxidation state."""
        held = itertools.chain(self.parent.species, *(s.species for s in self.sublattices))
        return any(oxidation_state(species) is not None for species in held)

    @functools.cached_property
    def host_contents(self) -> Content:
        """How many of each sublattice's species the ideal host has there."""
        found = [[self.host_species[i] for i in s.sites] for s in self.sublattices]
        return tuple(tuple(host.count(k) for k in s.species) for s, host in zip(self.sublattices, found, strict=True))

    @functools.cached_property
    def positions(self) -> NDArray[np.float64]:
        """Cartesian positions of all sites of the supercell, Å, shape (n * c, 3); inside the supercell."""
        fractional = self.parent.positions[:, None, :] + self.cells.offsets[None, :, :]
        inside = fractional.reshape(-1, 3) @ np.linalg.inv(self.cells.rows)
        inside -= np.floor(inside + 1e-9)
        return np.round(inside, 12) @ self.lattice

    def content(self, occupation: Sequence[int] | NDArray[np.uint8]) -> Content:
        """Return the content of one occupation; sites that a point blocks count by what sits there."""
        occupation = self._arranged(np.asarray(occupation), 0)
        return tuple(
            tuple(int(n) for n in np.bincount(occupation[r], minlength=len(s.species)))
            for s, r in zip(self.sublattices, self.ranges, strict=True)
        )

    def placed(self, content: Content) -> Content:
        """Return what of a content is placed on single sites: all but what a point holds."""
        points = self.kind.points
        if not points.blocks:
            return content
        held = points.arrangements[0]
        return tuple(
            tuple(n - (held.count(j) if i == points.sublattice else 0) for j, n in enumerate(counts))
            for i, counts in enumerate(content)
        )

    def end_points(self, occupation: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Return the structures that a configuration means, as occupations of the same sites: two of a pathway.

        Parameters
        ----------
        occupation : ndarray of uint8, shape (..., n)
            One configuration of this space, or many.
        """
        return [self._arranged(occupation, number) for number in range(len(self.kind.points.arrangements))]

    def _arranged(self, occupation: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        """Return one of the structures that configurations mean, species instead of marks."""
        points = self.kind.points
        if not points.blocks:
            return occupation
        result = occupation.copy()
        here = result[..., self.ranges[points.sublattice]]
        marked = here == points.mark
        here[marked] = np.tile(points.arrangements[number], np.count_nonzero(marked) // points.blocks)
        return result

    def blocked_sites(self, occupations: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the variable sites that the point of each configuration blocks, shape (m, b).

        Parameters
        ----------
        occupations : ndarray of uint8, shape (m, n)
            Configurations of this space.
        """
        points = self.kind.points
        where = self.ranges[points.sublattice]
        sites: NDArray[np.int64] = np.nonzero(occupations[:, where] == points.mark)[1] + where.start
        return sites.reshape(len(occupations), points.blocks)

    def point(self, occupation: NDArray[np.uint8]) -> int:
        """Return the number of a configuration's point.

        Raises
        ------
        InputError
            If the sites that are marked are those of no point.
        """
        points = self.kind.points
        where = self.ranges[points.sublattice]
        sites = np.flatnonzero(occupation[where] == points.mark) + where.start
        found: list[int] = []
        if len(sites) == points.blocks:
            found = np.flatnonzero((points.sites == sites).all(axis=1)).tolist()
        if not found:
            raise InputError(f"sites {sites.tolist()} are not those of a point of {self.name}")
        return found[0]

    @functools.cached_property
    def structures(self) -> Space:
        """The space of the structures that configurations mean: itself, where they are structures."""
        return self if not self.kind.points.blocks else dataclasses.replace(self, kind=STRUCTURES, memory={})

    def count(self, content: Content, name: str) -> int:
        """Return how many of one species a content has.

        Parameters
        ----------
        content : tuple of tuple of int
            The content.
        name : str
            A species that only one sublattice may hold, or ``sublattice.species``.

        Raises
        ------
        InputError
            If no sublattice, or more than one, holds it.
        """
        i, j = self.place(name)
        return content[i][j]

    def place(self, name: str) -> tuple[int, int]:
        """Return sublattice and position of a species, by the names of `count`."""
        known = {f"{s.name}.{k}": (i, j) for i, s in enumerate(self.sublattices) for j, k in enumerate(s.species)}
        short = [k for s in self.sublattices for k in s.species]
        places = {f.partition(".")[2]: f for f in known if short.count(f.partition(".")[2]) == 1}
        full = places.get(name, name)
        if full not in known:
            several = [f for f in known if f.partition(".")[2] == name]
            hint = f"say which of {', '.join(several)}" if several else nearest(name, [*places, *known])
            raise InputError(f"no content is called '{name}' in {self.name}; {hint}")
        return known[full]

    def content_name(self, content: Content) -> str:
        """Return a content for people and ids: ``Li6Va6``, sublattices joined by a dot."""
        return ".".join(self.counts_name(s, counts) for s, counts in zip(self.sublattices, content, strict=True))

    def counts_name(self, sublattice: Sublattice, counts: tuple[int, ...]) -> str:
        """Return the content of one sublattice for people and ids."""
        shown = ["Va" if s == VACANCY else s for s in sublattice.species]
        return "".join(f"{s}{n}" for s, n in zip(shown, counts, strict=True) if n)

    def site_species(self, occupation: NDArray[np.uint8]) -> list[str]:
        """Return what sits on each site of the supercell, vacancies named, in the first structure that is meant."""
        occupation = self._arranged(occupation, 0)
        result = list(self.host_species)
        for sublattice, where in zip(self.sublattices, self.ranges, strict=True):
            for site, kind in zip(sublattice.sites, occupation[where], strict=True):
                result[site] = sublattice.species[kind]
        return result

    def digest(self) -> str:
        """Return a digest of everything that an ideal structure depends on besides its occupation."""
        if "digest" not in self.memory:
            self.memory["digest"] = digest(
                {
                    "parent": self.parent.digest(),
                    "supercell": self.cells.rows.tolist(),
                    "sublattices": [[s.sites.tolist(), s.species] for s in self.sublattices],
                    **self.kind.identity(),
                    **({"exclusions": self.exclusions} if self.exclusions else {}),
                    **({"exchange": self.exchange} if self.exchange else {}),
                }
            )
        return str(self.memory["digest"])

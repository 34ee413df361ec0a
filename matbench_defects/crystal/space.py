"""A space of configurations: a supercell, its sublattices with their contents, and the group that acts on them."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.contents import meant_contents
from matbench_defects.crystal.parent import Parent, build_parent
from matbench_defects.crystal.pathway import Pathway, neighbour_edges
from matbench_defects.crystal.shapes import primitive, supercell_shapes
from matbench_defects.crystal.structure import Crystal
from matbench_defects.crystal.symmetry import (
    LARGEST_BOX,
    Cells,
    box_volume,
    distinct_rows,
    keeping_operations,
    parent_action,
    site_permutations,
    supercell_volume,
)
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import digest
from matbench_defects.spec.document import Route
from matbench_defects.spec.fields import LARGEST_SUPERCELL, VACANCY
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import PathwaySpec, SpaceSpec

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
    pathway : Pathway, optional
        The edges of the mobile ion, where the space holds pathways and not structures. Both ends of a pathway's edge
        carry, in its occupation, one number more than the sublattice has species; its content counts them as the one
        ion and the one vacancy that they share.
    family : str
        Name of the space in the spec, where it is one of several shapes there; empty where it is the only one.
    meant : dict, optional
        The only contents that are meant, each with its name, such as that of a defect type; every content of the
        sublattices where it is None. Names are empty where the spec limits contents without naming them.
    groups : dict of str to str
        What the space belongs to, such as its host.
    memory : dict
        What is worked out once and kept, such as the cycle types of the group.
    """

    name: str
    parent: Parent
    cells: Cells
    sublattices: tuple[Sublattice, ...]
    pathway: Pathway | None = None
    family: str = ""
    meant: dict[Content, str] | None = field(default=None, compare=False, repr=False)
    groups: dict[str, str] = field(default_factory=dict, compare=False)
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
        """Return every content that is meant, in the order of the spec; of pathways, those with ion and vacancy."""
        if self.meant is not None:
            return list(self.meant)
        found: list[Content] = list(itertools.product(*(s.contents for s in self.sublattices)))
        if self.pathway is None:
            return found
        return [c for c in found if min(n for counts in self.placed(c) for n in counts) >= 0]

    @functools.cached_property
    def lattice(self) -> NDArray[np.float64]:
        """The supercell's vectors as rows, Å."""
        return self.cells.rows @ self.parent.lattice

    @functools.cached_property
    def host_species(self) -> tuple[str, ...]:
        """What the ideal host has on each site of the supercell."""
        return tuple(s for s in self.parent.species for _ in self.cells.offsets)

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
        """Return the content of one occupation; a pathway's edge counts as one ion and one vacancy."""
        occupation = np.asarray(occupation)
        if self.pathway is not None:
            occupation = self._ends(occupation, 0)
        return tuple(
            tuple(int(n) for n in np.bincount(occupation[r], minlength=len(s.species)))
            for s, r in zip(self.sublattices, self.ranges, strict=True)
        )

    def placed(self, content: Content) -> Content:
        """Return what of a content is placed on single sites: in a space of pathways, one ion and one vacancy less."""
        if self.pathway is None:
            return content
        taken = (self.pathway.mobile, self.pathway.vacancy)
        return tuple(
            tuple(n - (i == self.pathway.sublattice and j in taken) for j, n in enumerate(counts))
            for i, counts in enumerate(content)
        )

    def _ends(self, occupation: NDArray[np.uint8], vacant: int) -> NDArray[np.uint8]:
        """Return the structure at one end of a pathway, the first (0) or second (1) site of its edge vacant."""
        assert self.pathway is not None
        mark = len(self.sublattices[self.pathway.sublattice].species)
        where = self.ranges[self.pathway.sublattice]
        ends = np.flatnonzero(occupation[where] == mark) + where.start
        result = occupation.copy()
        if len(ends):
            result[ends] = self.pathway.mobile
            result[ends[vacant]] = self.pathway.vacancy
        return result

    def end_points(self, occupation: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the two structures that a pathway joins, as occupations of the same sites.

        Parameters
        ----------
        occupation : ndarray of uint8, shape (n,)
            A pathway of this space.

        Raises
        ------
        InputError
            If the space does not hold pathways.
        """
        if self.pathway is None:
            raise InputError(f"the space {self.name} holds structures; `pathway` would make it one of pathways")
        return self._ends(occupation, 1), self._ends(occupation, 0)

    @functools.cached_property
    def structures(self) -> Space:
        """The space of the structures that pathways join: itself, where it holds structures."""
        return self if self.pathway is None else dataclasses.replace(self, pathway=None, memory={})

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
        i, j = self._place(name)
        return content[i][j]

    def _place(self, name: str) -> tuple[int, int]:
        """Return sublattice and position of a species."""
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
        parts = []
        for sublattice, counts in zip(self.sublattices, content, strict=True):
            shown = ["Va" if s == VACANCY else s for s in sublattice.species]
            parts.append("".join(f"{s}{n}" for s, n in zip(shown, counts, strict=True) if n))
        return ".".join(parts)

    def site_species(self, occupation: NDArray[np.uint8]) -> list[str]:
        """Return what sits on each site of the supercell, vacancies named; of a pathway, at its first end point."""
        if self.pathway is not None:
            occupation = self._ends(occupation, 1)
        result = list(self.host_species)
        for sublattice, where in zip(self.sublattices, self.ranges, strict=True):
            for site, kind in zip(sublattice.sites, occupation[where], strict=True):
                result[site] = sublattice.species[kind]
        return result

    def crystal(self, occupation: NDArray[np.uint8]) -> Crystal:
        """Return the ideal, unrelaxed structure of one occupation, vacant sites left out."""
        species = self.site_species(occupation)
        filled = [i for i, s in enumerate(species) if s != VACANCY]
        return Crystal(self.lattice, tuple(species[i] for i in filled), self.positions[filled])

    def digest(self) -> str:
        """Return a digest of everything that an ideal structure depends on besides its occupation."""
        pathway = {} if self.pathway is None else {"edges": self.pathway.edges.tolist()}
        return digest(
            {
                "parent": self.parent.digest(),
                "supercell": self.cells.rows.tolist(),
                "sublattices": [[s.sites.tolist(), s.species] for s in self.sublattices],
                **pathway,
            }
        )


def build_spaces(spec: Spec) -> dict[str, Space]:
    """Build every space of a spec.

    Raises
    ------
    InputError
        With the file and line of the field that is at fault.
    """
    spaces: dict[str, Space] = {}
    parents: dict[tuple[str, Path], Parent] = {}
    for name, (part, route) in spec.all_spaces().items():
        same = (part.parent.model_dump_json(), spec.document.folder((*route, "parent", "cif")))
        if same not in parents:
            parents[same] = _parent(spec, part, route)
        parent = parents[same]
        if part.sizes is None:
            spaces[name] = _space(spec, name, parent, np.array(_checked_rows(spec, part, route)), part, route)
        else:
            spaces |= _shapes(spec, name, primitive(parent), part.sizes, part, route)
    return spaces


def _parent(spec: Spec, part: SpaceSpec, route: Route) -> Parent:
    try:
        return build_parent(part.parent, spec.document.folder((*route, "parent", "cif")))
    except InputError as error:
        if error.file is not None:
            raise
        raise spec.error((*route, "parent"), error.message) from None


def _checked_rows(spec: Spec, part: SpaceSpec, route: Route) -> list[list[int]]:
    if max(abs(n) for row in part.supercell_rows for n in row) > LARGEST_SUPERCELL:
        raise spec.error((*route, "supercell"), f"no number may exceed {LARGEST_SUPERCELL}")
    return part.supercell_rows


def _shapes(
    spec: Spec, name: str, parent: Parent, sizes: tuple[int, ...], part: SpaceSpec, route: Route
) -> dict[str, Space]:
    """Build a space on every inequivalent shape of supercell that can hold one of the contents."""
    if part.pathway is not None:
        raise spec.error((*route, "pathway"), "needs one supercell, not sizes")
    for named in ("strata", "also"):
        if getattr(part.configurations, named):
            raise spec.error((*route, "configurations", named), "does not go with sizes of supercells")
    spaces: dict[str, Space] = {}
    refused: InputError | None = None
    for size in sizes:
        for number, rows in enumerate(supercell_shapes(parent, size), start=1):
            shape = f"{name}-{size}-{number}"
            try:
                spaces[shape] = dataclasses.replace(_space(spec, shape, parent, rows, part, route), family=name)
            except _NoContentError as error:
                refused = error
    if not spaces and refused is not None:
        raise refused
    return spaces


class _NoContentError(InputError):
    """The contents do not add up to the sites of this supercell."""


def _space(spec: Spec, name: str, parent: Parent, rows: NDArray[np.int64], part: SpaceSpec, route: Route) -> Space:
    count = supercell_volume(rows)
    if count == 0:
        raise spec.error((*route, "supercell"), "its three vectors lie in a plane")
    if count * len(parent.species) > LARGEST_SUPERCELL:
        raise spec.error(
            (*route, "supercell"),
            f"{count} cells of {len(parent.species)} atoms exceed the {LARGEST_SUPERCELL} sites that are handled",
        )
    if box_volume(rows) > LARGEST_BOX:
        raise spec.error((*route, "supercell"), "its vectors are too skewed; give shorter ones of the same lattice")
    cells = Cells.of(rows)
    sublattices: list[Sublattice] = []
    for label, description in part.sublattices.items():
        here = (*route, "sublattices", label)
        names = description.sites or [label]
        members: set[int] = set()
        for wanted in names:
            found = {i for i, s in enumerate(parent.labels) if s == wanted}
            found = found or {i for i, s in enumerate(parent.species) if s == wanted}
            if not found:
                field = (*here, "sites") if description.sites else here
                known = set(parent.labels) | set(parent.species)
                raise spec.error(field, f"the parent has no site '{wanted}'; {nearest(wanted, known)}")
            members |= found
        sites = np.array([i * count + k for i in sorted(members) for k in range(count)], dtype=np.int64)
        for other in sublattices:
            if set(other.sites.tolist()) & set(sites.tolist()):
                raise spec.error(here, f"shares sites with the sublattice '{other.name}'; each site belongs to one")
        allowed = {s: c.counts for s, c in description.species.items()}
        contents = _contents(allowed, len(sites))
        if not contents:
            located = spec.error(here, _no_content(allowed, len(sites)))
            raise _NoContentError(located.message, file=located.file, line=located.line, field=located.field)
        sublattices.append(Sublattice(label, sites, tuple(allowed), contents))
    space = Space(name, parent, cells, tuple(sublattices), groups=dict(part.groups))
    _check_kept_apart(spec, route, space)
    if part.pathway is not None:
        space = dataclasses.replace(space, pathway=_pathway(spec, part.pathway, route, space))
    if part.contents is not None or part.defects is not None:
        space = dataclasses.replace(space, meant=_meant(spec, part, route, space))
    return space


def _meant(spec: Spec, part: SpaceSpec, route: Route, space: Space) -> dict[Content, str]:
    fillers = [next((s for s, c in d.species.items() if c.counts is None), "") for d in part.sublattices.values()]
    field = "contents" if part.contents is not None else "defects"
    try:
        return meant_contents(space, part.contents, fillers, part.defects)
    except InputError as error:
        raise spec.error((*route, field), error.message) from None


def _pathway(spec: Spec, description: PathwaySpec, route: Route, space: Space) -> Pathway:
    here = (*route, "pathway")
    wanted = description.sublattice or description.species
    known = [s.name for s in space.sublattices]
    if wanted not in known:
        raise spec.error((*here, "sublattice"), f"no sublattice is called '{wanted}'; {nearest(wanted, known)}")
    index = known.index(wanted)
    species = space.sublattices[index].species
    for needed in (description.species, VACANCY):
        if needed not in species:
            raise spec.error(here, f"the sublattice '{wanted}' holds no {needed}; {nearest(needed, species)}")
    sites = space.sublattices[index].sites
    try:
        edges = neighbour_edges(space.lattice, space.positions[sites], description.cutoff)
    except InputError as error:
        raise spec.error((*here, "cutoff"), error.message) from None
    edges = edges + space.ranges[index].start
    images = np.sort(space.group[:, edges], axis=2).reshape(-1, 2).astype(np.int64)
    if not np.isin(images @ [space.size, 1], edges @ [space.size, 1]).all():
        raise spec.error((*here, "cutoff"), "parts edges that symmetry makes equal; move it away from their length")
    return Pathway(index, species.index(description.species), species.index(VACANCY), edges)


def _contents(allowed: dict[str, tuple[int, ...] | None], size: int) -> tuple[tuple[int, ...], ...]:
    ranges = [range(size + 1) if c is None else [n for n in c if n <= size] for c in allowed.values()]
    found: list[tuple[int, ...]] = []

    def extend(chosen: tuple[int, ...], left: int) -> None:
        if len(chosen) == len(ranges):
            if left == 0:
                found.append(chosen)
            return
        last = len(chosen) == len(ranges) - 1
        for n in ranges[len(chosen)]:
            if n <= left and (not last or n == left):
                extend((*chosen, n), left - n)

    extend((), size)
    return tuple(found)


def _no_content(allowed: dict[str, tuple[int, ...] | None], size: int) -> str:
    fixed = [c for c in allowed.values() if c is not None]
    low, high = sum(c[0] for c in fixed), sum(c[-1] for c in fixed)
    total = str(low) if low == high else f"{low} to {high}"
    hint = "" if len(fixed) < len(allowed) or low > size else "; name one species as `rest`"
    return f"the species add up to {total}, but the supercell has {size} of these sites{hint}"


def _check_kept_apart(spec: Spec, route: Route, space: Space) -> None:
    """Refuse an operation that carries one sublattice into another: it would merge different spaces."""
    where = np.full(len(space.parent.species), -1)
    members = [np.unique(s.sites // len(space.cells.offsets), return_index=True)[0] for s in space.sublattices]
    for i, atoms in enumerate(members):
        where[atoms] = i
    try:
        action, _ = parent_action(space.parent)
    except InputError as error:
        raise spec.error((*route, "parent"), error.message) from None
    action = action[keeping_operations(space.parent, space.cells)]
    for i, sublattice in enumerate(space.sublattices):
        images = where[action[:, members[i]]]
        if (images != i).any():
            other = int(images[images != i][0])
            reached = f"the sublattice '{space.sublattices[other].name}'" if other >= 0 else "sites outside it"
            raise spec.error(
                (*route, "sublattices", sublattice.name),
                f"symmetry carries its sites onto {reached}; put symmetry-equivalent sites in one sublattice, or give "
                "a parent of lower symmetry",
            )

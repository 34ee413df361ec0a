"""Conditions on configurations, in the form in which generation checks them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import Stage, stages
from matbench_defects.crystal.space import Content, Space
from matbench_defects.enumeration.configurations import decode
from matbench_defects.enumeration.distance_limits import Limits, limits_of, limits_where
from matbench_defects.enumeration.exclusions import Exclusions
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.spaces import Conditions
from matbench_defects.spec.species import element_of, oxidation_state

Orders = NDArray[np.int32] | NDArray[np.int64]
"""How many operations keep each of many configurations."""
NEUTRAL = 1e-6
"""A cell whose charge is less than this, in units of the elementary charge, is neutral."""
SLICE = 65_536
"""Configurations that are decoded at a time."""


@dataclass(frozen=True)
class Checks:
    """The conditions of one space.

    Parameters
    ----------
    space : Space
        The space.
    limits : list of Limit
        For two species, which pairs of variable sites they may hold; the diagonal of one species says whether a site
        may hold it at all, next to its own images and to what is fixed in the host.
    charges : dict
        Charge by species; empty where charge does not matter.
    smallest_order, largest_order : int
        How many elements of the space's group must keep a configuration: operations that act alike count once.
    translations : ndarray of int, shape (c - 1, n), or None
        Of a space that is one shape of supercell among several: the parent's lattice translations, none of which may
        keep a configuration, for it then belongs to a smaller cell.
    """

    space: Space
    limits: Limits = field(default_factory=list)
    charges: dict[str, float] = field(default_factory=dict)
    smallest_order: int = 1
    largest_order: int | None = None
    translations: NDArray[np.int32] | None = None
    memory: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, space: Space, where: Conditions | None) -> Checks:
        """Return the checks that conditions ask for, and a space itself where it is one shape of several.

        Raises
        ------
        InputError
            If they name a species that no sublattice holds, or leave a charge out.
        """
        translations = lattice_translations(space) if space.family else None
        limits = limits_of(space)
        if where is None:
            return cls(space, limits, translations=translations)
        charges = _charges(space, where)
        _check_exchange(space, where, charges)
        limits += limits_where(space, where.distances)
        _check_exchanged_limits(space, limits)
        order, idle = where.symmetry_order, space.idle_operations if where.symmetry_order else 1
        return cls(
            space,
            limits,
            charges,
            -(-order.at_least // idle) if order else 1,
            order.at_most // idle if order and order.at_most is not None else None,
            translations,
        )

    @property
    def by_symmetry(self) -> bool:
        """Whether the order of the stabiliser matters."""
        return self.smallest_order > 1 or self.largest_order is not None

    def exclusions(self) -> Exclusions | None:
        """Return the limits as exclusions that are counted exactly; None without limits.

        None also where points are placed or species exchanged, which they do not count.
        """
        if not self.limits or self.space.kind.points.blocks or self.space.exchange:
            return None
        if len(self.limits) == len(limits_of(self.space)):
            return exclusions_of(self.space)
        if "exclusions" not in self.memory:
            self.memory["exclusions"] = Exclusions(self.space, self.limits)
        found: Exclusions = self.memory["exclusions"]
        return found

    @property
    def any(self) -> bool:
        """Whether there are conditions on distances."""
        return bool(self.limits)

    @property
    def on_contents_alone(self) -> bool:
        """Whether a content that is neutral holds only configurations that fulfil everything."""
        return self.on_distances_alone and not self.limits

    @property
    def on_distances_alone(self) -> bool:
        """Whether a configuration of a neutral content fulfils everything if it keeps the distances."""
        return not self.by_symmetry and self.translations is None

    def content(self, content: Content) -> bool:
        """Return whether a content is neutral, or charge does not matter."""
        if not self.charges:
            return True
        variable = set(self.space.variable_sites.tolist())
        fixed = Counter(s for i, s in enumerate(self.space.host_species) if i not in variable)
        total = sum(self.charges[s] * n for s, n in fixed.items())
        for sublattice, counts in zip(self.space.sublattices, content, strict=True):
            total += sum(self.charges.get(s, 0.0) * n for s, n in zip(sublattice.species, counts, strict=True))
        return abs(total) < NEUTRAL

    def _species(self, stage: Stage) -> tuple[str, ...]:
        """Return what a placement puts down; the sites of a point hold its species by turns, so all of them count."""
        names = self.space.sublattices[stage.sublattice].species
        held = self.space.kind.points.arrangements[0] if stage.point else (stage.species,)
        return tuple(names[k] for k in dict.fromkeys(held))

    def _fine(self, one: Stage, other: Stage, pairs: list[tuple[str, str]]) -> NDArray[np.bool_] | None:
        a, b = self.space.ranges[one.sublattice], self.space.ranges[other.sublattice]
        found = [fine[a, b] for x, y, fine, _ in self.limits for pair in pairs if pair in ((x, y), (y, x))]
        return np.logical_and.reduce(found) if found else None

    def between(self, one: Stage, other: Stage) -> NDArray[np.bool_] | None:
        """Return which sites two placements may take together, shape (n, m); None where all."""
        return self._fine(one, other, list(itertools.product(self._species(one), self._species(other))))

    def within(self, stage: Stage) -> NDArray[np.bool_] | None:
        """Return which pairs of sites one placement may take, shape (n, n); None where all."""
        species = self._species(stage)
        return self._fine(stage, stage, [(species[0], species[-1])])

    def finished(
        self, content: Content, placed: NDArray[np.unsignedinteger], multiplicities: NDArray[np.int32]
    ) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int32]]:
        """Keep what fulfils the conditions that only whole configurations can: symmetry, and the rest's distances."""
        kept = None
        if self.by_symmetry:
            orders = len(self.space.group) // multiplicities
            kept = orders >= self.smallest_order
            if self.largest_order is not None:
                kept &= orders <= self.largest_order
        rest = {s.species[k] for s, k in zip(self.space.sublattices, stages(self.space, content)[1], strict=True)}
        late = [x for x in self.limits if rest & {x.one, x.other} or (x.one == x.other and not x.fine.diagonal().all())]
        if late or self.translations is not None:
            kept = np.ones(len(multiplicities), dtype=bool) if kept is None else kept
            for i in range(0, len(multiplicities), SLICE):
                here = slice(i, i + SLICE)
                occupations = decode(self.space, content, placed[:, here])
                kept[here] &= self._hold(late, occupations) & ~self._repeats(occupations)
        return (placed, multiplicities) if kept is None else (placed[:, kept], multiplicities[kept])

    def refused(self, occupation: NDArray[np.uint8], order: int) -> str:
        """Return why one configuration, kept by some elements of the group, is none that is meant; empty else.

        Parameters
        ----------
        occupation : ndarray of uint8, shape (n,)
            The configuration.
        order : int
            The order of its stabiliser.
        """
        if self._repeats(occupation[None])[0]:
            return "it repeats a smaller cell, to which it belongs"
        if order < self.smallest_order or (self.largest_order is not None and order > self.largest_order):
            return f"{order * self.space.idle_operations} operations keep it, which `where` does not allow"
        if not self.content(self.space.content(occupation)):
            return "its charges do not add up to zero, as `where` demands"
        for limit in self.limits:
            if not self._hold([limit], occupation[None])[0]:
                return limit.broken
        return ""

    def fulfilled(self, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which occupations, shape (m, n), keep all distances."""
        return self._hold(self.limits, occupations)

    def _repeats(self, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which configurations of a shape of supercell repeat a smaller cell."""
        repeats = np.zeros(len(occupations), dtype=bool)
        for translation in () if self.translations is None else self.translations:
            repeats |= (occupations[:, translation] == occupations).all(axis=1)
        return repeats

    def _hold(self, limits: Limits, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which occupations keep the limits in every structure that they mean."""
        kept = np.ones(len(occupations), dtype=bool)
        for structure, (one, other, fine, _) in itertools.product(self.space.end_points(occupations), limits):
            a, b = self._holding(structure, one), self._holding(structure, other)
            bad = ~fine if one == other else ~fine & ~np.eye(len(fine), dtype=bool)
            kept &= ~((a.astype(np.float32) @ bad.astype(np.float32) > 0) & b).any(axis=1)
        return kept

    def _holding(self, occupations: NDArray[np.uint8], species: str) -> NDArray[np.bool_]:
        result = np.zeros(occupations.shape, dtype=bool)
        for sublattice, where in zip(self.space.sublattices, self.space.ranges, strict=True):
            if species in sublattice.species:
                result[:, where] = occupations[:, where] == sublattice.species.index(species)
        return result


def _charges(space: Space, where: Conditions) -> dict[str, float]:
    """Return the charge of each species of a space: its oxidation state, or what is given; empty where none matters.

    Raises
    ------
    InputError
        If one is not known, or given otherwise than the species says.
    """
    if not where.charges:
        return {}
    given = {} if isinstance(where.charges, str) else where.charges
    held = {s for sublattice in space.sublattices for s in sublattice.species}
    variable = set(space.variable_sites.tolist())
    held |= {s for i, s in enumerate(space.host_species) if i not in variable}
    charges: dict[str, float] = {}
    missing = []
    for species in sorted(held - {VACANCY}):
        state, told = oxidation_state(species), given.get(species, given.get(element_of(species)))
        if state is not None and told not in (None, state):
            raise InputError(f"{species} has the charge {state:+d}, not {told:+g}")
        if state is None and told is None:
            missing.append(species)
        else:
            charges[species] = float(told if state is None and told is not None else state or 0)
    if missing:
        shown = ", ".join(missing)
        if isinstance(where.charges, str):
            first = element_of(missing[0])
            raise InputError(
                f"{shown} has no oxidation state; write it into the sublattices, such as {first}2+, or for the ideal "
                f"host into the parent: `oxidation_states: {{{first}: ...}}`"
            )
        raise InputError(f"the charge of {shown} is not given")
    return charges


def _check_exchange(space: Space, where: Conditions, charges: Mapping[str, float]) -> None:
    """Refuse conditions that tell species apart whose exchange is a symmetry: they would cut orbits in two.

    Raises
    ------
    InputError
        Naming the species.
    """
    limits = {(frozenset(limit.between), limit.at_least, limit.at_most) for limit in where.distances}
    for i, members in space.exchange:
        for one, other in itertools.pairwise(space.sublattices[i].species[k] for k in members):
            if charges.get(one) != charges.get(other):
                raise InputError(f"{one} and {other} are exchanged (`exchange`), but have different charges")
            swap = {one: other, other: one}
            for between, *bounds in limits:
                if (frozenset(swap.get(species, species) for species in between), *bounds) not in limits:
                    raise InputError(
                        f"{one} and {other} are exchanged (`exchange`), but are to keep different distances"
                    )


def _check_exchanged_limits(space: Space, limits: Limits) -> None:
    """Refuse limits by what is fixed in the host that hold for one of two exchanged species alone.

    Raises
    ------
    InputError
        Naming the species.
    """
    for i, members in space.exchange:
        where = space.ranges[i]
        names = [space.sublattices[i].species[k] for k in members]
        held = {name: np.ones(space.size, dtype=bool)[where] for name in names}
        for limit in limits:
            if limit.one == limit.other and limit.one in held:
                held[limit.one] &= limit.fine.diagonal()[where]
        for one, other in itertools.pairwise(names):
            if (held[one] != held[other]).any():
                raise InputError(
                    f"{one} and {other} are exchanged (`exchange`), but are to keep different distances to what is "
                    "fixed in the host"
                )


def exclusions_of(space: Space) -> Exclusions:
    """Return a space's own exclusions, with what was counted by them."""
    if "exclusions" not in space.memory:
        space.memory["exclusions"] = Exclusions(space, limits_of(space))
    found: Exclusions = space.memory["exclusions"]
    return found


def lattice_translations(space: Space) -> NDArray[np.int32]:
    """Return the parent's lattice translations on the variable sites, the identity left out, shape (c - 1, n).

    Parameters
    ----------
    space : Space
        The space; its parent in a primitive cell (`shapes.primitive`), or centring vectors are not among them.
    """
    offsets = space.cells.offsets
    count = len(offsets)
    images = space.cells.index(offsets[:, None, :] + offsets[None, :, :])  # translation, cell
    atoms, cells = np.divmod(space.variable_sites, count)
    where = np.full(len(space.host_species), -1)
    where[space.variable_sites] = np.arange(space.size)
    moved = where[atoms * count + images[:, cells]]
    others: NDArray[np.int32] = moved[(moved != np.arange(space.size)).any(axis=1)].astype(np.int32)
    return others

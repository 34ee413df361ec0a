"""Ideal hosts over which structures are laid, and why one can hold a structure or not."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.shapes import hermite_normal_form
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.crystal.symmetry import Cells, parent_action
from matbench_defects.enumeration.assigning import (
    Sites,
    holds_of,
)
from matbench_defects.spec.fields import VACANCY

Composition = frozenset[tuple[str, int]]


@dataclass(frozen=True)
class Host:
    """The ideal host of one space, or of all shapes of a family, and the lattice over which cells are laid.

    Parameters
    ----------
    parent : Parent
        The parent crystal.
    basis : ndarray of int, shape (3, 3)
        That lattice's vectors in the parent's: the supercell's of one space, the parent's own of a family.
    spaces : dict of bytes to Space
        The spaces, by the Hermite normal form of their supercells.
    family : str
        Name of the family; empty for one space.
    memory : dict
        Cells and compositions, worked out once.
    """

    parent: Parent
    basis: NDArray[np.int64]
    spaces: dict[bytes, Space]
    family: str = ""
    memory: dict[object, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.family or self.first.name

    @property
    def first(self) -> Space:
        """Any of its spaces; in a family all have the same sublattices."""
        return next(iter(self.spaces.values()))

    def sites(self, rows: NDArray[np.int64]) -> Sites:
        """Return the sites of a cell, given by its vectors in the parent's."""
        key = ("sites", rows.tobytes())
        if key not in self.memory:
            space = self.first
            count = len(space.cells.offsets)
            held = [((s.sites // count).tolist(), s.species) for s in space.sublattices]
            self.memory[key] = Sites(self.parent, Cells.of(rows), holds_of(self.parent, held))
        found = self.memory[key]
        assert isinstance(found, Sites)
        return found

    def rotations(self) -> NDArray[np.int64]:
        """Return the parent's proper rotations that keep the lattice, for rows of its coordinates."""
        if "rotations" not in self.memory:
            turned = self.basis @ self.parent.rotations.transpose(0, 2, 1) @ np.linalg.inv(self.basis)
            whole = np.round(turned)
            kept = (np.abs(turned - whole).max(axis=(1, 2)) < 1e-6) & (np.round(np.linalg.det(turned)) > 0)
            self.memory["rotations"] = np.unique(whole[kept].astype(np.int64), axis=0)
        found = self.memory["rotations"]
        assert isinstance(found, np.ndarray)
        return found

    def first_translated(self) -> NDArray[np.int64]:
        """Return, for each site of the parent, the first into which centring translations carry it, shape (n,)."""
        if "translated" not in self.memory:
            count = len(self.first.cells.offsets)
            names = np.full(len(self.parent.species), -1)
            for number, sublattice in enumerate(self.first.sublattices):
                names[sublattice.sites // count] = number
            pure = (self.parent.rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
            images = parent_action(self.parent)[0][pure]
            self.memory["translated"] = images[(names[images] == names).all(axis=1)].min(axis=0)
        found = self.memory["translated"]
        assert isinstance(found, np.ndarray)
        return found

    def volumes(self, crystal: Crystal) -> list[int]:
        """Return how many cells of the lattice a structure of these atoms can fill: every number that a content fits.

        A structure that repeats a smaller cell has the composition of that one so many times.
        """
        held = Counter(crystal.species)
        common = math.gcd(*held.values()) or 1
        found = set()
        for copies in (n for n in range(1, common + 1) if common % n == 0):
            part = frozenset((species, number // copies) for species, number in held.items())
            found |= {size * copies for size in self._sizes().get(part, ())}
        return sorted(found)

    def _sizes(self) -> dict[Composition, set[int]]:
        """Return the compositions of all contents, with the cells of the lattice that hold them."""
        if "sizes" not in self.memory:
            sizes: dict[Composition, set[int]] = {}
            seen = set()
            for space in self.spaces.values():
                size = len(space.cells.offsets) if self.family else 1
                if size not in seen:  # shapes of one size have the same contents
                    seen.add(size)
                    for composition in compositions(space):
                        sizes.setdefault(composition, set()).add(size)
            self.memory["sizes"] = sizes
        found = self.memory["sizes"]
        assert isinstance(found, dict)
        return found

    def sized(self) -> set[int]:
        """Return how many of the parent's cells its supercells hold."""
        return {len(space.cells.offsets) for space in self.spaces.values()}

    def shape_of(self, rows: NDArray[np.int64]) -> tuple[Space, int] | None:
        """Return the space of a supercell that an operation of the parent carries into its own, and the operation."""
        if not self.family:
            return self.first, self._identity()
        key = ("shape", rows.tobytes())
        if key not in self.memory:
            turned = rows @ self.parent.rotations.transpose(0, 2, 1)
            names = ((self.spaces.get(hermite_normal_form(t).tobytes()), g) for g, t in enumerate(turned))
            self.memory[key] = next(((space, g) for space, g in names if space is not None), None)
        found = self.memory[key]
        assert found is None or isinstance(found, tuple)
        return found

    def _identity(self) -> int:
        same = (self.parent.rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
        moved = np.abs(self.parent.translations - np.round(self.parent.translations)).max(axis=1)
        return int(np.flatnonzero(same & (moved < 1e-6))[0])


def hosts_of(spaces: Iterable[Space]) -> list[Host]:
    """Return the hosts of spaces of structures: one for each space, and one for all shapes of a family together."""
    families: dict[str, Host] = {}
    hosts = []
    for space in spaces:
        key = hermite_normal_form(space.cells.rows).tobytes()
        if not space.family:
            hosts.append(Host(space.parent, space.cells.rows, {key: space}))
        elif space.family in families:
            families[space.family].spaces[key] = space
        else:
            host = Host(space.parent, np.eye(3, dtype=np.int64), {key: space}, space.family)
            families[space.family] = host
            hosts.append(host)
    return hosts


def no_composition(host: Host, crystal: Crystal) -> str:
    """Return why no content of a host's spaces has a structure's atoms."""
    if not host.family:
        return cannot_be(host.first, crystal)
    space = host.first
    if strange := _strange(space, crystal):
        return strange
    shown = _shown_atoms(Counter(crystal.species))
    return f"no content of {host.name} in {listed(host.sized())} parent cells has its composition, {shown}"


def no_setting(host: Host, crystal: Crystal, volumes: list[int], strain: float) -> str:
    """Return that no way to lay a structure's cell over a host was found."""
    shown = _shown(crystal.lattice)
    if host.family:
        cells = f"{listed(volumes)} parent cells" if len(volumes) < 8 else "any number of parent cells"
        return f"its cell ({shown}) is none of {cells} strained by at most {strain:g}"
    ideal = _shown(host.basis @ host.parent.lattice)
    return f"its cell ({shown}) is no setting of the supercell ({ideal}) strained by at most {strain:g}"


def cannot_be(space: Space, crystal: Crystal) -> str:
    """Return why a space has no content with a structure's atoms; empty where it has one."""
    if strange := _strange(space, crystal):
        return strange
    if len(crystal) > len(space.host_species):
        return f"it has {len(crystal)} atoms, the supercell {len(space.host_species)} sites"
    held = Counter(crystal.species)
    for species, number in _fixed(space).items():
        if held[species] < number:
            return f"it has {held[species]} {species}, the host alone {number}"
    if frozenset(held.items()) not in compositions(space):
        return f"no content of the space has its composition, {_shown_atoms(held)}"
    return ""


def _strange(space: Space, crystal: Crystal) -> str:
    known = set(space.host_species) | {s for sublattice in space.sublattices for s in sublattice.species}
    strange = sorted(set(crystal.species) - known)
    return f"the space has no {', '.join(strange)}" if strange else ""


def _fixed(space: Space) -> Counter[str]:
    """Return how many of each species sit on sites of no sublattice."""
    variable = set(space.variable_sites.tolist())
    return Counter(s for i, s in enumerate(space.host_species) if i not in variable)


def compositions(space: Space) -> set[Composition]:
    """Return the atoms by element of every content of a space."""
    known: set[Composition] | None = space.memory.get("compositions")
    if known is None:
        known = set()
        fixed = _fixed(space)
        for content in dataclasses.replace(space, exchange=()).contents():
            atoms = fixed.copy()
            for sublattice, counts in zip(space.sublattices, content, strict=True):
                atoms.update(dict(zip(sublattice.species, counts, strict=True)))
            known.add(frozenset((s, n) for s, n in atoms.items() if n and s != VACANCY))
        space.memory["compositions"] = known
    return known


def _shown_atoms(held: Counter[str]) -> str:
    return " ".join(f"{species}{number}" for species, number in sorted(held.items()))


def _shown(lattice: NDArray[np.float64]) -> str:
    lengths = ", ".join(f"{x:.2f}" for x in np.linalg.norm(lattice, axis=1))
    return f"{lengths} Å, {abs(np.linalg.det(lattice)):.0f} Å³"


def listed(numbers: Iterable[int]) -> str:
    """Return whole numbers as a spec writes them: ``1..6``, ``2, 4``."""
    some = sorted(numbers)
    if len(some) > 2 and some == list(range(some[0], some[-1] + 1)):
        return f"{some[0]}..{some[-1]}"
    return ", ".join(map(str, some))

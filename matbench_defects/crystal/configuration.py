"""A configuration: what sits on the sites of one supercell, and the atoms that it stands for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matbench_defects.columns import Per
from matbench_defects.crystal.canonical import Orbit, configuration_id, orbit_of
from matbench_defects.crystal.per import counts_per
from matbench_defects.crystal.relabelling import representative
from matbench_defects.crystal.space import Content, Space
from matbench_defects.crystal.structure import Crystal, crystal_of_species
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.species import element_of

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


class AtomsOnSites(NamedTuple):
    """The atoms of an ideal structure, in the order of the supercell's sites."""

    species: tuple[str, ...]
    """Chemical symbols, length n; `Configuration.site_species` has oxidation states too."""
    positions: NDArray[np.float64]
    """Cartesian positions, Å, shape (n, 3)."""
    sites: NDArray[np.int64]
    """The site of the supercell on which each atom sits, increasing, shape (n,)."""


@dataclass(frozen=True, eq=False, repr=False)
class Configuration:
    """One occupation of a space's variable sites; it stands for every other one that symmetry makes equal to it.

    What follows from the occupation is worked out when it is first asked for, and kept. Two configurations are equal
    if they are of the same space and in the same orbit.

    Parameters
    ----------
    space : Space
        Its space.
    occupation : ndarray of uint8, shape (n,)
        What sits on each variable site: the index of a species in the list of the site's sublattice. Any member of the
        orbit; in a space of pathways, the pathway.

    Examples
    --------
    >>> from matbench_defects.crystal.building import build_spaces
    >>> from matbench_defects.shipped import shipped_specs
    >>> from matbench_defects.spec.loading import load_spec
    >>> space = build_spaces(load_spec(shipped_specs()["lno-cathode"]))["lno-cathode"]
    >>> lithium, vacancy = 0, 1
    >>> one = Configuration(space, np.array([vacancy] * 2 + [lithium] * 10, dtype=np.uint8))
    >>> one
    <Configuration lno-cathode:Li10Va2:0, 18 equivalent>
    >>> one.count("defect site"), one.count("atom"), len(one.to_ase())
    (2, 46, 46)
    """

    space: Space
    occupation: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Take the occupation as what nobody changes any more: id, content and hash follow from it."""
        occupation = self.occupation.view() if self.occupation.dtype == np.uint8 else _checked(self.occupation)
        occupation.flags.writeable = False
        object.__setattr__(self, "occupation", occupation)

    @classmethod
    def canonical(
        cls,
        space: Space,
        occupation: NDArray[np.uint8],
        *,
        id: str | None = None,
        multiplicity: int | None = None,
        content: Content | None = None,
    ) -> Configuration:
        """Return a configuration given by the canonical member of its orbit, with what else is known of it already.

        Nothing is checked: this is for enumerations and for tables that they made.

        Parameters
        ----------
        space : Space
            Its space.
        occupation : ndarray of uint8, shape (n,)
            The canonical occupation.
        id : str, optional
            Its id.
        multiplicity : int, optional
            How many occupations symmetry makes equal to it, itself included.
        content : Content, optional
            Its content.
        """
        found = cls(space, occupation)
        known = {"canonical_occupation": found.occupation, "id": id, "multiplicity": multiplicity, "content": content}
        vars(found).update({name: value for name, value in known.items() if value is not None})
        return found

    @functools.cached_property
    def orbit(self) -> Orbit:
        """The orbit for which it stands."""
        return orbit_of(self.space, self.occupation)

    @functools.cached_property
    def canonical_occupation(self) -> NDArray[np.uint8]:
        """The occupation of the orbit's canonical member, after which it is named, shape (n,)."""
        return self.orbit.occupation

    @functools.cached_property
    def id(self) -> str:
        """Its name: space, content and rank, such as ``lno-cathode:Li6Va6:4f``. The same for all of the orbit."""
        return configuration_id(self.space, self.canonical_occupation)

    @functools.cached_property
    def multiplicity(self) -> int:
        """How many occupations symmetry makes equal to it, itself included; exchanges of species are symmetry too."""
        return self.orbit.multiplicity

    @property
    def symmetry_order(self) -> int:
        """How many operations of the supercell, translations among them, keep it; exchanges are not counted."""
        return self.stabiliser_order * self.space.idle_operations

    @property
    def stabiliser_order(self) -> int:
        """How many elements of the space's group keep it: operations that act alike on its variable sites are one."""
        return self.orbit.stabiliser_order if self.space.exchange else len(self.space.group) // self.multiplicity

    @functools.cached_property
    def content(self) -> Content:
        """How many of each species there are on each sublattice; with exchanges of species, in the canonical member."""
        content = self.space.content(self.occupation)
        return representative(self.space.exchange, content) if self.space.exchange else content

    @functools.cached_property
    def site_species(self) -> tuple[str, ...]:
        """What sits on each site of the supercell, vacancies and oxidation states named; of a pathway, at its start."""
        return tuple(self.space.site_species(self.occupation))

    @functools.cached_property
    def different_sites(self) -> NDArray[np.int64]:
        """The sites of the supercell that hold something else than the ideal host, vacancies among them."""
        pairs = zip(self.site_species, self.space.host_species, strict=True)
        return np.flatnonzero([now != then for now, then in pairs])

    def atoms(self) -> AtomsOnSites:
        """Return the atoms of the ideal, unrelaxed structure with their sites; of a pathway, at its first end point."""
        sites = np.flatnonzero([species != VACANCY for species in self.site_species])
        species = tuple(self.site_species[i] for i in sites)
        elements = tuple(map(element_of, species)) if self.space.has_states else species
        return AtomsOnSites(elements, self.space.positions[sites], sites)

    @functools.cached_property
    def crystal(self) -> Crystal:
        """The ideal, unrelaxed structure, its atoms in the order of `atoms`, with states and moments if it has them."""
        elements, positions, sites = self.atoms()
        if not self.space.has_states and not self.space.moments:
            return Crystal(self.space.lattice, elements, positions)
        species = [self.site_species[i] for i in sites]
        return crystal_of_species(self.space.lattice, species, positions, self.space.moments)

    def count(self, per: Per | str) -> int:
        """Return how many formula units, atoms or defect sites it has, as `counts_per` does.

        Raises
        ------
        InputError
            If nothing is called so.
        """
        return int(counts_per(self.space, self.occupation[None], per)[0])

    def to_pymatgen(self) -> Structure:
        """Return the ideal structure as ``pymatgen.core.Structure``."""
        return self.crystal.to_pymatgen()

    def to_ase(self) -> Atoms:
        """Return the ideal structure as ``ase.Atoms``."""
        return self.crystal.to_ase()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Configuration):
            return NotImplemented
        if self is other:
            return True
        mine, theirs = self.space, other.space
        same = mine is theirs or (mine.name == theirs.name and mine.digest() == theirs.digest())
        return same and np.array_equal(self.canonical_occupation, other.canonical_occupation)

    def __hash__(self) -> int:
        return hash((self.space.name, self.canonical_occupation.tobytes()))

    def __repr__(self) -> str:
        return f"<Configuration {self.id}, {self.multiplicity} equivalent>"


def _checked(occupation: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return an occupation of another integer type as small integers.

    Raises
    ------
    InputError
        If it does not hold integers from 0 to 255.
    """
    if occupation.dtype.kind not in "iu" or (len(occupation) and not 0 <= occupation.min() <= occupation.max() < 256):
        raise InputError("an occupation is an array of small integers, the species on each variable site")
    return occupation.astype(np.uint8)

"""Which configuration of which space a structure is, relaxed or not."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.canonical import canonical
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.parent import Parent
from matbench_defects.crystal.shapes import hermite_normal_form
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.crystal.symmetry import Cells, parent_action
from matbench_defects.enumeration.assigning import (
    Sites,
    assigned,
    doubtful,
    holds_of,
    near_images,
    nearest,
    repeating,
    shifts,
)
from matbench_defects.enumeration.laying import Way, ways_to_lay
from matbench_defects.spec.fields import VACANCY

DISPLACEMENT = 1.5
"""An atom farther than this from its site, Å, means that a structure is none of a space."""
STRAIN = 0.12
"""By how much a structure's cell may be longer or shorter than the ideal one in any direction, relatively."""
TRIED = 8
"""How many of the ways to lay a structure over a host, best first, are assigned atom by atom."""
APART = 1.5
"""A structure belongs to the configuration from which it moved least if the second best is so many times farther."""
SURE = 0.02
"""What moved less than this, Å, is taken for unmoved when two are compared."""
BEYOND = 1.5
"""Up to so many times the allowed displacement and strain it is looked whether another configuration is nearer."""

Composition = frozenset[tuple[str, int]]


@dataclass(frozen=True)
class Identified:
    """What was found about a structure.

    Parameters
    ----------
    configuration : Configuration or None
        The configuration, by its canonical member; None where it is none of the space.
    reason : str
        Why it is none; empty where it is one.
    operation : ndarray of int, shape (n,), or None
        A permutation of the space's group: what the structure has on variable site i, the canonical configuration has
        on ``operation[i]``.
    sites : ndarray of int, shape (atoms,), or None
        The supercell's site of each atom.
    displacement : float or None
        Largest distance of an atom from its site, Å, in the ideal supercell, strain and drift taken out.
    strain : float or None
        By how much the structure's cell is longer or shorter than the ideal one in the direction where that is most,
        relatively; None where the cell was not laid over it.
    moved : float or None
        How far its atoms moved relative to their neighbours, Å: the displacement, and by how much the cell's shear
        moves neighbours. By this one configuration is preferred to another.
    copies : int
        How often the structure's cell holds the configuration's, so that its energy is that of so many.
    candidates : tuple of Identified
        The configurations it may be where none is much nearer than another, nearest first.
    same : tuple of Identified
        The same crystal under the ids of further spaces that hold it.
    """

    configuration: Configuration | None
    reason: str = ""
    operation: NDArray[np.int32] | None = None
    sites: NDArray[np.int64] | None = None
    displacement: float | None = None
    strain: float | None = None
    moved: float | None = None
    copies: int = 1
    candidates: tuple[Identified, ...] = ()
    same: tuple[Identified, ...] = ()

    def __repr__(self) -> str:
        apart = "" if self.displacement is None else f", largest displacement {self.displacement:.3f} Å"
        return f"<Identified: {self.id or self.reason}{apart}>"

    @property
    def id(self) -> str | None:
        """Id of the configuration, where it is one."""
        return None if self.configuration is None else self.configuration.id

    def refused(self, reason: str) -> Identified:
        """Return the same as none, for a configuration that is not meant."""
        why = f"is {self.id}, which is not meant: {reason}"
        return dataclasses.replace(self, configuration=None, reason=why, same=())


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
                    for composition in _compositions(space):
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


def identify(
    space: Space,
    crystal: Crystal,
    largest: float = DISPLACEMENT,
    *,
    strain: float = STRAIN,
    laid: bool = False,
) -> Identified:
    """Say which configuration of a space a structure is, or why it is none.

    The structure's cell is laid over the supercell in every way that the allowed strain leaves (so any setting, rotated
    or with other vectors of the same lattice, is found), in fractional coordinates, which takes strain out. Atoms are
    assigned to the nearest sites that may hold them, each site once, with the least sum of squared distances and with
    drift taken out.

    Parameters
    ----------
    space : Space
        The space, of structures.
    crystal : Crystal
        The structure; ``Crystal.from_ase`` and ``Crystal.from_pymatgen`` make one.
    largest : float
        An atom farther than this from its site, Å, means that the structure is none of the space.
    strain : float
        A cell that is longer or shorter than the ideal one by more than this in some direction, relatively, is another.
    laid : bool
        The cell lies over the supercell as it is, vector by vector and with the same origin, as after a relaxation:
        no other way is tried, and any strain is taken out.

    Returns
    -------
    Identified
    """
    if space.structures is not space:
        return Identified(None, f"the space holds {space.kind.name}, not structures")
    if not laid:
        return identify_among(hosts_of([space]), crystal, largest, strain=strain)
    if reason := _cannot_be(space, crystal):
        return Identified(None, reason)
    host = hosts_of([space])[0]
    sites = host.sites(space.cells.rows)
    fractional: NDArray[np.float64] = crystal.positions @ np.linalg.inv(crystal.lattice) @ space.cells.rows
    found = assigned(sites, fractional, sites.allowed(crystal), near_images(space.parent, largest), laid=True)
    if found is None:
        return Identified(None, "its atoms cannot be given to the sites of the supercell, one to each")
    away = found.displacement
    if away > largest:
        return Identified(None, f"an atom lies {away:.2f} Å from its site", displacement=away)
    return _named(space, crystal, found.chosen, away)


def identify_among(
    hosts: Iterable[Host],
    crystal: Crystal,
    largest: float = DISPLACEMENT,
    *,
    strain: float = STRAIN,
    keys: Callable[[list[Configuration]], Sequence[Hashable]] | None = None,
) -> Identified:
    """Say which configuration of which space a structure is: the one from which its atoms moved least.

    The cell is laid over every host. In a family of supercells of several sizes the structure is reduced to the
    smallest cell that it repeats, and belongs to the shape of that one. What lies a little beyond the limits is looked
    at too: it may be nearer than what lies within.

    Parameters
    ----------
    hosts : iterable of Host
        As `hosts_of` returns them; what they keep makes the next structure quicker.
    crystal : Crystal
        The structure.
    largest, strain : float
        As for `identify`.
    keys : callable, optional
        Returns something for each of some configurations that is equal where they are one crystal, though in different
        spaces; their ids where left out.

    Returns
    -------
    Identified
        Without a configuration, but with candidates, where another configuration is about as near as the best.
    """
    found = [one for host in hosts for one in _on_host(host, crystal, largest, strain)]
    nearest_of: dict[str, _Found] = {}
    for one in sorted((one for one in found if one.what.id is not None), key=_moved):
        nearest_of.setdefault(one.what.id or "", one)
    candidates = list(nearest_of.values())
    if not candidates:
        return _reason(found)
    limit = APART * max(_moved(candidates[0]), SURE)
    # Of hosts over which it lies equally well, that of its own volume holds it.
    near = sorted((one for one in candidates if _moved(one) < limit), key=_strained)
    if len({one.what.configuration.space.parent.digest() for one in near if one.what.configuration}) > 1:
        limit = APART * max(_strained(near[0]), SURE)
        near = [one for one in near if _strained(one) < limit]
    near = sorted(near, key=_moved)
    configurations = [one.what.configuration for one in near if one.what.configuration is not None]
    of = [one.id for one in configurations] if keys is None else keys(configurations)
    if len(set(of)) > 1:
        shown = " or ".join(f"{one.what.id} (moved {_moved(one):.3f} Å)" for one in near[:3])
        reason = f"may be {shown}: none is much nearer than another"
        return Identified(None, reason, candidates=tuple(one.what for one in near))
    if near[0].reason:
        return dataclasses.replace(near[0].what, configuration=None, reason=near[0].reason)
    return dataclasses.replace(near[0].what, same=tuple(one.what for one in near[1:]))


@dataclass(frozen=True)
class _Found:
    """What a structure may be in some space, why it is not, and how far the search for it came."""

    what: Identified
    stage: int = 0
    reason: str = ""


def _none(stage: int, reason: str, displacement: float | None = None, strain: float | None = None) -> _Found:
    return _Found(Identified(None, reason, displacement=displacement, strain=strain), stage, reason)


def _moved(one: _Found) -> float:
    return math.inf if one.what.moved is None else one.what.moved


def _strained(one: _Found) -> float:
    """Return how far atoms moved relative to their neighbours, the change of volume included, Å."""
    what = one.what
    if what.configuration is None or what.displacement is None or what.strain is None:
        return math.inf
    return math.hypot(what.displacement, what.strain * _spacing(what.configuration.space.parent))


def _spacing(parent: Parent) -> float:
    """Return the edge of a cube of the volume that a site has on average, Å."""
    return float(np.cbrt(abs(np.linalg.det(parent.lattice)) / len(parent.species)))


def _reason(every: list[_Found]) -> Identified:
    """Return why a structure is none, by the reason of those spaces that came nearest to holding it."""
    last = max((one.stage for one in every), default=0)
    reasons = [one.what for one in every if one.stage == last]
    best = min(reasons, key=lambda one: (one.displacement is None, one.displacement or 0.0), default=None)
    return best or Identified(None, "there is no space that holds structures")


def _on_host(host: Host, crystal: Crystal, largest: float, strain: float) -> Iterator[_Found]:
    """Yield what a structure may be on a host, or why it is nothing there."""
    if host.first.structures is not host.first:
        yield _none(0, f"{host.name} holds {host.first.kind.name}, not structures")
        return
    volumes = host.volumes(crystal)
    if not volumes:
        yield _none(1, _no_composition(host, crystal))
        return
    over = BEYOND * strain
    ways = ways_to_lay(crystal.lattice, host.basis @ host.parent.lattice, host.rotations(), volumes, over)
    if not ways:
        yield _none(2, _no_setting(host, crystal, volumes, strain))
        return
    images = near_images(host.parent, largest)
    inside = crystal.positions @ np.linalg.inv(crystal.lattice)
    tried: list[tuple[float, int, Way, Sites, NDArray[np.float64]]] = []
    for way in ways:
        rows = way.rows @ host.basis
        single = not host.family and abs(round(float(np.linalg.det(way.rows)))) == 1
        sites = host.sites(host.basis if single else hermite_normal_form(rows))
        fractional, allowed = inside @ rows, sites.allowed(crystal)
        for shift in shifts(sites, crystal, fractional, allowed):
            _, away = nearest(sites, fractional + shift, allowed, images)
            score = float(np.minimum(np.linalg.norm(away, axis=1), 2 * largest).sum())
            tried.append((score, len(tried), way, sites, fractional + shift))
    tried.sort(key=lambda item: item[:2])
    for _, _, way, sites, fractional in tried[:TRIED]:
        given = assigned(sites, fractional, sites.allowed(crystal), images)
        if given is None:
            yield _none(3, "its atoms cannot be given to the sites of the supercell, one to each")
            continue
        reason = ""
        if given.displacement > largest:
            reason = f"an atom lies {given.displacement:.2f} Å from its site; {largest:g} Å are allowed"
        if strained := way.strain > strain:
            reason = f"its cell is strained by {way.strain:.3f}; {strain:g} is allowed"
        if given.displacement > BEYOND * largest:
            yield _none(3 if strained else 4, reason, given.displacement, way.strain)
            continue
        for chosen in (given.chosen, *doubtful(sites, sites.allowed(crystal), given, APART)):
            yield _in_its_space(host, crystal, sites, chosen, given.displacement, way, reason)


def _in_its_space(
    host: Host,
    crystal: Crystal,
    sites: Sites,
    chosen: NDArray[np.int64],
    displacement: float,
    way: Way,
    reason: str,
) -> _Found:
    """Return the configuration of atoms on the sites of some cell, in the space of the smallest cell it repeats."""
    count = len(sites.cells.offsets)
    known = sorted(set(crystal.species))
    codes = np.full(len(sites), -1)
    codes[chosen] = [known.index(species) for species in crystal.species]
    smallest = host.basis
    if host.family or count > len(host.first.cells.offsets):
        kept = sites.cells.offsets[repeating(codes.reshape(-1, count), sites.cells)]
        smallest = hermite_normal_form(np.concatenate([sites.cells.rows, kept]))
        whole = host.basis @ np.linalg.inv(smallest)
        if not host.family and np.abs(whole - np.round(whole)).max() > 1e-6:
            return _none(4, "its cell holds several supercells that are not alike", displacement, way.strain)
    found = host.shape_of(smallest)
    if found is None:
        size = round(abs(float(np.linalg.det(smallest))))
        repeats = f"repeats a cell of {size}" if size < count else f"has {size}"
        reason = f"it {repeats} parent cells, and the sizes of {host.name} are {_listed(host.sized())}"
        if size in host.sized():
            reason = f"it {repeats} parent cells, along directions in which those of {host.name} do not grow"
        return _none(5, reason, displacement, way.strain)
    space, operation = found
    atoms, shift = parent_action(host.parent)
    site, cell = np.divmod(chosen, count)
    image = sites.cells.offsets[cell] @ host.parent.rotations[operation].T + shift[operation][site]
    there = atoms[operation][site] * len(space.cells.offsets) + space.cells.index(image)
    what = dataclasses.replace(
        _named(space, crystal, there, displacement),
        strain=way.strain,
        moved=math.hypot(displacement, way.shear * _spacing(host.parent)),
        copies=count // len(space.cells.offsets),
    )
    return _Found(what, 5 if what.reason else 4, what.reason or reason)


def _named(space: Space, crystal: Crystal, sites: NDArray[np.int64], displacement: float) -> Identified:
    held = [VACANCY] * len(space.host_species)
    for species, site in zip(crystal.species, sites.tolist(), strict=True):
        held[site] = species
    occupation = np.array(
        [s.species.index(held[site]) for s in space.sublattices for site in s.sites.tolist()], dtype=np.uint8
    )
    content = space.content(occupation)
    if content not in _meant(space):
        reason = f"its content {space.content_name(content)} is none of {space.name}"
        return Identified(None, reason, displacement=displacement)
    smallest, operation = canonical(space, occupation)
    found = Configuration.canonical(space, smallest, content=content)
    return Identified(found, "", operation, sites, displacement)


def _meant(space: Space) -> Mapping[object, object]:
    if "meant" not in space.memory:
        space.memory["meant"] = dict.fromkeys(space.contents())
    known: Mapping[object, object] = space.memory["meant"]
    return known


def _no_composition(host: Host, crystal: Crystal) -> str:
    """Return why no content of a host's spaces has a structure's atoms."""
    if not host.family:
        return _cannot_be(host.first, crystal)
    space = host.first
    if strange := _strange(space, crystal):
        return strange
    shown = _shown_atoms(Counter(crystal.species))
    return f"no content of {host.name} in {_listed(host.sized())} parent cells has its composition, {shown}"


def _no_setting(host: Host, crystal: Crystal, volumes: list[int], strain: float) -> str:
    shown = _shown(crystal.lattice)
    if host.family:
        cells = f"{_listed(volumes)} parent cells" if len(volumes) < 8 else "any number of parent cells"
        return f"its cell ({shown}) is none of {cells} strained by at most {strain:g}"
    ideal = _shown(host.basis @ host.parent.lattice)
    return f"its cell ({shown}) is no setting of the supercell ({ideal}) strained by at most {strain:g}"


def _cannot_be(space: Space, crystal: Crystal) -> str:
    if strange := _strange(space, crystal):
        return strange
    if len(crystal) > len(space.host_species):
        return f"it has {len(crystal)} atoms, the supercell {len(space.host_species)} sites"
    held = Counter(crystal.species)
    for species, number in _fixed(space).items():
        if held[species] < number:
            return f"it has {held[species]} {species}, the host alone {number}"
    if frozenset(held.items()) not in _compositions(space):
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


def _compositions(space: Space) -> set[Composition]:
    """Return the atoms by element of every content of a space."""
    known: set[Composition] | None = space.memory.get("compositions")
    if known is None:
        known = set()
        fixed = _fixed(space)
        for content in space.contents():
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


def _listed(numbers: Iterable[int]) -> str:
    """Return whole numbers as a spec writes them: ``1..6``, ``2, 4``."""
    some = sorted(numbers)
    if len(some) > 2 and some == list(range(some[0], some[-1] + 1)):
        return f"{some[0]}..{some[-1]}"
    return ", ".join(map(str, some))

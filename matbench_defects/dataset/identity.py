"""Which configurations are one and the same structure, also where two spaces hold it under two ids.

The undoped host is such a structure, where several spaces put different dopants into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.files import digest
from matbench_defects.spec.species import element_of

StructureKey = bytes
"""Equal for equivalent configurations: a digest of the frame and of what sits on its sites."""


def structure_keys(
    configurations: Iterable[Configuration], spaces: Iterable[Space] | None = None, *, blind: bool = False
) -> list[StructureKey]:
    """Return a key for each configuration, the same for those that symmetry makes equal, whatever their spaces are.

    Spaces are compared where they have the same variable sites, in the same order, in the same surroundings.

    Parameters
    ----------
    configurations : iterable of Configuration
        The configurations; gone through twice where the spaces are not given.
    spaces : iterable of Space, optional
        Their spaces.
    blind : bool
        Whether configurations that differ in oxidation states alone are one too.
    """
    held = {space.name: space for space in (spaces or (one.space for one in configurations))}
    frames = {name: frame_of(space) for name, space in held.items()}
    shared = {frame for frame in frames.values() if list(frames.values()).count(frame) > 1}
    named = element_of if blind else str
    known = sorted({named(k) for space in held.values() for s in space.sublattices for k in s.species})
    codes = {name: _codes(space, known, named) for name, space in held.items()}
    shared |= {frames[name] for name, space in held.items() if blind and space.has_states}
    keys = []
    for one in configurations:
        name = one.space.name
        if frames[name] in shared:
            occupation = one.canonical_occupation if one.space.exchange else one.occupation
            keys.append(_key(frames[name], _smallest_image(one.space, codes[name], occupation)))
        else:
            keys.append(_key(name, one.canonical_occupation.tobytes()))
    return keys


def numbered(keys: Sequence[StructureKey]) -> NDArray[np.int64]:
    """Return a number for each key, the same for equal ones."""
    return np.unique(np.array(keys, dtype=f"S{_KEY}"), return_inverse=True)[1]


_KEY = 16
"""Bytes of a key: of a million rows two share one by chance once in 1e27."""


def _key(frame: str, occupation: bytes) -> StructureKey:
    return hashlib.blake2b(frame.encode() + b"\0" + occupation, digest_size=_KEY).digest()


def frame_of(space: Space) -> str:
    """Return a digest of everything in a space but what its sublattices hold.

    Spaces that share it may share crystals.
    """
    variable = set(space.variable_sites.tolist())
    fixed = [
        [space.host_species[i], *np.round(space.positions[i], 6).tolist()]
        for i in range(len(space.host_species))
        if i not in variable
    ]
    return digest(
        {
            "lattice": np.round(space.lattice, 6).tolist(),
            "variable": np.round(space.positions[space.variable_sites], 6).tolist(),
            "fixed": sorted(fixed),
            "edges": [],
            **space.kind.identity(),
        }
    )


def _codes(space: Space, known: list[str], named: Callable[[str], str]) -> list[NDArray[np.uint8]]:
    """Return, for each sublattice, a number that each of its species has in all spaces; the last is a mark."""
    end = len(known)
    return [np.array([*(known.index(named(k)) for k in s.species), end], dtype=np.uint8) for s in space.sublattices]


def _smallest_image(space: Space, codes: list[NDArray[np.uint8]], occupation: NDArray[np.uint8]) -> bytes:
    species = np.concatenate([c[occupation[r]] for c, r in zip(codes, space.ranges, strict=True)])
    images = species[space.group]
    return bytes(images[np.lexsort(images.T[::-1])[0]].tobytes())

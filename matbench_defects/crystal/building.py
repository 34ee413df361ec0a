"""Building the spaces that a spec describes, each checked against its parent."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.contents import meant_contents, tied_contents
from matbench_defects.crystal.exchange_in_spec import with_exchange
from matbench_defects.crystal.kinds.kind import Kind, kinds
from matbench_defects.crystal.limits import MOST_CONTENTS, MOST_SHAPES, check_group
from matbench_defects.crystal.occupancies import is_partial, shown_occupancy
from matbench_defects.crystal.oxidation import host_state
from matbench_defects.crystal.parent import Parent, build_parent
from matbench_defects.crystal.parts import atoms_of, with_parts
from matbench_defects.crystal.shapes import check_directions, primitive, supercell_shapes
from matbench_defects.crystal.site_distances import among_fixed, check_named
from matbench_defects.crystal.space import Content, Space, Sublattice
from matbench_defects.crystal.split_sites import LENGTH, split_sites
from matbench_defects.crystal.symmetry import (
    LARGEST_BOX,
    Cells,
    box_volume,
    keeping_operations,
    parent_action,
    supercell_volume,
)
from matbench_defects.errors import InputError, Mistakes, nearest
from matbench_defects.spec.document import Route, validate
from matbench_defects.spec.fields import LARGEST_SUPERCELL, VACANCY, share_of
from matbench_defects.spec.models import Spec
from matbench_defects.spec.spaces import SpaceSpec, SublatticeSpec
from matbench_defects.spec.species import element_of, oxidation_state


def build_spaces(
    spec: Spec, *, only: str | None = None, reworked: Callable[[Parent, SpaceSpec], Parent] | None = None
) -> dict[str, Space]:
    """Build every space of a spec.

    Parameters
    ----------
    spec : Spec
        The spec.
    only : str, optional
        The one space to build, or the one domain of several shapes.
    reworked : callable, optional
        What to take instead of a parent, such as the same atoms with other operations.

    Raises
    ------
    InputError
        With the file and line of the field that is at fault.
    """
    spaces: dict[str, Space] = {}
    parents: dict[tuple[object, ...], Parent] = {}
    mistakes = Mistakes()
    for name, (part, route) in spec.all_spaces().items():
        if only not in (None, name):
            continue
        folder = spec.document.folder((*route, "parent", part.parent.file_field))
        usual = part.cell is not None and part.sizes is None
        charged = tuple((n, str(d.sites), *d.species) for n, d in part.sublattices.items() if _has_states(d))
        parts = tuple((n, str(d.sites), str(d.within)) for n, d in part.sublattices.items() if d.within is not None)
        same = (part.parent.model_dump_json(), folder, usual, _may_be_split(part), parts, charged)
        with mistakes.noted():
            if same not in parents:
                parent = _parent(spec, part, route, folder)
                parent = _with_parts(spec, part, route, parent)
                parent = _with_host_states(spec, part, route, parent)
                parents[same] = primitive(parent, usual=True) if usual else parent
            parent = parents[same] if reworked is None else reworked(parents[same], part)
            if part.sizes is None:
                spaces[name] = _space(spec, name, parent, np.array(_checked_rows(spec, part, route)), part, route)
            else:
                spaces |= _shapes(spec, name, primitive(parent), part.sizes, part, route)
    mistakes.tell()
    return spaces


def _parent(spec: Spec, part: SpaceSpec, route: Route, folder: Path) -> Parent:
    with spec.at((*route, "parent"), keep_file=True):
        return build_parent(part.parent, folder, _may_be_split(part))


def _with_parts(spec: Spec, part: SpaceSpec, route: Route, parent: Parent) -> Parent:
    parts = {label: d for label, d in part.sublattices.items() if d.within is not None}
    for label, description in parts.items():
        with spec.at((*route, "sublattices", label, "within")):
            atoms_of(parent, label, description)
    with spec.at((*route, "parent")):
        return with_parts(parent, parts) if parts else parent


def _has_states(description: SublatticeSpec) -> bool:
    return any(oxidation_state(species) is not None for species in description.species)


def _with_host_states(spec: Spec, part: SpaceSpec, route: Route, parent: Parent) -> Parent:
    """Return a parent with the oxidation states that the species of its sublattices leave it."""
    species = list(parent.species)
    told = any(oxidation_state(one) is not None for one in species)
    for label, description in part.sublattices.items():
        if not told and not _has_states(description):
            continue
        field = ("within",) if description.within is not None else ("sites",) if description.sites else ()
        with spec.at((*route, "sublattices", label, *field)):
            for atom in atoms_of(parent, label, description):
                species[atom] = host_state(parent.species[atom], description)
    return parent if tuple(species) == parent.species else dataclasses.replace(parent, species=tuple(species))


def _may_be_split(part: SpaceSpec) -> frozenset[str]:
    """Return the labels or species of sites that hold what `exclude` names, and so may be nearer than atoms are."""
    excluded = {species for one in part.exclude for species in one.between}
    held = {label: d for label, d in part.sublattices.items() if excluded & set(d.species)}
    return frozenset(name for label, d in held.items() for name in d.sites or [label])


def _checked_rows(spec: Spec, part: SpaceSpec, route: Route) -> list[list[int]]:
    if max(abs(n) for row in part.supercell_rows for n in row) > LARGEST_SUPERCELL:
        raise spec.error((*route, "supercell"), f"no number may exceed {LARGEST_SUPERCELL}")
    return part.supercell_rows


def _shapes(
    spec: Spec, name: str, parent: Parent, sizes: tuple[int, ...], part: SpaceSpec, route: Route
) -> dict[str, Space]:
    """Build a space on every inequivalent shape of supercell that can hold one of the contents."""
    for block in part.kind_blocks:
        raise spec.error((*route, block.field), "needs one supercell, not sizes")
    for named in ("strata", "also"):
        if getattr(part.configurations, named):
            raise spec.error((*route, "configurations", named), "does not go with sizes of supercells")
    with spec.at((*route, "supercell", "directions")):
        check_directions(parent, part.directions)
    spaces: dict[str, Space] = {}
    refused: InputError | None = None
    found = 0
    for size in sizes:
        for number, rows in enumerate(supercell_shapes(parent, size, part.directions), start=1):
            found += 1
            if found > MOST_SHAPES:
                message = f"there are more than the {MOST_SHAPES:,} shapes that are handled; take smaller sizes"
                raise spec.error((*route, "supercell"), message)
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
    with spec.at((*route, "supercell")):
        check_group(int(keeping_operations(parent, cells).sum()), count, len(parent.species))
    sublattices: list[Sublattice] = []
    for label, description in part.sublattices.items():
        here = (*route, "sublattices", label)
        field = "within" if description.within is not None else "sites" if description.sites else ""
        with spec.at((*here, field) if field else here):
            members = atoms_of(parent, label, description)
        sites = np.array([i * count + k for i in members for k in range(count)], dtype=np.int64)
        for other in sublattices:
            if set(other.sites.tolist()) & set(sites.tolist()):
                raise spec.error(here, f"shares sites with the sublattice '{other.name}'; each site belongs to one")
        allowed = {s: c.numbers(len(sites)) for s, c in description.species.items()}
        contents = _contents(allowed, len(sites))
        if contents is None or math.prod(len(s.contents) for s in sublattices) * len(contents) > MOST_CONTENTS:
            raise spec.error(
                here, f"allows more than the {MOST_CONTENTS:,} contents that are handled; narrow the numbers"
            )
        if not contents:
            message = _no_fraction(description, len(sites)) or _no_content(allowed, len(sites))
            raise _no_content_at(spec, here, message)
        sublattices.append(Sublattice(label, sites, tuple(allowed), contents))
    _check_partly_occupied(spec, route, parent, sublattices, count)
    exclusions = tuple((min(e.between), max(e.between), e.closer_than) for e in part.exclude)
    space = Space(
        name,
        parent,
        cells,
        tuple(sublattices),
        groups=dict(part.groups),
        exclusions=exclusions,
        counts_idle_operations=spec.rules > 1,
        moments=_moments(spec, parent, sublattices),
    )
    _check_exclusions(spec, part, route, space)
    _check_kept_apart(spec, route, space)
    _check_split(spec, route, space)
    space = dataclasses.replace(space, kind=_kind(spec, part, route, space))
    if part.contents is not None or part.defects is not None or part.tied:
        space = dataclasses.replace(space, meant=_meant(spec, part, route, space))
    return with_exchange(spec, part, route, space) if part.exchange else space


def _moments(spec: Spec, parent: Parent, sublattices: list[Sublattice]) -> dict[str, float]:
    """Return the starting moments of those species that a space may hold."""
    held = {*parent.species, *(s for sublattice in sublattices for s in sublattice.species)}
    held |= set(map(element_of, held))
    return {species: moment for species, moment in spec.moments.items() if species in held}


def _check_partly_occupied(spec: Spec, route: Route, parent: Parent, sublattices: list[Sublattice], cells: int) -> None:
    """Refuse a partly occupied site of a file of which no sublattice says what sits there."""
    if not parent.occupancies:
        return
    said = {atom for sublattice in sublattices for atom in (sublattice.sites // cells).tolist()}
    left = {parent.labels[i] for i, one in enumerate(parent.occupancies) if is_partial(one) and i not in said}
    for label in sorted(left):
        raise spec.error(
            (*route, "sublattices"),
            f"say nothing of {label}, which is partly occupied in the parent's file "
            f"({shown_occupancy(parent.partly_occupied[label])}); name what sits there, or give a host with every site "
            "filled. `matbench-defects init` proposes contents",
        )


def _check_exclusions(spec: Spec, part: SpaceSpec, route: Route, space: Space) -> None:
    """Refuse exclusions of what a space does not have, and those that what is fixed in the host breaks already."""
    known = {s for sublattice in space.sublattices for s in sublattice.species}
    for number, exclusion in enumerate(part.exclude):
        here = (*route, "exclude", number)
        if part.kind_blocks:
            raise spec.error(here, f"does not go with `{part.kind_blocks[0].field}`")
        one, other = exclusion.between
        with spec.at((*here, "between")):
            check_named(space, known, one, other)
        distance, _ = among_fixed(space, one, other, own_images=True)
        if distance < exclusion.closer_than - LENGTH:
            raise spec.error(
                (*here, "closer_than"),
                f"leaves no configuration: {one} and {other} on sites of no sublattice, which are always there, are "
                f"{distance:.2f} Å apart",
            )


def _meant(spec: Spec, part: SpaceSpec, route: Route, space: Space) -> dict[Content, str]:
    every = space.contents()
    if part.tied:
        with spec.at((*route, "tied")):
            every = tied_contents(space, part.tied)
        if not every:
            raise _no_content_at(spec, (*route, "tied"), "no content has numbers that go together so")
    if part.contents is None and part.defects is None:
        return dict.fromkeys(every, "")
    fillers = [next((s for s, c in d.species.items() if c.is_rest), "") for d in part.sublattices.values()]
    field = "contents" if part.contents is not None else "defects"
    with spec.at((*route, field)):
        return meant_contents(space, every, part.contents, fillers, part.defects)


def _no_content_at(spec: Spec, route: Route, message: str) -> _NoContentError:
    located = spec.error(route, message)
    return _NoContentError(located.message, file=located.file, line=located.line, field=located.field)


def _kind(spec: Spec, part: SpaceSpec, route: Route, space: Space) -> Kind:
    blocks = part.kind_blocks
    if not blocks:
        return space.kind
    block, here = blocks[0], (*route, blocks[0].field)
    if len(blocks) > 1:
        raise spec.error((*route, blocks[1].field), f"does not go with `{block.field}`")
    if block.name not in kinds:
        message = f"no kind of space is called '{block.name}'; {nearest(block.name, kinds.names())}"
        raise spec.error((*here, "name"), message)
    kind = kinds.get(block.name)
    settings = validate(kind.Settings, block.settings, spec.document, here)
    try:
        return kind.build(space, settings)
    except InputError as error:
        raise spec.error((*here, error.field) if error.field else here, error.message) from None


def _contents(allowed: dict[str, tuple[int, ...] | None], size: int) -> tuple[tuple[int, ...], ...] | None:
    """Return every content of a sublattice; None where there are too many, or too many ways that lead to none."""
    ranges = [range(size + 1) if c is None else [n for n in c if n <= size] for c in allowed.values()]
    if not all(ranges):
        return ()
    # What the species after each one hold at least and at most; a number that these cannot fill up leads nowhere.
    least = [*itertools.accumulate([0, *(r[0] for r in reversed(ranges))])][::-1]
    most = [*itertools.accumulate([0, *(r[-1] for r in reversed(ranges))])][::-1]
    found: list[tuple[int, ...]] = []
    looked = 0

    def extend(chosen: tuple[int, ...], left: int) -> None:
        nonlocal looked
        if len(chosen) == len(ranges):
            found.append(chosen)
            return
        after, numbers = len(chosen) + 1, ranges[len(chosen)]
        first, last = bisect.bisect_left(numbers, left - most[after]), bisect.bisect_right(numbers, left - least[after])
        for n in numbers[first:last]:
            looked += 1
            if looked > 10 * MOST_CONTENTS or len(found) > MOST_CONTENTS:
                return
            extend((*chosen, n), left - n)

    extend((), size)
    return None if looked > 10 * MOST_CONTENTS or len(found) > MOST_CONTENTS else tuple(found)


def _no_fraction(description: SublatticeSpec, size: int) -> str:
    """Return which fraction allows no number of sites; empty where each allows some."""
    for species, filling in description.species.items():
        if filling.numbers(size) == ():
            missing = filling.not_whole(size)
            number = round(share_of(missing[0].partition("..")[0]) * size)
            return (
                f"{', '.join(missing)} of {size} sites is no whole number for {species}; the nearest is {number}/{size}"
            )
    return ""


def _no_content(allowed: dict[str, tuple[int, ...] | None], size: int) -> str:
    fixed = [c for c in allowed.values() if c is not None]
    low, high = sum(c[0] for c in fixed), sum(c[-1] for c in fixed)
    total = str(low) if low == high else f"{low} to {high}"
    hint = "" if len(fixed) < len(allowed) or low > size else "; name one species as `rest`"
    return f"the species add up to {total}, but the supercell has {size} of these sites{hint}"


def _check_split(spec: Spec, route: Route, space: Space) -> None:
    """Refuse sites nearer than atoms are, unless whatever they hold excludes the other."""
    if not space.exclusions and not space.parent.occupancies:
        return  # the parent has none
    held = [[species] for species in space.parent.species]
    for sublattice in space.sublattices:
        for atom in np.unique(sublattice.sites // len(space.cells.offsets)).tolist():
            held[atom] = [species for species in sublattice.species if species != VACANCY]
    for distance, (one, other) in split_sites(space.parent):
        for pair in itertools.product(held[one], held[other]):
            between = tuple(sorted(pair))
            if not any((a, b) == between and distance < closest - LENGTH for a, b, closest in space.exclusions):
                raise spec.error(
                    (*route, "exclude"),
                    f"{space.parent.labels[one]} and {space.parent.labels[other]} have sites {distance:.2f} Å apart, "
                    f"where both atoms cannot be: add {{between: [{', '.join(between)}], closer_than: 1}}",
                )


def _check_kept_apart(spec: Spec, route: Route, space: Space) -> None:
    """Refuse an operation that carries one sublattice into another: it would merge different spaces."""
    where = np.full(len(space.parent.species), -1)
    members = [np.unique(s.sites // len(space.cells.offsets), return_index=True)[0] for s in space.sublattices]
    for i, atoms in enumerate(members):
        where[atoms] = i
    with spec.at((*route, "parent")):
        action, _ = parent_action(space.parent)
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

"""Reading a crystal from CIF text, each part of it compared with what the file declares.

The grammar is gemmi's, which refuses what it cannot read; what the values mean is decided here, or refused.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.cell import isometric, lattice_vectors, on_special_position, orbit, same_but_shifted
from matbench_defects.crystal.cif_sites import CifSite, Values, check_formula, grammar, number, sites_of, whole_number
from matbench_defects.crystal.distances import check_apart
from matbench_defects.crystal.limits import check_atoms, check_lattice, check_listed
from matbench_defects.crystal.occupancies import held, partly_present, split_labels, with_occupancies
from matbench_defects.crystal.space_groups import Setting, group_symbol, settings_of
from matbench_defects.crystal.structure import ListedCrystal, cell_content
from matbench_defects.errors import InputError

_CELL = tuple(f"_cell_{name}" for name in ("length_a", "length_b", "length_c"))
_ANGLES = tuple(f"_cell_{name}" for name in ("angle_alpha", "angle_beta", "angle_gamma"))
_LISTED = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_SYMBOL = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m", "_space_group_name_h-m_full")
_NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
_SETTING = "_space_group_it_coordinate_system_code"
_ELSEWHERE = {
    "_space_group_symop_magn": "a magnetic structure",
    "_space_group_magn": "a magnetic structure",
    "_cell_modulation": "a modulated structure",
    "_cell_wave_vector": "a modulated structure",
    "_space_group_ssg": "a modulated structure",
    "_space_group_symop_ssg": "a modulated structure",
}
"""Tags of structures whose symmetry is said by other means than those that are read here."""
METRIC = 2e-3
"""How far an operation may change squared lengths of the cell, in parts of the largest: digits are rounded."""
MOST_OPERATIONS = 192
"""Operations of a space group in a conventional cell, at most."""


@dataclass(frozen=True)
class _Group:
    """One way to read the symmetry that a file declares."""

    name: str
    rotations: NDArray[np.int64]
    translations: NDArray[np.float64]


def crystal_of_cif(text: str) -> ListedCrystal:
    """Return the one crystal that CIF text holds, in the cell that it gives.

    Parameters
    ----------
    text : str
        One data block with sites; others, such as those of the publication, may stand beside it.

    Raises
    ------
    InputError
        If it is no CIF, holds no or several crystals, a site that is no element, or declares something else (formula,
        number of formula units, multiplicities, volume, space group) than its sites make.
    """
    values = _block(text)
    for tag, what in _ELSEWHERE.items():
        if any(name.startswith(tag) for name in values):
            raise InputError(f"describes {what} ({tag}...), which is not read; give the plain crystal")
    lattice = _lattice(values)
    sites, notes = sites_of(values)
    if not sites:
        raise InputError("lists no sites")
    check_listed(len(sites), sum(len(values.get(tag, ())) for tag in _LISTED) or 1)
    check_lattice(lattice, 1)
    groups, more = _groups(values)
    fitting = [g for g in groups if isometric(lattice, g.rotations, METRIC)]
    if not fitting:
        raise InputError(f"its cell lacks the symmetry of {groups[0].name}, which it declares")
    found: list[tuple[_Group, ListedCrystal]] = []
    refused: list[str] = []
    for group in fitting:
        try:
            found.append((group, _expand(values, lattice, sites, group)))
        except InputError as error:
            refused.append(f"with {group.name}, {error.message}" if len(fitting) > 1 else error.message)
    if not found:
        raise InputError("; ".join(refused))
    group, crystal = _same(found)
    if len(groups) > 1:
        more.append(f"it names {groups[0].name.partition(':')[0]} without origin or axes; read as {group.name}")
    attached = sum(site.hydrogens * crystal.labels.count(site.label) for site in sites if site.hydrogens)
    lacking = check_formula(values, held(crystal), attached, partly_present(crystal))
    unlocated = [note for note in (*notes, *lacking) if "not located" in note]
    missing = f"lacks hydrogens that it declares: {unlocated[0]}" if unlocated else ""
    return dataclasses.replace(crystal, notes=(*more, *notes, *crystal.notes, *lacking), missing=missing)


def _block(text: str) -> Values:
    """Return the values of the one block that lists sites."""
    try:
        # Text about the work may be in any script; in a number or a symbol the mark is an error.
        document = grammar().read_string(re.sub(r"[^\x00-\x7f]", "~", text))
    except (ValueError, RuntimeError) as error:
        place = re.match(r"string:?(\d*)[:\d()]*\s*(?:in data_\S*)?:?\s*(.*)", str(error), re.DOTALL)
        line, reason = (place[1], place[2]) if place else ("", str(error))
        raise InputError(f"cannot be read as CIF: {reason:.300}", line=int(line) if line else None) from None
    every = [_values(block) for block in document]
    blocks = [values for values in every if any(tag.startswith("_atom_site_fract") for tag in values)]
    if not blocks:
        cartesian = any(tag.startswith("_atom_site_cartn") for values in every for tag in values)
        hint = "; its positions are Cartesian, which are not read" if cartesian else ""
        raise InputError(f"cannot be read as CIF: it holds no structure; one was expected{hint}")
    if len(blocks) > 1:
        raise InputError(
            f"holds {len(blocks)} structures; one was expected. Give one of its blocks in a file of its own"
        )
    return blocks[0]


def _values(block: Any) -> Values:
    as_string = grammar().as_string

    def plain(raw: str) -> str:
        text = str(as_string(raw)).strip() if raw[:1] in "'\";" else raw
        return "" if text in ("?", ".") else text

    result: Values = {}
    for item in block:
        columns: list[tuple[str, list[str]]] = []
        if item.pair:
            columns = [(item.pair[0], [plain(item.pair[1])])]
        elif item.loop:
            width, flat = len(item.loop.tags), [plain(raw) for raw in item.loop.values]
            columns = [(tag, flat[i::width]) for i, tag in enumerate(item.loop.tags)]
        for tag, column in columns:
            name = tag.lower().replace(".", "_")
            if name in result:
                raise InputError(f"cannot be read as CIF: {tag} is given twice")
            result[name] = column
    return result


def _first(values: Values, tags: tuple[str, ...]) -> list[str]:
    return [value for tag in tags for value in values.get(tag, [])[:1] if value]


def _lattice(values: Values) -> NDArray[np.float64]:
    parameters = []
    for tag in (*_CELL, *_ANGLES):
        (text,) = _first(values, (tag,)) or [""]
        if not text:
            raise InputError(f"cannot be read as CIF: {tag} is missing")
        parameters.append(number(text, tag))
    if min(parameters) <= 0 or max(parameters[3:]) >= 180:
        raise InputError(f"cannot be read as CIF: the cell {', '.join(f'{p:g}' for p in parameters)} is none")
    with np.errstate(all="ignore"):
        lattice = lattice_vectors(parameters[:3], parameters[3:])
        volume = abs(float(np.linalg.det(lattice)))
    check_lattice(lattice, 1)
    for stated in _first(values, ("_cell_volume",)):
        if abs(number(stated, "_cell_volume") - volume) > 0.01 * volume:
            raise InputError(f"_cell_volume is {stated:.20}, but its cell has {volume:.2f} Å³")
    return lattice


def _groups(values: Values) -> tuple[list[_Group], list[str]]:
    """Return each way to read the declared symmetry, the standard one first, and what was decided."""
    symbols, numbers = _first(values, _SYMBOL), [whole_number(n, _NUMBER[0], 1) for n in _first(values, _NUMBER)]
    explicit: list[tuple[str, _Group]] = []
    for tag in _LISTED:
        if any(values.get(tag, [])):
            explicit.append(("its symmetry operations", _listed(values[tag])))
    for hall in _first(values, _HALL):
        explicit.append((f"its Hall symbol '{hall:.40}'", _of_hall(hall)))
    settings: list[tuple[str, list[Setting]]] = []
    notes: list[str] = []
    for symbol in dict.fromkeys(symbols):
        try:
            settings.append((symbol, settings_of(symbol)))
        except InputError:
            if not explicit:
                raise
            notes.append(f"its space-group symbol '{symbol:.40}' is not known; {explicit[0][0]} count")
    stated = [(f"its symbol '{symbol:.40}'", found[0].number) for symbol, found in settings]
    stated += [(f"its number {n}", n) for n in numbers]
    if explicit:
        group = explicit[0][1]
        kind, short = group_symbol(group.rotations, group.translations)
        for what, other in explicit[1:]:
            if _codes(other) != _codes(group):
                raise InputError(f"{explicit[0][0]} and {what} mean different groups, axes or origins")
        for what, other_number in stated:
            if other_number != kind:
                raise InputError(f"{explicit[0][0]} mean {short} (no. {kind}), but {what} says another group")
        for symbol, found in settings:
            if all(_codes(_of_setting(s)) != _codes(group) for s in found):
                notes.append(f"its operations have other axes or another origin than '{symbol:.40}'; they count")
        return [_Group(short, group.rotations, group.translations)], notes
    if not stated:
        return [_Group("P1", np.eye(3, dtype=np.int64)[None], np.zeros((1, 3)))], [
            "it declares no symmetry, so its sites are taken for all atoms of the cell"
        ]
    if len({n for _, n in stated}) > 1:
        raise InputError(f"{stated[0][0]} and {stated[-1][0]} are different space groups")
    chosen = min((found for _, found in settings), key=len) if settings else settings_of(str(numbers[0]))
    for code in _first(values, (_SETTING,)):
        narrowed = [s for s in chosen if s.choice.lower() == code.lower()]
        chosen = narrowed or chosen
    return [_of_setting(setting) for setting in chosen], notes


def _of_setting(setting: Setting) -> _Group:
    return _Group(setting.name, *setting.operations)


def _of_hall(hall: str) -> _Group:
    import gemmi

    try:
        operations = list(gemmi.symops_from_hall(hall))
    except (ValueError, RuntimeError) as error:
        raise InputError(f"its Hall symbol '{hall:.40}' cannot be read: {error!s:.100}") from None
    return _of_operations(hall, operations)


def _listed(triplets: list[str]) -> _Group:
    import gemmi

    operations = []
    for triplet in dict.fromkeys(triplets):
        try:
            operations.append(gemmi.Op(triplet))
        except (ValueError, RuntimeError) as error:
            raise InputError(f"the symmetry operation '{triplet:.60}' cannot be read: {error!s:.100}") from None
        if not set(triplet.lower()) <= set("xyz0123456789+-/., "):
            raise InputError(f"the symmetry operation '{triplet:.60}' cannot be read; x, y and z were expected")
    return _of_operations("its operations", operations)


def _of_operations(name: str, operations: list[Any]) -> _Group:
    rotations = np.array([op.rot for op in operations]) // 24
    shifts = np.array([op.tran for op in operations]) % 24
    codes = {(*r.ravel().tolist(), *t.tolist()): (r, t) for r, t in zip(rotations, shifts, strict=True)}
    rotations, shifts = (np.array([pair[i] for pair in codes.values()]) for i in (0, 1))
    if len(codes) > MOST_OPERATIONS:
        raise InputError(f"lists {len(codes)} symmetry operations; a space group has at most {MOST_OPERATIONS}")
    # Every product of two operations is one of them, or images would be missing without a word.
    products = np.einsum("aij,bjk->abik", rotations, rotations).reshape(-1, 9)
    moved = (np.einsum("aij,bj->abi", rotations, shifts) + shifts[:, None, :]).reshape(-1, 3) % 24
    made = set(map(tuple, np.concatenate([products, moved], axis=1).tolist()))
    if made - set(codes):
        raise InputError(
            f"{name} are no group: {len(codes)} are listed, and products of two of them are missing, so that the list "
            "is incomplete or spoilt"
        )
    return _Group(name, rotations.astype(np.int64), shifts / 24)


def _codes(group: _Group) -> set[tuple[int, ...]]:
    shifts = np.round(group.translations * 24).astype(int) % 24
    return {(*r.ravel().tolist(), *t.tolist()) for r, t in zip(group.rotations, shifts, strict=True)}


def _expand(values: Values, lattice: NDArray[np.float64], sites: list[CifSite], group: _Group) -> ListedCrystal:
    """Return the whole cell that sites make under one group, compared with multiplicities, formula and distances."""
    order = len(group.rotations)
    images: list[NDArray[np.float64]] = []
    for site in sites:
        position = np.array(site.position)
        if order == 1:
            images.append(position[None])
            continue
        position = on_special_position(position, group.rotations, group.translations, lattice)
        images.append(orbit(position, group.rotations, group.translations, lattice))
        check_atoms(sum(map(len, images)))
    counts = [len(each) for each in images]
    stated = [(s.label, s.multiplicity, n) for s, n in zip(sites, counts, strict=True) if s.multiplicity is not None]
    wrong = [(label, said, n) for label, said, n in stated if abs(said - n) > 0.01]
    # Older programs write the order of a site's symmetry under the same name.
    if wrong and any(abs(said - order / n) > 0.01 for _, said, n in stated):
        label, said, count = wrong[0]
        raise InputError(f"the multiplicity of {label} is said to be {said:g}, but its sites are {count}")
    species = tuple(itertools.chain.from_iterable([s.element] * n for s, n in zip(sites, counts, strict=True)))
    labels = tuple(itertools.chain.from_iterable([s.label] * n for s, n in zip(sites, counts, strict=True)))
    shares = itertools.chain.from_iterable([s.share] * n for s, n in zip(sites, counts, strict=True))
    listed = with_occupancies(ListedCrystal(lattice, species, labels, np.concatenate(images)), list(shares))
    check_apart(lattice, listed.species, listed.labels, listed.positions, split_labels(listed))
    check_formula(values, held(listed), 0, partly_present(listed))
    return listed


def _same(found: list[tuple[_Group, ListedCrystal]]) -> tuple[_Group, ListedCrystal]:
    """Return the first of several readings if all are one crystal."""
    group, first = found[0]
    for _, other in found[1:]:
        if not same_but_shifted(first.lattice, (first.species, first.positions), (other.species, other.positions)):
            formulas = " and ".join(f"{cell_content(c.species)} with {g.name}" for g, c in found)
            raise InputError(
                f"does not say which origin or axes it means: its sites make {formulas}. Give the formula sum, the "
                "symmetry operations, or the setting, such as 'F d -3 m :2'"
            )
    return group, first

"""End members: contents of a space that values refer to."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from matbench_defects.crystal.contents import defect_count
from matbench_defects.crystal.space import Content, Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.targets.extremes import Extreme, extremes
from matbench_defects.dataset.targets.target import Domain, EndMember, Labelled, LabelledConfiguration, each
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Outcome
from matbench_defects.spec.fields import VACANCY
from matbench_defects.spec.species import element_of


def is_end_member(space: Space, content: Content, wanted: EndMember | Extreme) -> bool:
    """Return whether a content is that of an end member.

    Raises
    ------
    InputError
        If a species is named that no sublattice, or more than one, holds.
    """
    if isinstance(wanted, Extreme):
        found = extremes(space)
        return wanted.number < len(found) and content == found[wanted.number]
    if wanted == "host":
        return defect_count(space, content) == 0
    if wanted == "exchanged":
        return defect_count(space, content) == space.size
    return all(space.count(content, name) == number for name, number in wanted.items())


def end_member_contents(
    space: Space, wanted: EndMember | Extreme, among: Iterable[Content] | None = None
) -> list[Content]:
    """Return the contents of a space that are those of an end member.

    Parameters
    ----------
    space : Space
        The space.
    wanted : dict of str to int, or str
        The end member.
    among : iterable of contents, optional
        Only these; all where left out.

    Raises
    ------
    InputError
        As `is_end_member`.
    """
    every = space.contents() if among is None else among
    if not isinstance(wanted, dict):
        return [content for content in every if is_end_member(space, content, wanted)]
    places = [(space.place(name), number) for name, number in wanted.items()]
    return [content for content in every if all(content[i][j] == number for (i, j), number in places)]


def end_member_formula(domain: Domain, wanted: EndMember | Extreme) -> str:
    """Return the formula of an end member, or of each where spaces differ.

    Raises
    ------
    InputError
        If it is no content of one of the spaces, or of no shape of supercell where a space is of several.
    """
    formulas = set()
    for family, spaces in families(domain.spaces.values()).items():
        found = {formula(s, c) for s in spaces for c in end_member_contents(s, wanted)}
        if not found:
            message = f"the end member {wanted} is no content of {family}"
            if any(_is_exchanged(space, wanted) for space in spaces):
                message += "; `exchange` makes it one with a content of the exchanged species, which stands for it"
            raise InputError(message)
        formulas |= found
    return " or ".join(sorted(formulas))


def _is_exchanged(space: Space, wanted: EndMember | Extreme) -> bool:
    every = dataclasses.replace(space, exchange=()).contents() if space.exchange else []
    return any(is_end_member(space, content, wanted) for content in every)


def families(spaces: Iterable[Space]) -> dict[str, list[Space]]:
    """Return spaces by the name that the spec gives them: all shapes of supercell of one together."""
    found: dict[str, list[Space]] = {}
    for space in spaces:
        found.setdefault(space.family or space.name, []).append(space)
    return found


class End(NamedTuple):
    """The end member of lowest energy that rows of a space refer to; in a space of several sizes, of any of them."""

    outcome: Outcome
    """What was found for it."""
    space: Space
    """The supercell that it is of."""

    def cells_in(self, space: Space) -> float:
        """Return how many of its supercells another one of the same parent holds; one, where that is the same."""
        return space.formula_units / self.space.formula_units


def lowest_of_spaces(labelled: Labelled, wanted: EndMember | Extreme, label: str) -> dict[str, End]:
    """Return the end member of lowest energy of each space that has rows, by the space's name.

    Shapes of supercell of one space share theirs: that of the lowest energy per formula unit, of whatever size.

    Raises
    ------
    InputError
        If one has no usable label.
    """
    referred: dict[str, list[Sequence[LabelledConfiguration]]] = {}
    for rows in by_space(labelled.referred).values():
        referred.setdefault(rows[0].space.family or rows[0].space.name, []).append(rows)
    spaces = {name: rows[0].space for name, rows in by_space(labelled.rows).items()}
    ends = {
        family: lowest(itertools.chain.from_iterable(referred.get(family, ())), wanted, label)
        for family in families(spaces.values())
    }
    return {name: ends[space.family or name] for name, space in spaces.items()}


def lowest(rows: Iterable[LabelledConfiguration], wanted: EndMember | Extreme, label: str) -> End:
    """Return the end member of lowest energy among rows of one space, or of all shapes of one.

    Raises
    ------
    InputError
        If it has no usable label.
    """
    best: tuple[float, End] | None = None
    for row in rows:
        outcome = row.outcome if is_end_member(row.space, row.content, wanted) else None
        if outcome is None:
            continue
        energy = outcome.energy / (row.space.formula_units if row.space.family else 1)
        if best is None or energy < best[0]:
            best = energy, End(outcome, row.space)
    if best is None:
        raise InputError(f"the end member {wanted} has no usable label '{label}', so nothing can refer to it")
    return best[1]


def by_space(rows: Sequence[LabelledConfiguration]) -> Mapping[str, Sequence[LabelledConfiguration]]:
    """Return the rows of each space."""
    if isinstance(rows, PartedRows):
        return rows.by_space()
    result: dict[str, list[LabelledConfiguration]] = {}
    for row in rows:
        result.setdefault(row.space.name, []).append(row)
    return result


@runtime_checkable
class PartedRows(Protocol):
    """Rows that know those of each space, and need not be gone through for it."""

    def by_space(self) -> Mapping[str, Sequence[LabelledConfiguration]]:
        """Return the rows of each space that has any."""
        ...


def atoms_of(space: Space, content: Content) -> Counter[str]:
    """Return the atoms of a supercell of some content, by element."""
    atoms: Counter[str] = Counter(space.host_elements)
    for sublattice, counts in zip(space.sublattices, content, strict=True):
        atoms.subtract(space.host_elements[i] for i in sublattice.sites)
        for species, number in zip(sublattice.species, counts, strict=True):
            if species != VACANCY:
                atoms[element_of(species)] += number
    return +atoms


def formula(space: Space, content: Content) -> str:
    """Return the atoms of a content in one formula unit of the parent, such as ``Li0.5NiO2``."""
    atoms = atoms_of(space, content)
    order: dict[str, list[str]] = {element: [element] for element in space.host_elements}
    for sublattice in space.sublattices:
        # Substitutes stand behind their host.
        order[space.host_elements[sublattice.sites[0]]] += map(element_of, sublattice.species)
    elements = dict.fromkeys(element for group in order.values() for element in group)
    shares = {e: f"{atoms[e] / space.formula_units:.3g}" for e in elements if atoms[e]}
    return "".join(element + ("" if share == "1" else share) for element, share in shares.items())


def in_a_sentence(names: list[str]) -> str:
    """Return names as a sentence lists them: ``A, B and C``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def relative_changes(
    labelled: Labelled,
    wanted: EndMember | Extreme,
    label: str,
    measure: Callable[[Space, Crystal], float],
    *,
    extensive: bool,
) -> list[float | None]:
    """Return by how many per cent a measure of each row's relaxed cell differs from that of an end member.

    Parameters
    ----------
    labelled : Labelled
        The rows; each is compared within its own space, all shapes of supercell of one together.
    wanted : dict of str to int, or str
        The end member, the lowest of its content.
    label : str
        Name of the label, for messages.
    measure : callable
        What is compared, from a space and a relaxed crystal.
    extensive : bool
        Whether it grows with the cell, as a volume does: what is compared is then that of equally many formula units.

    Raises
    ------
    InputError
        If the end member has no usable label.
    """
    found = lowest_of_spaces(labelled, wanted, label)
    ends = {name: measure(end.space, end.outcome.crystal) for name, end in found.items()}
    cells = {name: found[name].cells_in(rows[0].space) for name, rows in by_space(labelled.rows).items()}

    def change(row: LabelledConfiguration, outcome: Outcome) -> float:
        name = row.space.name
        return 100 * (measure(row.space, outcome.crystal) / (ends[name] * (cells[name] if extensive else 1)) - 1)

    return each(labelled.rows, change)

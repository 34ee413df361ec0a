"""End members: contents of a space that values refer to."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from matbench_defects.crystal.contents import defect_count
from matbench_defects.crystal.space import Content, Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.targets.extremes import Extreme, extremes
from matbench_defects.dataset.targets.target import Domain, EndMember, Labelled, LabelledConfiguration, each
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Outcome
from matbench_defects.spec.fields import VACANCY


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


def end_member_formula(domain: Domain, wanted: EndMember | Extreme) -> str:
    """Return the formula of an end member, or of each where spaces differ.

    Raises
    ------
    InputError
        If it is no content of one of the spaces.
    """
    formulas = set()
    for space in domain.spaces.values():
        matching = [c for c in space.contents() if is_end_member(space, c, wanted)]
        if not matching:
            every = dataclasses.replace(space, exchange=()).contents()
            message = f"the end member {wanted} is no content of {space.name}"
            if any(is_end_member(space, content, wanted) for content in every):
                message += "; `exchange` makes it one with a content of the exchanged species, which stands for it"
            raise InputError(message)
        formulas |= {formula(space, content) for content in matching}
    return " or ".join(sorted(formulas))


def lowest_of_spaces(labelled: Labelled, wanted: EndMember | Extreme, label: str) -> dict[str, Outcome]:
    """Return the end member of lowest energy of each space that has rows, by the space's name.

    Raises
    ------
    InputError
        If one has no usable label.
    """
    referred = by_space(labelled.referred)
    return {name: lowest(referred.get(name, ()), wanted, label) for name in by_space(labelled.rows)}


def lowest(rows: Iterable[LabelledConfiguration], wanted: EndMember | Extreme, label: str) -> Outcome:
    """Return the end member of lowest energy among rows of one space.

    Raises
    ------
    InputError
        If it has no usable label.
    """
    ends = (r.outcome for r in rows if is_end_member(r.space, r.content, wanted))
    best: Outcome | None = None
    for outcome in ends:
        if outcome is not None and (best is None or outcome.energy < best.energy):
            best = outcome
    if best is None:
        raise InputError(f"the end member {wanted} has no usable label '{label}', so nothing can refer to it")
    return best


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
    atoms: Counter[str] = Counter(space.host_species)
    for sublattice, counts in zip(space.sublattices, content, strict=True):
        atoms.subtract(space.host_species[i] for i in sublattice.sites)
        atoms.update({s: n for s, n in zip(sublattice.species, counts, strict=True) if s != VACANCY})
    return +atoms


def formula(space: Space, content: Content) -> str:
    """Return the atoms of a content in one formula unit of the parent, such as ``Li0.5NiO2``."""
    atoms = atoms_of(space, content)
    order: dict[str, list[str]] = {element: [element] for element in space.host_species}
    for sublattice in space.sublattices:
        order[space.host_species[sublattice.sites[0]]] += sublattice.species  # substitutes stand behind their host
    elements = dict.fromkeys(element for group in order.values() for element in group)
    shares = {e: f"{atoms[e] / space.formula_units:.3g}" for e in elements if atoms[e]}
    return "".join(element + ("" if share == "1" else share) for element, share in shares.items())


def in_a_sentence(names: list[str]) -> str:
    """Return names as a sentence lists them: ``A, B and C``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def relative_changes(
    labelled: Labelled, wanted: EndMember | Extreme, label: str, measure: Callable[[Space, Crystal], float]
) -> list[float | None]:
    """Return by how many per cent a measure of each row's relaxed cell differs from that of an end member.

    Parameters
    ----------
    labelled : Labelled
        The rows; each is compared within its own space.
    wanted : dict of str to int, or str
        The end member, the lowest of its content.
    label : str
        Name of the label, for messages.
    measure : callable
        What is compared, from a space and a relaxed crystal.

    Raises
    ------
    InputError
        If the end member has no usable label.
    """
    spaces = {name: rows[0].space for name, rows in by_space(labelled.rows).items()}
    ends = {name: measure(spaces[name], end.crystal) for name, end in lowest_of_spaces(labelled, wanted, label).items()}

    def change(row: LabelledConfiguration, outcome: Outcome) -> float:
        return 100 * (measure(row.space, outcome.crystal) / ends[row.space.name] - 1)

    return each(labelled.rows, change)

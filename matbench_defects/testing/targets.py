"""What every quantity that targets can be must do."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.phases import reference_parents
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.targets import Labelled, LabelledConfiguration, TargetQuantity, quantities
from matbench_defects.dataset.targets.end_members import is_end_member
from matbench_defects.dataset.targets.target import Domain
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.labels.engine import Band, Outcome
from matbench_defects.labels.store import Key, Label
from matbench_defects.testing.samples import PATHWAYS, spec_of

ALLOYS = """
name: copper-gold
version: 1.0.0
title: Gold in two phases of copper
parent: {spacegroup: Fm-3m, lattice: {a: 3.8}, sites: {Cu: [0, 0, 0]}, provenance: {source: made up}}
supercell: [2, 1, 1]
groups: {host: Cu}
spaces:
  narrow: {groups: {host: Cu, phase: narrow}, sublattices: {Cu: {Au: 0..4, Cu: rest}}}
  wide:
    groups: {host: Cu, phase: wide}
    parent: {spacegroup: Fm-3m, lattice: {a: 4.0}, sites: {Cu: [0, 0, 0]}, provenance: {source: made up}}
    sublattices: {Cu: {Au: 0..4, Cu: rest}}
reference_phases:
  Cu: {spacegroup: Fm-3m, lattice: {a: 3.6}, sites: {Cu: [0, 0, 0]}, provenance: {source: made up}}
  Au: {spacegroup: Fm-3m, lattice: {a: 4.08}, sites: {Au: [0, 0, 0]}, provenance: {source: made up}}
"""
ENERGY = {"Cu": -3.5, "Au": -3.2, "Li": -1.9, "Na": -1.3, "O": -4.9}
"""Made-up energies of atoms, eV."""


def alloys() -> tuple[Domain, Labelled]:
    """Return copper-gold in two phases with a made-up label of every configuration."""
    return _labelled(ALLOYS)


def pathways() -> tuple[Domain, Labelled]:
    """Return hops in rock salt with a made-up band of every one."""
    return _labelled(PATHWAYS)


def _labelled(text: str) -> tuple[Domain, Labelled]:
    spec = spec_of(text)
    domain = Domain(build_spaces(spec), reference_parents(spec))
    rows: list[LabelledConfiguration] = []
    for space in domain.spaces.values():
        for one in enumerate_configurations(space):
            label = _label(one.id, one.crystal, len(rows), band=space.kind.stands_for == "pathways")
            rows.append(LabelledConfiguration.of(one, label))
    phases = {name: _label(f"reference:{name}", parent.crystal, 0) for name, parent in domain.phases.items()}
    return domain, Labelled(rows, phases)


def _label(id_: str, crystal: Crystal, number: int, *, band: bool = False) -> Label:
    energy = sum(ENERGY[species] for species in crystal.species) + 0.01 * (number % 7)
    path = None
    if band:
        path = Band(energy + np.array([0, 0.2, 0.5, 0.3, 0.1]), crystal.positions, crystal.positions, 0)
    moments = np.full(len(crystal), 0.1 * (number % 3))
    outcome = Outcome(energy, crystal, 0.0, 0.0, moments, True, 1, path)
    return Label(Key(id_, "method", "host"), "made up 1", "made up", {}, outcome, "", 1.0)


def has_a_unit(target: TargetQuantity, domain: Domain, labelled: Labelled) -> None:
    """Check that it says unit and description of its values, with whatever they are relative to."""
    quantity = target.quantity(domain)
    assert quantity.unit and quantity.description, "unit and description are needed"


def one_value_a_row(target: TargetQuantity, domain: Domain, labelled: Labelled) -> None:
    """Check that each row has one finite number, or None, and not each row None; no zero is negative."""
    values = target.values(labelled)
    assert len(values) == len(labelled.rows), f"{len(values)} values for {len(labelled.rows)} rows"
    found = [value for value in values if value is not None]
    assert found and np.isfinite(found).all(), "a value is not finite, or there is none"
    assert not any(value == 0 and np.signbit(value) for value in found), "a zero is negative, so bytes may differ"


def order_of_rows_does_not_matter(target: TargetQuantity, domain: Domain, labelled: Labelled) -> None:
    """Check that a row gets its value wherever it stands."""
    order = np.random.default_rng(0).permutation(len(labelled.rows))
    values = target.values(labelled)
    shuffled = target.values(Labelled([labelled.rows[i] for i in order], labelled.phases))
    assert shuffled == [values[i] for i in order], "in another order of rows there are other values"


def without_a_label_no_value(target: TargetQuantity, domain: Domain, labelled: Labelled) -> None:
    """Check that a row whose label is not usable has no value, and is no reason to refuse the others."""
    at = len(labelled.rows) // 2 - 1  # no end member
    bare = LabelledConfiguration.of(labelled.rows[at], None)
    values = target.values(Labelled([*labelled.rows[:at], bare, *labelled.rows[at + 1 :]], labelled.phases))
    assert values[at] is None, "a row without a label has a value"
    assert any(value is not None for value in values), "one row without a label takes the values of all others"


def a_label_changes_its_own_value_alone(target: TargetQuantity, domain: Domain, labelled: Labelled) -> None:
    """Check that a row's label is in no other row's value, unless the quantity says so: it may be a tested row's.

    Rows may share what is in `refers_to`, the reference phases, and what `compares_rows` is said of.
    """
    if target.compares_rows:
        return
    values = target.values(labelled)
    for at, row in enumerate(labelled.rows):
        if any(is_end_member(row.space, row.content, wanted) for wanted in target.refers_to):
            continue
        changed = LabelledConfiguration.of(row, _changed(row.label))
        found = target.values(Labelled([*labelled.rows[:at], changed, *labelled.rows[at + 1 :]], labelled.phases))
        others = [i for i, (a, b) in enumerate(zip(values, found, strict=True)) if a != b and i != at]
        assert not others, f"the label of {row.id} is in the value of {labelled.rows[others[0]].id}"


def _changed(label: Label | None) -> Label | None:
    """Return a label of which every number is another, and lower than in any other."""
    if label is None or label.outcome is None:
        return label
    old = label.outcome
    smaller = Crystal(0.9 * old.crystal.lattice, old.crystal.species, 0.9 * old.crystal.positions)
    moments = None if old.magnetic_moments is None else old.magnetic_moments - 1.0
    path = old.band
    if path is not None:
        path = dataclasses.replace(path, energies=path.energies - np.array([9.0, 8.0, 7.0, 8.0, 9.0]))
    outcome = dataclasses.replace(old, energy=old.energy - 9.0, crystal=smaller, magnetic_moments=moments, band=path)
    return dataclasses.replace(label, outcome=outcome)


TARGET_CHECKS = (
    has_a_unit,
    one_value_a_row,
    order_of_rows_does_not_matter,
    without_a_label_no_value,
    a_label_changes_its_own_value_alone,
)


def check_target(quantity: type[TargetQuantity] | str, settings: dict[str, Any], *, of_pathways: bool = False) -> None:
    """Check that a quantity keeps the contract of targets, on made-up labels.

    Parameters
    ----------
    quantity : type or str
        The class, or its registered name.
    settings : dict
        Its settings, as a spec says them, for `ALLOYS` or, of pathways, `samples.PATHWAYS`.
    of_pathways : bool
        Whether it is a quantity of pathways.

    Raises
    ------
    AssertionError
        Naming the check that failed.
    pydantic.ValidationError
        If the settings do not suit.

    Examples
    --------
    >>> from matbench_defects.testing import check_target
    >>> check_target("volume", {"unit": "Å³", "per": "cell"})
    """
    kind = quantities.get(quantity) if isinstance(quantity, str) else quantity
    domain, labelled = pathways() if of_pathways else alloys()
    target = kind(kind.Settings.model_validate(settings), "made_up")
    for check in TARGET_CHECKS:
        try:
            check(target, domain, labelled)
        except AssertionError as error:
            raise AssertionError(f"{kind.__name__}, {check.__name__.replace('_', ' ')}: {error}") from error

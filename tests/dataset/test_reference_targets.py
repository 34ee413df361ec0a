"""Targets that refer to reference phases: formation, defect formation and hull energies, voltage."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_cases import domain_of, labelled_of, quantity_of

from matbench_defects.dataset.targets import Labelled
from matbench_defects.errors import InputError

PHASE = "{spacegroup: Pm-3m, lattice: {a: 3.0}, sites: {%s}, provenance: {source: a test}}"
SALT = """
parent: {spacegroup: Fm-3m, lattice: {a: 4.2}, sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}, provenance: {source: a test}}
supercell: [1, 1, 1]
sublattices: {Mg: {Ca: 0..2, vacancy: 0..1, Mg: rest}}
groups: {host: MgO}
reference_phases:
  MgO: {spacegroup: Fm-3m, lattice: {a: 4.2}, sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}, provenance: {source: a test}}
""" + "\n".join(
    f"  {name}: {PHASE % sites}"
    for name, sites in {
        "Mg": "Mg: [0, 0, 0]",
        "Ca": "Ca: [0, 0, 0]",
        "O": "O: [0, 0, 0]",
        "CaO": "Ca: [0, 0, 0], O: [1/2, 1/2, 1/2]",
    }.items()
)
ALLOY = """
parent: {spacegroup: Pm-3m, lattice: {a: 3}, sites: {Sc: [0, 0, 0]}, provenance: {source: a test}}
supercell: [2, 2, 1]
sublattices: {Sc: {Rh: 0..4, Sc: rest}}
reference_phases:
""" + "\n".join(f"  {name}: {PHASE % f'{name}: [0, 0, 0]'}" for name in ("Sc", "Rh", "Pt"))
POTENTIALS = {"MgO": -6.0, "Mg": -1.5, "Ca": -2.0, "O": -4.0, "CaO": -6.5}
defect = {"unit": "eV", "per": "cell", "host": "MgO"}


@pytest.fixture(scope="module")
def salt(tmp_path_factory):
    return domain_of(tmp_path_factory.mktemp("salt"), SALT)


@pytest.fixture(scope="module")
def alloy(tmp_path_factory):
    return domain_of(tmp_path_factory.mktemp("alloy"), ALLOY)


def test_an_exchange_costs_what_the_phases_say(salt):
    full = {"unit": "eV", "per": "formula_unit", "end_members": ["host"], "references": ["MgO", "CaO", "Mg"]}
    with pytest.raises(InputError, match="made of each other"):
        computed, _ = quantity_of("formation_energy", full, salt)
        computed.values(labelled_of(salt, lambda c, i: -50.0, POTENTIALS))
    computed, quantity = quantity_of(
        "formation_energy", full | {"end_members": ["host"], "references": ["CaO", "Mg"]}, salt
    )
    assert quantity.reference == "MgO, lowest of its content, and CaO and Mg, by by_hand"
    # Mg4O8-like cell of 4 MgO: CaMg3O4 = CaO + 3 MgO, so -13 eV for CaO and 3/4 of the host's energy.
    labelled = labelled_of(salt, lambda c, i: -48.0 - 2.0 * c.species.count("Ca"), POTENTIALS)
    values = dict(zip(((r.content) for r in labelled.rows), computed.values(labelled), strict=True))
    assert values[((0, 0, 4),)] == 0
    assert values[((1, 0, 3),)] == pytest.approx((-50.0 - (-13.0 - 36.0)) / 4)
    assert values[((0, 1, 3),)] == pytest.approx((-48.0 - (-48.0 + 1.5)) / 4)


def test_a_reference_phase_without_a_label_is_refused(salt):
    settings = {"unit": "eV", "per": "atom", "references": ["MgO", "CaO", "Mg"]}
    computed, _ = quantity_of("formation_energy", settings, salt)
    with pytest.raises(InputError, match="the reference phase CaO has no usable label"):
        computed.values(labelled_of(salt, lambda c, i: -50.0, {"MgO": -6.0, "Mg": -1.5}))


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (
            "formation_energy",
            {"per": "atom", "references": ["Ca0"]},
            "no reference phase is called 'Ca0'; did you mean",
        ),
        ("defect_formation_energy", defect | {"host": "CaO"}, "the reference phase CaO, CaO, is not the host of case"),
        (
            "defect_formation_energy",
            defect | {"host": "groups.hosts"},
            "case has no group 'hosts'; did you mean 'host'",
        ),
        (
            "defect_formation_energy",
            defect | {"chemical_potentials": {"Mg": -1.0}, "source": "a test"},
            "the chemical potential of Ca is missing",
        ),
        ("energy_above_hull", {"references": ["MgO", "Mg", "Ca"]}, "no reference phase is the element O"),
        ("average_voltage", {"unit": "V", "ion": "Ca", "metal": "CaO", "end_member": "host"}, "not the metal of Ca"),
    ],
)
def test_settings_that_do_not_suit_are_refused(salt, kind, settings, message):
    with pytest.raises(InputError) as caught:
        quantity_of(kind, {"unit": "eV"} | settings, salt)
    assert message in str(caught.value)


def test_defects_by_hand(salt):
    computed, quantity = quantity_of("defect_formation_energy", defect | {"per": "defect_site"}, salt)
    assert (quantity.unit, quantity.per) == ("eV", "defect site")
    labelled = labelled_of(salt, lambda c, i: -45.0, POTENTIALS)
    values = {r.content: v for r, v in zip(labelled.rows, computed.values(labelled), strict=True)}
    assert values[((0, 0, 4),)] is None  # no site differs
    # The ideal cell has -48 eV. One Ca for Mg: 3 + mu(Mg) - mu(Ca); a vacancy besides: + mu(Mg), over two sites.
    assert values[((1, 0, 3),)] == pytest.approx(3 - 1.5 + 2)
    assert values[((1, 1, 2),)] == pytest.approx((3 - 1.5 + 2 - 1.5) / 2)
    given = defect | {"host": {"case": -47.0}, "chemical_potentials": {"Mg": -1.0, "Ca": -3.0}, "source": "a test"}
    computed, quantity = quantity_of("defect_formation_energy", given, salt)
    assert "chemical potentials Ca -3, Mg -1 eV (a test)" in quantity.reference
    values = {r.content: v for r, v in zip(labelled.rows, computed.values(labelled), strict=True)}
    assert values[((1, 0, 3),)] == pytest.approx(2 - 1 + 3)


@given(shifts=st.fixed_dictionaries({e: st.floats(-5, 5) for e in ("Mg", "Ca")}))
def test_chemical_potentials_move_energies_linearly(salt, shifts):
    computed, _ = quantity_of("defect_formation_energy", defect, salt)
    labelled = labelled_of(salt, lambda c, i: -45.0, POTENTIALS)
    moved = labelled_of(salt, lambda c, i: -45.0, {e: mu + shifts.get(e, 0.0) for e, mu in POTENTIALS.items()})
    for row, before, after in zip(labelled.rows, computed.values(labelled), computed.values(moved), strict=True):
        calcium, vacancies, _ = row.content[0]
        expected = shifts["Mg"] * (calcium + vacancies) - shifts["Ca"] * calcium
        assert after - before == pytest.approx(expected, abs=1e-6)


@given(seed=st.integers(0, 50), configurations=st.booleans())
def test_nothing_lies_below_its_own_hull(alloy, seed, configurations):
    random = np.random.default_rng(seed)
    energies = random.normal(-20, 3, 100)
    settings = {"unit": "eV", "references": ["Sc", "Rh"], "configurations": configurations}
    computed, _ = quantity_of("energy_above_hull", settings, alloy)
    labelled = labelled_of(alloy, lambda c, i: energies[i], {"Sc": -6.0, "Rh": -7.0})
    values = computed.values(labelled)
    assert not configurations or min(values) >= -1e-9
    for row, value in zip(labelled.rows, values, strict=True):
        rhodium = row.content[0][0] / 4
        above_elements = row.outcome.energy / 4 - (-6.0 * (1 - rhodium) - 7.0 * rhodium)
        if configurations:
            assert value >= above_elements - 1e-9
        else:
            assert value == pytest.approx(above_elements, abs=1e-8)


def test_the_hull_says_who_spans_it(alloy):
    computed, quantity = quantity_of("energy_above_hull", {"unit": "eV", "references": ["Sc", "Rh"]}, alloy)
    assert quantity.reference == "hull of Sc, Rh and the labelled configurations, by by_hand"
    labelled = labelled_of(
        alloy, lambda c, i: -26.0 - (4.0 if c.species.count("Rh") == 2 else 0.0), {"Sc": -6.0, "Rh": -7.0}
    )
    (note,) = computed.notes(labelled)
    assert note.startswith("Hull of Rh-Sc: ")
    assert note.count("case:Rh2Sc2:") == 1
    with pytest.raises(InputError, match="Rh has no usable label"):
        computed.values(dataclasses.replace(labelled, phases={"Sc": labelled.phases["Sc"]}))


def test_voltage_by_hand(salt):
    settings = {"unit": "V", "ion": "Ca", "end_member": {"Ca": 2, "vacancy": 0}}
    computed, quantity = quantity_of("average_voltage", settings, salt)
    assert quantity.reference.startswith("Ca metal, between the configuration and Mg0.5Ca0.5O, lowest")
    labelled = labelled_of(salt, lambda c, i: -40.0 - 5.0 * c.species.count("Ca") - 0.1 * i, POTENTIALS)
    rows = [r for r in labelled.rows if r.content in (((2, 0, 2),), ((0, 0, 4),))]
    (full,) = (r.outcome.energy for r in rows if r.content[0][0])
    (empty,) = (r.outcome.energy for r in rows if not r.content[0][0])
    values = computed.values(Labelled(rows, labelled.phases))
    # E(empty) + 2 E(Ca) - E(full), over the two atoms that moved.
    assert [v for v in values if v is not None] == [pytest.approx((empty + 2 * -2.0 - full) / 2)]
    assert values.count(None) == 1  # the end member itself


def test_a_label_with_a_problem_has_no_value(salt):
    computed, _ = quantity_of("defect_formation_energy", defect, salt)
    labelled = labelled_of(salt, lambda c, i: -45.0, POTENTIALS)
    rows = [dataclasses.replace(labelled.rows[0], label=None), *labelled.rows[1:]]
    values = computed.values(Labelled(rows, labelled.phases))
    assert values[0] is None
    assert None not in values[1:]

"""Species with oxidation states: enumerated apart, neutral where that is asked for, elements for everything else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import spglib
from pymatgen.core import Species, Structure
from specs_for_charges import LNMO

import matbench_defects as md
from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.spec.species import element_of, oxidation_state, respelled, with_state


def spec_of(tmp_path, text=LNMO, **changes):
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return md.load_spec(written(tmp_path, text))


def written(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    return path


def refused(tmp_path, *changes, text=LNMO):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(InputError) as caught:
        md.check(str(written(tmp_path, text)))
    return str(caught.value)


@pytest.mark.parametrize("state", [-3, -2, -1, 1, 2, 3, 4, 7])
def test_states_are_written_as_pymatgen_writes_them(state):
    text = with_state("Mn", state)
    assert text == str(Species("Mn", state))
    assert (element_of(text), oxidation_state(text)) == ("Mn", state)


def test_what_is_no_state():
    assert oxidation_state("Ni") is None and element_of("vacancy") == "vacancy"
    assert [respelled(text) for text in ("Ni+2", "Ni(2+)", "Ni^2+", "Li1+", "O-2", "Ni2")] == [
        *("Ni2+", "Ni2+", "Ni2+", "Li+", "O2-", "")
    ]


def orbits_by_hand(host: Structure) -> int:
    """Count neutral arrangements up to the symmetry that spglib finds in the supercell, one by one."""
    numbers = [site.specie.Z for site in host]
    found = spglib.get_symmetry((host.lattice.matrix, host.frac_coords, numbers), symprec=1e-4)
    images = np.einsum("gij,nj->gni", found["rotations"], host.frac_coords) + found["translations"][:, None, :]
    away = images[:, :, None, :] - host.frac_coords[None, None]
    away -= np.round(away)
    actions = np.linalg.norm(away @ host.lattice.matrix, axis=-1).argmin(axis=2)
    metals = [i for i, site in enumerate(host) if site.specie.symbol == "Ni"]
    lithium = [i for i, site in enumerate(host) if site.specie.symbol == "Li"]
    oxygen = [i for i, site in enumerate(host) if site.specie.symbol == "O"]
    every = set()
    for gone in itertools.chain.from_iterable(itertools.combinations(lithium, n) for n in range(3)):
        for states in itertools.product([2, 3, 4], repeat=len(metals)):
            if states.count(4) != 3 or len(lithium) - len(gone) + sum(states) != 2 * len(oxygen):
                continue
            held = np.zeros(len(host), dtype=np.int8)
            held[lithium], held[oxygen] = 1, 9
            held[list(gone)] = 0
            held[metals] = states
            image = np.empty((len(actions), len(host)), dtype=np.int8)
            np.put_along_axis(image, actions, np.broadcast_to(held, image.shape), axis=1)
            every.add(min(map(bytes, image)))
    return len(every)


def test_neutral_orderings_are_counted_as_one_by_one(tmp_path):
    spec = spec_of(tmp_path)
    found = md.check(str(tmp_path / "spec.yaml")).spaces[0]
    host = spec.space().space.parent.crystal.to_pymatgen()
    host.remove_oxidation_states()
    host.make_supercell([2, 1, 1])
    assert found.inequivalent == orbits_by_hand(host) == 113
    rows = list(spec.space().enumerate(where={"charges": "neutral"}))
    assert len({row.id for row in rows}) == 113
    for row in rows:
        structure = row.to_pymatgen()
        assert structure.charge == 0
        assert row.crystal.species == tuple(element_of(s) for s in row.site_species if s != "vacancy")


def test_structures_have_species_elements_and_moments(tmp_path):
    row = spec_of(tmp_path).space().sample(1, seed=3)[0]
    structure, atoms = row.to_pymatgen(), row.to_ase()
    assert {str(s) for s in structure.composition.elements} <= {"Li+", "Ni2+", "Ni3+", "Mn4+", "O2-"}
    start = {"Ni2+": 1.7, "Ni3+": 1.0, "Mn4+": 3.0}
    assert structure.site_properties["magmom"] == [start.get(str(site.specie), 0.0) for site in structure]
    assert set(atoms.symbols) == {"Li", "Ni", "Mn", "O"}
    assert atoms.get_initial_magnetic_moments().tolist() == structure.site_properties["magmom"]
    for crystal in (Crystal.from_pymatgen(structure), Crystal.from_ase(atoms)):
        assert crystal.named_species == row.crystal.named_species


def test_identify_takes_states_or_says_that_they_are_missing(tmp_path):
    space = spec_of(tmp_path).space()
    for row in space.sample(8, seed=1):
        assert space.identify(row.to_pymatgen()).id == row.id
        assert space.identify(row.to_ase()).id == row.id
    bare = row.to_pymatgen()
    bare.remove_oxidation_states()
    assert "Ni may be Ni2+ or Ni3+" in space.identify(bare).reason
    other = row.to_pymatgen().replace_species({"Mn4+": "Mn3+"})
    assert "it has Mn3+; the space has Mn4+" in space.identify(other).reason


def test_states_of_elements_that_have_one_need_not_be_given(tmp_path):
    text = LNMO.replace("{Ni2+: 0..3, Ni3+: 0..3, Mn4+: 3}", "{Ni2+: 3, Mn4+: 3}")
    space = md.load_spec(written(tmp_path, text)).space()
    row = space.sample(1, seed=0)[0]
    bare = row.to_pymatgen()
    bare.remove_oxidation_states()
    assert space.identify(bare).id == row.id


def test_the_host_takes_the_one_state_that_its_sublattice_has(tmp_path):
    space = spec_of(tmp_path).space()
    assert set(space.space.host_species) == {"Li+", "Ni3+", "O2-"}
    row = space.sample(1, seed=0)[0]
    assert row.count("defect site") == sum(
        now != then for now, then in zip(row.site_species, space.space.host_species, strict=True)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("{Ni: 3, O: -2}", "{O: -2}")], "the ideal host's Ni may be Ni2+ or Ni3+; say which in the parent"),
        ([("{Ni: 3, O: -2}", "{Ni: 3}")], "O has no oxidation state; write it into the sublattices"),
        ([("O: -2}", "Q: -2}")], "no site and no element of the parent is called 'Q'"),
        ([("O: -2}", "O: 0}")], "an oxidation state is a whole number"),
        ([("Mn4+: 3", "Mn+4: 3")], "write 'Mn4+'"),
        ([("Li+: rest", "Li1+: rest")], "write 'Li+'"),
        ([("Mn4+: 3", "Qq4+: 3")], "neither an element nor 'vacancy'"),
        ([("charges: neutral", "charges: neutrality")], "'neutral', or the charge of each species, was expected"),
        ([("charges: neutral", "charges: {Ni2+: 3}")], "Ni2+ has the charge +2, not +3"),
        ([("Ni3+: 0..3", "Ni: 0..3")], "the ideal host has Ni3+ here; write Ni3+, not Ni"),
        ([("moments: {Ni2+: 1.7", "moments: {vacancy: 1.7")], "not a vacancy"),
    ],
)
def test_what_a_user_gets_wrong_is_said(tmp_path, changes, message):
    assert message in refused(tmp_path, *changes)


def test_charges_of_plain_species_still_make_contents_neutral(tmp_path):
    plain = LNMO.replace("  oxidation_states: {Ni: 3, O: -2}\n", "")
    plain = plain.replace("moments: {Ni2+: 1.7, Ni3+: 1, Mn4+: 3}\n", "")
    plain = plain.replace("Ni2+: 0..3, Ni3+: 0..3, Mn4+: 3", "Co: 0..3, Ni: 0..3, Mn: 3").replace("Li+", "Li")
    plain = plain.replace("charges: neutral", "charges: {Li: 1, Co: 2, Ni: 3, Mn: 4, O: -2}")
    assert md.check(str(written(tmp_path, plain))).spaces[0].inequivalent == 113


def test_labels_of_sites_may_be_species(tmp_path):
    text = LNMO.replace("{Li: [", "{Li+: [").replace(" Ni: [", " Ni3+: [").replace(" O: [", " O2-: [")
    text = text.replace("  oxidation_states: {Ni: 3, O: -2}\n", "")
    assert md.check(str(written(tmp_path, text))).spaces[0].inequivalent == 113

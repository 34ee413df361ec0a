from __future__ import annotations

import numpy as np
import pytest
from cases import space_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matbench_defects.crystal.canonical import configuration_id
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.structure import Crystal
from matbench_defects.enumeration.identify import identify
from matbench_defects.enumeration.orderly import enumerate_configurations

SPACES = {
    "lno": space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 0..12, vacancy: rest}}"),
    "nca": space_of("LiNiO2", "[2, 1, 1]", "{Li: {Li: 3..6, vacancy: rest}, Ni: {Ni: rest, Co: 1, Al: 1}}"),
    "ferrite": space_of("KFeO2", "[1, 1, 1]", "{K: {vacancy: 2, K: rest}, Fe: {Ti: 1, Fe: rest}}"),
    "cubic": space_of("cubic", "[[1, 1, 0], [-1, 1, 0], [0, 0, 2]]", "{A: {sites: [Na], species: {Li: 2, Na: 2}}}"),
}
UNIMODULAR = [
    np.eye(3, dtype=int),
    np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]]),
    np.array([[1, 0, 0], [-1, -1, 0], [0, 0, -1]]),
    np.array([[1, 0, 2], [0, 1, -1], [0, 0, 1]]),
]


def disturbed(crystal: Crystal, seed: int, noise: float, setting: np.ndarray) -> tuple[Crystal, float]:
    """Return the crystal strained, turned, shifted, shaken, shuffled and in another setting."""
    generator = np.random.default_rng(seed)
    strain = np.eye(3) + 0.03 * generator.uniform(-1, 1, (3, 3))
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    shake = generator.uniform(-1, 1, (len(crystal), 3))
    shake *= noise / np.linalg.norm(shake, axis=1).max() if len(shake) else 1
    order = generator.permutation(len(crystal))
    positions = (crystal.positions + shake + generator.uniform(-5, 5, 3)) @ strain @ turn
    lattice = setting @ crystal.lattice @ strain @ turn
    return Crystal(lattice, tuple(crystal.species[i] for i in order), positions[order]), noise


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(SPACES)), st.integers(0, 10**6), st.sampled_from([0.0, 0.3]), st.sampled_from(UNIMODULAR))
def test_any_image_of_a_configuration_is_found(name, seed, noise, setting):
    space = SPACES[name]
    generator = np.random.default_rng(seed)
    every = enumerate_configurations(space)
    occupation = every.occupations[generator.integers(len(every))]
    image = np.empty_like(occupation)
    image[space.group[generator.integers(len(space.group))]] = occupation
    crystal, noise = disturbed(Configuration(space, image).crystal, seed, noise, setting)
    found = identify(space, crystal)
    assert found.id == configuration_id(space, occupation), found.reason
    assert (found.configuration.occupation == occupation).all()
    assert found.displacement < noise * 2 + 1e-6
    if noise:
        assert found.displacement > 0.05
    # The operation leads from what the atoms say to the canonical configuration.
    held = dict(zip(found.sites.tolist(), crystal.species, strict=True))
    for position, site in enumerate(space.variable_sites.tolist()):
        sublattice = next(
            s for s, r in zip(space.sublattices, space.ranges, strict=True) if r.start <= position < r.stop
        )
        kind = found.configuration.occupation[found.operation[position]]
        assert held.get(site, "vacancy") == sublattice.species[kind]


def test_why_a_structure_is_none():
    space = SPACES["nca"]
    crystal = enumerate_configurations(space)[0].crystal
    foreign = Crystal(crystal.lattice, ("Xe", *crystal.species[1:]), crystal.positions)
    assert "no Xe" in identify(space, foreign).reason
    assert "no setting" in identify(space, Crystal(crystal.lattice * 1.5, crystal.species, crystal.positions)).reason
    oxygen = crystal.species.index("O")
    missing = Crystal(
        crystal.lattice,
        crystal.species[:oxygen] + crystal.species[oxygen + 1 :],
        np.delete(crystal.positions, oxygen, axis=0),
    )
    assert "the host alone 12" in identify(space, missing).reason
    moved = crystal.positions.copy()
    moved[0] += [0, 0, 2.4]
    assert "Å from its site" in identify(space, Crystal(crystal.lattice, crystal.species, moved), largest=1.0).reason
    lithium = [i for i, s in enumerate(crystal.species) if s == "Li"][:1]
    fewer = Crystal(
        crystal.lattice,
        tuple(s for i, s in enumerate(crystal.species) if i not in lithium),
        np.delete(crystal.positions, lithium, axis=0),
    )
    assert "content" in identify(space, fewer).reason
    pathways = space_of("KFeO2", "[2, 1, 1]", "{K: {vacancy: 1, K: rest}}", "pathway: {species: K, cutoff: 3.9}")
    assert "pathways" in identify(pathways, crystal).reason


def test_a_structure_laid_as_the_supercell_is_needs_no_search():
    space = SPACES["lno"]
    for occupation in enumerate_configurations(space).occupations[::9]:
        crystal = Configuration(space, occupation).crystal
        strained = Crystal(crystal.lattice * 1.2, crystal.species, crystal.positions * 1.2)
        assert identify(space, strained).id is None  # too much strain for a search to allow
        assert identify(space, strained, laid=True).id == configuration_id(space, occupation)
        turned = Crystal(crystal.lattice[[1, 2, 0]], crystal.species, crystal.positions)
        assert identify(space, turned).id == configuration_id(space, occupation)


def test_structures_of_both_libraries():
    space = SPACES["lno"]
    occupation = enumerate_configurations(space).occupations[20]
    crystal = Configuration(space, occupation).crystal
    name = configuration_id(space, occupation)
    assert identify(space, Crystal.from_ase(crystal.to_ase())).id == name
    assert identify(space, Crystal.from_pymatgen(crystal.to_pymatgen())).id == name


@pytest.mark.slow
def test_large_supercells():
    space = space_of(
        "MoS2",
        "[8, 8, 1]",
        "{M: {sites: [Mo], species: {W: 1, Mo: rest}}, X: {sites: [S], species: {vacancy: 1, S: rest}}}",
    )
    every = enumerate_configurations(space)
    for i, occupation in enumerate(every.occupations):
        crystal, _ = disturbed(Configuration(space, occupation).crystal, i, 0.2, UNIMODULAR[3])
        assert identify(space, crystal).id == every.ids()[i]

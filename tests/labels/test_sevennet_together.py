"""SevenNet on several structures at once against its own calculator on each."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.ase_engine import AseEngine
from matbench_defects.labels.engines.sevennet import ATOMS_AT_ONCE, SevenNet, SevenNetSettings
from matbench_defects.spec.models import Relaxation

pytest.importorskip("sevenn")
pytestmark = pytest.mark.slow


class OneByOne(SevenNet):
    """SevenNet through the calculator of its package and ASE's own loop."""

    make_ready = AseEngine.make_ready
    compute = AseEngine.compute


def layer(seed: int, atoms: int = 12) -> Crystal:
    """Return a displaced 2x2 cell of a layer MX2, its species drawn, the last atoms left out."""
    from ase.build import mx2

    made = mx2("MoS2", a=3.19, thickness=3.13, vacuum=10).repeat((2, 2, 1))
    generator = np.random.default_rng(seed)
    others = {"Mo": ["Mo", "W"], "S": ["S", "Se"]}
    species = tuple(str(generator.choice(others[symbol])) for symbol in made.get_chemical_symbols())
    positions = made.positions + generator.normal(0, 0.05, made.positions.shape)
    lattice = np.array(made.cell)
    lattice[2] = [0, 0, 20]
    return Crystal(lattice, species[:atoms], positions[:atoms])


@pytest.mark.parametrize("model", ["7net-0", "7net-l3i5"])
def test_energies_forces_and_stresses_are_those_of_the_calculator(model):
    from ase.build import bulk

    from matbench_defects.labels.sevennet_graphs import SevenNetGraphs

    engine = SevenNet(SevenNetSettings(model=model))
    calculator, graphs = engine.calculator(), SevenNetGraphs(engine.calculator())
    structures = [layer(seed, atoms=12 - seed % 3).to_ase() for seed in range(4)]
    structures += [bulk("Mo", "bcc", a=3.1), layer(5, atoms=1).to_ase(), layer(6).to_ase().repeat((3, 3, 1))]
    for given in (structures, structures[::-1], structures[:1], structures[4:5], structures[5:6]):
        for atoms, found in zip(given, graphs(given), strict=True):
            atoms.calc = calculator
            assert found["energy"] / len(atoms) == pytest.approx(atoms.get_potential_energy() / len(atoms), abs=5e-6)
            np.testing.assert_allclose(found["forces"], atoms.get_forces(), atol=1e-5)
            np.testing.assert_allclose(found["stress"], atoms.get_stress(), atol=1e-6)


@pytest.mark.parametrize("cell", [True, False])
def test_relaxations_end_in_the_same_minima(cell):
    relax = Relaxation(cell=cell, fmax=0.02)
    engine, one_by_one = SevenNet(SevenNetSettings()), OneByOne(SevenNetSettings())
    crystals = [layer(seed, atoms=12 - seed % 2) for seed in range(4)]
    crystals[1] = dataclasses.replace(crystals[1], fixed=np.arange(11) < 3)
    several = engine.compute_together(crystals, relax)
    for crystal, together in zip(crystals, several, strict=True):
        alone = one_by_one.compute(crystal, relax)
        assert together.converged and alone.converged
        assert together.energy / len(crystal) == pytest.approx(alone.energy / len(crystal), abs=1e-4)
        assert together.max_force < 0.02
    if not cell:
        np.testing.assert_array_equal(several[1].crystal.positions[:3], crystals[1].positions[:3])
        assert not np.allclose(several[1].crystal.positions[3:], crystals[1].positions[3:])


def test_an_element_that_it_does_not_know_harms_no_other():
    engine = SevenNet(SevenNetSettings())
    strange = dataclasses.replace(layer(1), species=("Og",) * 12)
    first, second = engine.compute_together([strange, layer(2)], None)
    assert isinstance(first, ValueError) and "118" in str(first)
    assert second.energy == pytest.approx(engine.compute(layer(2), None).energy, abs=1e-4)


def test_small_cells_are_taken_several_at_once():
    assert SevenNet.at_once(12) == ATOMS_AT_ONCE // 12 > 1
    assert SevenNet.at_once(ATOMS_AT_ONCE + 1) == 1

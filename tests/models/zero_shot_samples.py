"""Copper-gold alloys under effective-medium theory, for tests of models that apply an engine's energies."""

from __future__ import annotations

from specs_for_tests import COPPER_GOLD

from matbench_defects.dataset.build import build_dataset
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.loading import load_spec

EMT = "ase:ase.calculators.emt.EMT"
CALCULATORS = """
ase:
  emt:
    calculator: ase.calculators.emt:EMT
    package: ase
    level_of_theory: effective medium theory
    machine_learned: false
"""
MIXED = "sublattices: {Cu: {Cu: 4..8, Au: rest}}"


def alloy(folder, monkeypatch, target, sublattices=MIXED, relax="", supercell="[2, 1, 1]"):
    """Return a dataset of copper-gold with one target, labelled by the calculator of a list of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engines.yaml").write_text(CALCULATORS)
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(folder / "engines.yaml"))
    text = COPPER_GOLD.replace("TARGET", target).replace("SUBLATTICES", sublattices)
    text = text.replace("[2, 1, 1]", supercell)
    (folder / "spec.yaml").write_text(text.replace("RELAX", relax))
    return build_dataset(load_spec(folder), folder / "built", workers=2)


def part_of(dataset, target, part, split="random"):
    """Return rows and values of one part of a split."""
    background = Background.of(dataset, target)
    table = dataset.part(split, part, target)
    return Rows.of(table, background), table[target].to_numpy()

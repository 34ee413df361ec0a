"""Zero-shot models: the target's own definition on the energies of one engine."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from ase.calculators import emt
from specs_for_tests import COPPER_HOPS
from zero_shot_samples import EMT, alloy, part_of

from matbench_defects.columns import Quantity
from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.structures import structure_rows, structure_schema
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError, NotServedError
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.task import Task
from matbench_defects.models.model import make_model, models
from matbench_defects.models.potentials.energy_differences import hop_crystals
from matbench_defects.models.potentials.named_calculators import allow_calculator, allowed
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.loading import load_spec


@pytest.fixture(autouse=True)
def _no_named_models():
    """What a test allows, no other test has."""
    yield
    for calculator in list(allowed):
        del allowed[calculator]
        models._made.pop(f"ase:{calculator}", None)


PHASES = """
spaces:
  narrow: {groups: {phase: narrow}, sublattices: {Cu: {Cu: 7..8, Au: rest}}}
  wide:
    groups: {phase: wide}
    parent:
      spacegroup: Fm-3m
      lattice: {a: 4.0}
      sites: {Cu: [0, 0, 0]}
      provenance: {source: a test}
    sublattices: {Cu: {Cu: 7..8, Au: rest}}
"""


@pytest.mark.parametrize(
    ("name", "settings", "sublattices"),
    [
        ("formation_energy", "{unit: eV, per: atom, end_members: [host], references: [Au]}", None),
        ("energy_above_hull", "{unit: eV}", None),
        ("average_voltage", "{unit: V, ion: Au, end_member: {Cu: 4}}", None),
        ("phase_difference", "{unit: eV, phases: [narrow, wide]}", PHASES),
    ],
)
def test_labels_of_the_same_calculator_are_predicted_exactly(tmp_path, monkeypatch, name, settings, sublattices):
    """Labels are static energies by EMT here, so EMT without fitting must give every value that has been derived."""
    more = {} if sublattices is None else {"sublattices": sublattices}
    dataset = alloy(tmp_path, monkeypatch, f"{name}: {settings}", **more)
    allow_calculator(EMT)
    model = make_model(EMT)
    model.fit(*part_of(dataset, name, "train"), part_of(dataset, name, "validation"))
    rows, values = part_of(dataset, name, "test")
    assert len(values)
    np.testing.assert_allclose(model.predict(rows).values, values, atol=1e-6)
    assert model.predict(rows).seconds > 0


@pytest.mark.parametrize(
    ("name", "settings", "rules"),
    [
        ("formation_energy", "{unit: eV, per: atom, end_members: [{Cu: 8}], references: [Au]}", 1),
        ("average_voltage", "{unit: V, ion: Au, end_member: {Cu: 8}}", 2),
        ("energy_above_hull", "{unit: eV}", 2),
    ],
)
def test_a_value_does_not_depend_on_which_rows_are_asked_for(tmp_path, monkeypatch, name, settings, rules):
    """Of an end member of more than 50 configurations five have a label; the lowest of these is the reference."""
    drawn = "{select: uniform, per_content: 5, seed: 1}"
    sublattices = f"rules: {rules}\nsublattices: {{Cu: {{Cu: 7..9, Au: rest}}}}\nconfigurations: {drawn}"
    dataset = alloy(tmp_path, monkeypatch, f"{name}: {settings}", sublattices, supercell="[2, 2, 1]")
    (space,) = build_spaces(dataset.spec).values()
    middle = next(content for content in space.contents() if space.count(content, "Cu") == 8)
    assert count_inequivalent(space, middle) > 50
    allow_calculator(EMT)
    model = make_model(EMT)
    table = dataset.structures.filter(dataset.structures[name].is_valid())
    rows = Rows.of(table, Background.of(dataset, name))
    together = model.predict(rows).values
    np.testing.assert_allclose(together, table[name].to_numpy(), atol=1e-6)
    alone = [model.predict(rows.take([i])).values[0] for i in (0, 4, 9)]
    np.testing.assert_allclose(alone, together[[0, 4, 9]], atol=1e-9)


def test_a_reference_that_is_nowhere_is_not_guessed(tmp_path, monkeypatch):
    target = "formation_energy: {unit: eV, per: atom, end_members: [{Cu: 8}], references: [Au]}"
    drawn = "sublattices: {Cu: {Cu: 8, Au: rest}}\nconfigurations: {select: uniform, count: 3, seed: 1}"
    dataset = alloy(tmp_path, monkeypatch, target, drawn, supercell="[2, 2, 1]")
    quantity = dataset.quantity("formation_energy")
    rows = Rows.of(dataset.structures, Background(dataset.spec, "formation_energy", quantity))
    allow_calculator(EMT)
    with pytest.raises(NotServedError, match="refers to the lowest configuration of Cu8Au8, of which there are more"):
        make_model(EMT).predict(rows)


def test_what_is_of_relaxed_structures_needs_the_setting(tmp_path, monkeypatch):
    relax = ", relax: {cell: true, fmax: 0.02, steps: 300}"
    mixed = "sublattices: {Cu: {Cu: 7..8, Au: rest}}"
    dataset = alloy(tmp_path, monkeypatch, "volume: {unit: Å³, per: formula_unit}", mixed, relax)
    table = dataset.structures
    rows = Rows.of(table, Background.of(dataset, "volume"))
    allow_calculator(EMT)
    with pytest.raises(InputError, match="volume is of relaxed structures; give the model the setting `relax`"):
        make_model(EMT).predict(rows)
    model = make_model(EMT, settings={"relax": {"cell": True, "fmax": 0.02, "steps": 300}})
    np.testing.assert_allclose(model.predict(rows).values, table["volume"].to_numpy(), atol=1e-6)


def test_numbers_of_another_engine_are_nothing_to_refer_to(tmp_path, monkeypatch):
    given = "chemical_potentials: {Cu: -1, Au: -2}, source: a test"
    target = f"formation: {{quantity: defect_formation_energy, unit: eV, per: defect_site, host: Cu, {given}}}"
    dataset = alloy(tmp_path, monkeypatch, target)
    rows = Rows.of(dataset.structures, Background.of(dataset, "formation"))
    allow_calculator(EMT)
    with pytest.raises(NotServedError, match="formation refers to energies that its spec gives as numbers; those of"):
        make_model(EMT).predict(rows)


def test_a_barrier_is_the_energy_half_way_above_the_end_points(tmp_path, monkeypatch):
    path = tmp_path / "hops"
    path.mkdir()
    (path / "spec.yaml").write_text(COPPER_HOPS)
    spec = load_spec(path)
    selected = select(spec)
    spaces = {name: part.space for name, part in selected.items()}
    table = structure_rows([row for part in selected.values() for row in part.rows], spaces)
    schema = structure_schema(spaces)
    rows = Rows.of(pa.Table.from_pylist(table, schema), Background(spec, "migration_barrier", Quantity("eV", "hop")))
    allow_calculator(EMT)
    found = make_model(EMT).predict(rows).values
    for row, value in zip(table, found, strict=True):
        energies = []
        for crystal in hop_crystals(row):
            atoms = crystal.to_ase()
            atoms.calc = emt.EMT()
            energies.append(atoms.get_potential_energy())
        assert value == pytest.approx(energies[1] - min(energies[0], energies[2]), abs=1e-6)
    assert (found > 0).all()


def test_a_listed_calculator_by_its_name(tmp_path, monkeypatch):
    dataset = alloy(tmp_path, monkeypatch, "formation_energy: {unit: eV, per: atom, references: [Cu, Au]}")
    allow_calculator("ase:emt")
    rows, values = part_of(dataset, "formation_energy", "test")
    np.testing.assert_allclose(make_model("ase:emt").predict(rows).values, values, atol=1e-6)


def test_nothing_is_imported_that_the_user_did_not_name(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"no model is called 'ase:os\.system'"):
        make_model("ase:os.system")
    with pytest.raises(InputError, match=r"os\.system is no ASE calculator class"):
        allow_calculator("ase:os.system")
    with pytest.raises(InputError, match=r"the calculator no\.such\.Thing cannot be imported: No module named 'no'"):
        allow_calculator("ase:no.such.Thing")
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(tmp_path / "engines.yaml"))
    with pytest.raises(InputError, match="no calculator is called 'emt' on your list"):
        allow_calculator("ase:emt")


def test_a_named_calculator_on_a_task(tmp_path, monkeypatch):
    dataset = alloy(tmp_path, monkeypatch, "formation_energy: {unit: eV, per: atom, references: [Cu, Au]}")
    task = Task(
        name="gold",
        title="Gold in copper",
        dataset="copper-gold@1.0.0",
        target="formation_energy",
        split="random",
        kind="interpolation",
        metrics=["mae"],
        seeds=[0, 1],
    )
    allow_calculator(EMT)
    result = evaluate(task, dataset, EMT, tmp_path / "results")
    assert result.folder.name == "ase-ase.calculators.emt.EMT"
    assert result.scores["mae"].mean < 1e-6  # EMT depends a little on what it saw before
    said = "whatever the calculator ase.calculators.emt.EMT was made from; nothing of copper-gold@1.0.0"
    assert result.record["training_data"] == said

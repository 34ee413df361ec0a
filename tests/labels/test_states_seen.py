"""Engines that see elements alone: refused where only oxidation states differ, or merged and marked."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict

import numpy as np
import pytest
from pymatgen.analysis.ewald import EwaldSummation
from specs_for_charges import LNMO

import matbench_defects as md
from matbench_defects.crystal import charge_blind
from matbench_defects.crystal.structure import near_pairs
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import methods_of
from matbench_defects.labels.gpaw_process.calculator import GpawProcess
from matbench_defects.labels.outcome import Outcome
from matbench_defects.labels.states_seen import laid_back

SPLIT = "splits: {random: {by: random, train: 0.6, test: 0.4, together: elements}}\n"


def spec_at(tmp_path, labels, more="", text=LNMO):
    path = tmp_path / "spec.yaml"
    path.write_text(f"{text}labels: [{labels}]\n{more}")
    return path


def refused(tmp_path, labels, more="", text=LNMO):
    with pytest.raises(InputError) as caught:
        md.check(str(spec_at(tmp_path, labels, more, text)))
    return str(caught.value)


@pytest.fixture
def rows(tmp_path):
    spec = md.load_spec(spec_at(tmp_path, "{engine: ewald}"))
    return list(spec.space().enumerate(where={"charges": "neutral"}))


def pairs_of(crystal):
    """Return distances with the elements at their ends: the same however a crystal is turned or listed."""
    near = near_pairs(crystal, 4.5)
    return sorted((round(d, 6), *sorted((crystal.species[i], crystal.species[j]))) for d, (i, j) in near)


def test_what_was_computed_once_is_laid_back_onto_each_row(rows):
    shared = charge_blind.calculations(rows)
    assert (len(rows), len(shared), sum(map(len, shared.values()))) == (113, 43, 113)
    generator = np.random.default_rng(0)
    strain = np.eye(3) + generator.normal(0, 0.02, (3, 3))
    for row in rows[::5]:
        computed = charge_blind.computed_for(row).crystal
        ideal = Outcome(0.0, computed, None, None, np.arange(len(computed)), True, 0)
        back = laid_back(ideal, row)
        away = (back.crystal.positions - row.crystal.positions) @ np.linalg.inv(row.crystal.lattice)
        assert np.abs(away - np.round(away)).max() < 1e-9
        assert np.allclose(back.crystal.lattice, row.crystal.lattice)
        assert back.crystal.named_species == row.crystal.named_species
        moved = computed.positions + generator.normal(0, 0.1, computed.positions.shape)
        relaxed = dataclasses.replace(computed, lattice=computed.lattice @ strain, positions=moved @ strain)
        back = laid_back(dataclasses.replace(ideal, crystal=relaxed), row)
        assert pairs_of(back.crystal) == pairs_of(relaxed)
        assert [computed.species[int(k)] for k in back.magnetic_moments] == list(row.crystal.species)
        away = back.crystal.positions @ np.linalg.inv(back.crystal.lattice)
        away -= row.crystal.positions @ np.linalg.inv(row.crystal.lattice)
        away = (away - np.round(away)) @ row.crystal.lattice
        assert np.abs(away).max() < 0.6  # each atom is still at its own site


@pytest.mark.parametrize("engine", ["sevennet", "chgnet", "diep"])
def test_potentials_are_refused_by_default(tmp_path, engine):
    said = refused(tmp_path, f"{{engine: {engine}}}")
    assert f"{engine} sees elements alone" in said and "Ni2+ and Ni3+" in said
    assert "`oxidation_states: merged`" in said


def test_where_no_ordering_differs_in_states_alone_every_engine_will_do(tmp_path):
    text = LNMO.replace("{Ni2+: 0..3, Ni3+: 0..3, Mn4+: 3}", "{Ni2+: 3, Ni3+: 0, Mn4+: 3}")
    md.check(str(spec_at(tmp_path, "{engine: sevennet}", text=text)))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("{engine: ewald, oxidation_states: merged}", "ewald has an energy for each oxidation state"),
        ("{engine: sevennet, oxidation_states: apart}", "merged"),
        ("{engine: sevennet, relax: {cell: true, rattle: 0.1}, noise: {}, oxidation_states: merged}", "noise"),
        ("{engine: ewald, charges: {Ni: 3}}", "Ni is Ni2+ or Ni3+ in lnmo; give charges of these, or none"),
        ("{engine: gpaw, moments: {Ni: 1}}", "the spec gives `moments` already"),
        ("{engine: gpaw, oxidation_states: merged}", "leave `merged` out"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, labels, message):
    assert message in refused(tmp_path, labels)


def test_nothing_is_merged_where_nothing_differs_in_states_alone(tmp_path):
    text = LNMO.replace("{Ni2+: 0..3, Ni3+: 0..3, Mn4+: 3}", "{Ni2+: 3, Mn4+: 3}")
    assert "leave `merged` out" in refused(tmp_path, "{engine: sevennet, oxidation_states: merged}", text=text)


def test_engines_that_start_from_moments_need_different_ones(tmp_path):
    md.check(str(spec_at(tmp_path, "{engine: gpaw}")))
    same = LNMO.replace("Ni3+: 1,", "Ni3+: 1.7,")
    assert "say in the spec `moments: {Ni2+: ..., Ni3+: ...}`" in refused(tmp_path, "{engine: gpaw}", text=same)
    none = LNMO.replace("moments: {Ni2+: 1.7, Ni3+: 1, Mn4+: 3}\n", "")
    assert "those of Ni2+ and Ni3+ are equal" in refused(tmp_path, "{engine: gpaw}", text=none)


def test_gpaw_starts_from_the_moments_of_each_atom(tmp_path, monkeypatch, rows):
    (method,) = methods_of(md.load_spec(spec_at(tmp_path, "{engine: gpaw}")))
    assert method.description()["moments"] == {"Mn4+": 3.0, "Ni2+": 1.7, "Ni3+": 1.0}
    assert "spin-polarised (from Mn4+ 3, Ni2+ 1.7, Ni3+ 1 μB)" in method.settings.level_of_theory(method.moments)
    asked = []
    monkeypatch.setattr(GpawProcess, "_start", lambda self: setattr(self, "_process", object()))
    monkeypatch.setattr(GpawProcess, "_ask", lambda self, request: asked.append(request) or {"energy": 0.0})
    atoms = rows[0].to_ase()
    atoms.calc = GpawProcess({}, method.moments, tmp_path)
    atoms.get_potential_energy()
    assert json.loads(asked[0])["moments"] == rows[0].to_pymatgen().site_properties["magmom"]


def test_ewald_sums_take_the_states(tmp_path, rows):
    dataset = md.build(md.load_spec(spec_at(tmp_path, "{engine: ewald}")), tmp_path / "out")
    found = dict(zip(*(dataset.structures[name].to_pylist() for name in ("id", "ewald_static_energy")), strict=True))
    for row in rows[::20]:
        assert found[row.id] == pytest.approx(EwaldSummation(row.to_pymatgen()).total_energy, abs=1e-4)
    assert len(set(found.values())) > 43  # orderings that differ in states alone have energies of their own
    row = dataset.structures.to_pylist()[0]
    assert str(md.to_pymatgen(row)[-1].specie) == "O2-"
    assert row["species_at_sites"][-1] == "O" and row["oxidation_states"][-1] == -2


def test_merged_labels_are_computed_once_marked_and_kept_together(tmp_path):
    text = LNMO.replace("{charges: neutral}", "{charges: neutral, symmetry_order: {at_least: 2}}")
    path = spec_at(tmp_path, "{engine: sevennet, oxidation_states: merged}", SPLIT, text)
    found = md.check(str(path))
    (estimate,) = found.labels
    said = [one for one in found.warnings if "sees elements alone" in one]
    dataset = md.build(md.load_spec(path), tmp_path / "out")
    table = dataset.structures
    shared = defaultdict(list)
    columns = ("sevennet_static_calculation", "sevennet_static_energy", "split_random")
    for calculation, energy, part in zip(*(table[name].to_pylist() for name in columns), strict=True):
        shared[calculation].append((energy, part))
    assert len(shared) == estimate.wanted < len(table)
    assert all(len(set(each)) == 1 for each in shared.values())  # one energy, and one part of the split
    assert f"{len(table)} configurations share {len(shared)} calculations" in said[0]
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"{len(table)} rows share {len(shared)} calculations" in card
    labels = md.check(str(path)).labels[0]
    assert labels.present == labels.wanted


def test_rows_that_share_a_calculation_are_not_tested_where_one_is_fitted_on(tmp_path):
    text = LNMO.replace("{charges: neutral}", "{charges: neutral, symmetry_order: {at_least: 2}}")
    split = SPLIT.replace(", together: elements", "")
    path = spec_at(tmp_path, "{engine: sevennet, oxidation_states: merged}", split, text)
    assert any("unless random has `together: elements`" in one for one in md.check(str(path)).warnings)
    table = md.build(md.load_spec(path), tmp_path / "out").structures
    parts = defaultdict(set)
    for calculation, part in zip(
        table["sevennet_static_calculation"].to_pylist(), table["split_random"].to_pylist(), strict=True
    ):
        parts[calculation].add(part)
    assert all(len(each - {None}) == 1 for each in parts.values())

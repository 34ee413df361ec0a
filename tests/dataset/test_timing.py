"""What a label takes, estimated from one energy."""

from __future__ import annotations

import dataclasses

import pytest
from typer.testing import CliRunner

import matbench_defects as md
from matbench_defects.cli import app
from matbench_defects.dataset import timing
from matbench_defects.errors import InputError

SPEC = """
name: magnesia
version: 1.0.0
title: Calcium in magnesia
parent: {spacegroup: Fm-3m, lattice: {a: 4.2}, sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}, provenance: {source: a test}}
supercell: [2, 1, 1]
sublattices: {Mg: {Ca: 1..2, Mg: rest}}
labels:
  - {engine: sevennet, relax: {cell: true}}
  - {engine: sevennet, name: careful, relax: {cell: true, fmax: 0.01}}
  - {engine: sevennet, name: static}
"""


def test_a_label_takes_as_many_energies_as_are_assumed(tmp_path, monkeypatch):
    """Every energy is said to take a quarter of a second."""
    kept = timing.compute_label
    jobs = []

    def timed(job):
        jobs.append(job)
        return dataclasses.replace(kept(job), seconds=0.25)

    monkeypatch.setattr(timing, "compute_label", timed)
    (tmp_path / "spec.yaml").write_text(SPEC)
    untimed = md.check(tmp_path / "spec.yaml")
    assert [label.seconds for label in untimed.labels] == [None] * 3 and not jobs
    found = {label.method.name: label for label in md.check(tmp_path / "spec.yaml", time=True).labels}
    assert {name: (label.calls, label.seconds) for name, label in found.items()} == {
        "sevennet_relaxed": (50, 12.5),
        "careful": (100, 25.0),
        "static": (1, 0.25),
    }
    assert all(job.method.relax is None for job in jobs)
    shown = CliRunner().invoke(app, ["check", str(tmp_path / "spec.yaml"), "--time"]).output
    assert "12.5 s each on one core" in shown and "a relaxation is assumed to need 50" in " ".join(shown.split())
    assert "time unknown" not in shown


def test_an_energy_that_fails_is_told(tmp_path, monkeypatch):
    kept = timing.compute_label
    fails = lambda job: dataclasses.replace(kept(job), problem="it fell over")  # noqa: E731
    monkeypatch.setattr(timing, "compute_label", fails)
    (tmp_path / "spec.yaml").write_text(SPEC)
    with pytest.raises(
        InputError, match=r"label sevennet_relaxed: the energy of magnesia:\S+ could not be timed: it fell"
    ):
        md.check(tmp_path / "spec.yaml", time=True)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ("host: {magnesia: -90}", "`source` is missing: say where the numbers given for `host` come from"),
        ("host: Mg, chemical_potentials: {Mg: -1, Ca: -2}", "numbers given for `chemical_potentials` come from"),
        ("host: Mg, source: mine", "come from; none are"),
    ],
)
def test_a_missing_source_is_said_to_be_missing(tmp_path, numbers, message):
    targets = f"targets: {{e: {{quantity: defect_formation_energy, label: static, unit: eV, per: cell, {numbers}}}}}\n"
    (tmp_path / "spec.yaml").write_text(SPEC + targets)
    with pytest.raises(InputError, match=message):
        md.check(tmp_path / "spec.yaml")

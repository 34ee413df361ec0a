"""Which labels a spec asks for."""

from __future__ import annotations

import numpy as np
import pytest
from specs_for_tests import SALT

from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.spec.loading import load_spec


def spec_of(tmp_path, more, label="{engine: sevennet}"):
    path = tmp_path / "spec.yaml"
    path.write_text(SALT.replace("MORE", more).replace("LABEL", label))
    return load_spec(path)


def test_one_job_for_each_chosen_configuration_and_label(tmp_path):
    spec = spec_of(tmp_path, "")
    (job,) = jobs_of(spec, select(spec))
    assert (job.id, len(job.crystal), job.method.name) == ("salt:Va1Na31:0", 63, "sevennet_static")


def test_an_engine_without_forces_cannot_relax(tmp_path):
    spec = spec_of(tmp_path, "", "{engine: ewald, charges: {Na: 1, Cl: -1}, relax: {cell: false}}")
    with pytest.raises(InputError, match=r"spec.yaml:13: labels.0.relax: ewald knows no forces and cannot relax"):
        jobs_of(spec, select(spec))


PATHWAY = "pathway: {species: Na, cutoff: 4.0}"
BAND = "{engine: neb, forces: {engine: chgnet}, relax: {cell: false}}"


def test_an_engine_and_what_it_labels_must_suit_each_other(tmp_path):
    spec = spec_of(tmp_path, PATHWAY)
    message = r"spec.yaml:13: labels.0.engine: sevennet labels structures, but salt holds pathways; use one of .*neb"
    with pytest.raises(InputError, match=message):
        jobs_of(spec, select(spec))
    spec = spec_of(tmp_path, "", BAND)
    with pytest.raises(InputError, match=r"neb labels pathways, but salt holds structures; use one of .*sevennet"):
        jobs_of(spec, select(spec))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("{engine: neb, forces: {engine: chgnet}}", "labels.0.relax: is missing; neb needs to know how to relax"),
        ("{engine: neb, relax: {cell: false}}", "labels.0.forces: is missing"),
        ("{engine: neb, forces: {engine: chgnt}, relax: {cell: false}}", "did you mean 'chgnet'"),
        ("{engine: neb, forces: {engine: neb}, relax: {cell: false}}", "no engine of forces is called 'neb'"),
        (
            "{engine: neb, forces: {engine: chgnet, model: best}, relax: {cell: false}}",
            "chgnet does not take this model",
        ),
        ("{engine: neb, forces: {engine: chgnet, modl: x}, relax: {cell: false}}", "chgnet does not take this modl"),
    ],
)
def test_mistakes_in_a_band_are_located(tmp_path, label, message):
    spec = spec_of(tmp_path, PATHWAY, label)
    with pytest.raises(InputError, match=r"spec.yaml:13: .*" + message):
        jobs_of(spec, select(spec))


def test_a_band_says_all_that_decides_its_label(tmp_path):
    spec = spec_of(tmp_path, PATHWAY, BAND)
    (job,) = jobs_of(spec, select(spec))
    described = job.method.description()["settings"]
    assert described["forces"] == {"engine": "chgnet", "model": "0.3.0"}  # though the spec leaves the model out
    assert job.subject.first.positions == pytest.approx(job.crystal.positions)
    moved = job.subject.second.positions - job.subject.first.positions
    assert np.flatnonzero(np.abs(moved).sum(axis=1)).tolist() == [job.subject.atom]
    assert job.crystal.species[job.subject.atom] == "Na"
    assert np.linalg.norm(job.subject.vector) == pytest.approx(5.6 / np.sqrt(2))

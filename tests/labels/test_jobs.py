"""Which labels a spec asks for."""

from __future__ import annotations

import pytest

from matbench_defects.errors import InputError
from matbench_defects.labels.jobs import jobs_of, select
from matbench_defects.spec.loading import load_spec

SPEC = """
name: salt
version: 1.0.0
title: Vacancies in rock salt
parent:
  spacegroup: Fm-3m
  lattice: {a: 5.6}
  sites: {Na: [0, 0, 0], Cl: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [2, 2, 2]
sublattices: {Na: {vacancy: 1, Na: rest}}
MORE
labels: [{engine: sevennet}]
"""


def spec_of(tmp_path, more):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("MORE", more))
    return load_spec(path)


def test_one_job_for_each_chosen_configuration_and_label(tmp_path):
    spec = spec_of(tmp_path, "")
    (job,) = jobs_of(spec, select(spec))
    assert (job.id, len(job.crystal), job.method.name) == ("salt:Va1Na31:0", 63, "sevennet_static")


def test_pathways_are_not_labelled_as_structures(tmp_path):
    spec = spec_of(tmp_path, "pathway: {species: Na, cutoff: 4.0}")
    with pytest.raises(InputError, match=r"spec.yaml:13: labels: salt holds pathways, which no engine here labels yet"):
        jobs_of(spec, select(spec))

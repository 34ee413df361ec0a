"""What every engine must do."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.enumeration.selection import select
from matbench_defects.files import sha256_of_file
from matbench_defects.labels import running
from matbench_defects.labels.engine import ComputesTogether, Engine, Method, engines, require_extra
from matbench_defects.labels.job import Job
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.spec.models import Relaxation
from matbench_defects.testing.samples import spec_of

LITHIUM_OXIDE = Crystal(np.eye(3) * 4.2, ("Li", "O"), np.array([[0, 0, 0], [2.1, 2.1, 2.05]]))
HOPS = """
name: copper
version: 1.0.0
title: Hops in copper
parent:
  spacegroup: Fm-3m
  lattice: {a: 3.6}
  sites: {Cu: [0, 0, 0]}
  provenance: {source: made up}
supercell: [2, 2, 2]
sublattices: {Cu: {vacancy: 1, Cu: rest}}
pathway: {species: Cu, cutoff: 2.7}
labels: [{engine: neb, forces: {engine: ase, calculator: soft}, relax: {cell: false}}]
"""


def sample_job(engine: str, settings: Any = None) -> Job:
    """Return a label for an engine to compute: of a cell of Li2O, or of a hop in copper.

    Parameters
    ----------
    engine : str
        The registered name.
    settings : EngineSettings or dict, optional
        Its settings.
    """
    kind = engines.get(engine)
    if not isinstance(settings, kind.Settings):
        settings = kind.Settings.model_validate(settings or {})
    relax = Relaxation(cell=False, fmax=0.1) if kind.relaxation == "needed" else None
    method = Method("label", engine, settings, relax)
    if kind.labels != "pathways":
        return Job("a", "host", LITHIUM_OXIDE, method)
    spec = spec_of(HOPS)
    (found,) = jobs_of(spec, select(spec))
    return Job(found.id, found.host, found.crystal, method, found.subject)


def finite_and_the_same_again(job: Job) -> None:
    """Check that the result is finite, of the same atoms, and the same where the engine is loaded anew."""
    running.forget_engines()
    first = running.compute_label(job)
    assert first.usable and first.outcome is not None, first.problem
    assert np.isfinite(first.outcome.energy), "the energy is not finite"
    assert first.outcome.max_force is None or np.isfinite(first.outcome.max_force), "the force is not finite"
    assert first.outcome.crystal.species == job.crystal.species, "the atoms are others, or in another order"
    assert (first.outcome.band is not None) == job.method.of_pathways, "a band belongs to a pathway, and only there"
    running.forget_engines()  # loaded anew, as another process would
    again = running.compute_label(job)
    assert again.outcome is not None and abs(again.outcome.energy - first.outcome.energy) <= 1e-5
    assert again.key == first.key


def the_same_together_as_alone(job: Job) -> None:
    """Check that an engine that computes several structures together finds for each what it finds for it alone."""
    if not issubclass(engines.get(job.method.engine), ComputesTogether):
        return
    strained = dataclasses.replace(
        job.crystal, lattice=job.crystal.lattice * 1.05, positions=job.crystal.positions * 1.05
    )
    jobs = [job, dataclasses.replace(job, id="b", crystal=strained), dataclasses.replace(job, id="c")]
    for one, together in zip(jobs, running.compute_labels(jobs), strict=True):
        alone = running.compute_label(one)
        assert together.key == alone.key, "labels come in another order"
        assert together.outcome is not None and alone.outcome is not None, together.problem or alone.problem
        apart = abs(together.outcome.energy - alone.outcome.energy)
        assert apart <= 1e-5 * len(one.crystal), (
            f"the energy is {apart:.2g} eV away from that of the same structure alone"
        )


def says_what_it_is(job: Job) -> None:
    """Check that it names package, version and level of theory, and does not call a learnt potential DFT."""
    kind: type[Engine] = engines.get(job.method.engine)
    engine = job.method.load()
    name, _, number = engine.version.partition(" ")
    assert name and number, f"the version is package and number, not '{engine.version}'"
    assert isinstance(kind.level_of_theory, str), "the class says no level of theory"
    assert len(engine.level_of_theory) > 2, "it says no level of theory"
    if "machine-learned potential" in engine.level_of_theory:
        assert "not DFT" in engine.level_of_theory, "a machine-learned potential says that it is not DFT"


def every_setting_is_explained(job: Job) -> None:
    """Check that each setting has a docstring."""
    properties = engines.get(job.method.engine).Settings.model_json_schema().get("properties", {})
    silent = [name for name, field in properties.items() if not (field.get("description") or "$ref" in field)]
    assert not silent, f"not explained: {', '.join(silent)}"


def all_that_decides_is_in_the_description(job: Job) -> None:
    """Check that the description, by which labels are found again, holds each setting given, and a digest of a file."""
    settings = job.method.description()["settings"]
    if "file" in settings:
        path: Any = getattr(job.method.settings, "_path")  # noqa: B009 - settings without a file have none
        assert settings["sha256"] == sha256_of_file(path)
    unsaid = {name for name in type(job.method.settings).model_fields if getattr(job.method.settings, name) is None}
    assert set(settings) <= set(type(job.method.settings).model_fields) <= set(settings) | unsaid


ENGINE_CHECKS = (
    finite_and_the_same_again,
    the_same_together_as_alone,
    says_what_it_is,
    every_setting_is_explained,
    all_that_decides_is_in_the_description,
)


def check_engine(engine: str, settings: Any = None) -> None:
    """Check that an engine keeps the contract of engines, on one small cell or hop.

    Parameters
    ----------
    engine : str
        The registered name.
    settings : EngineSettings or dict, optional
        Its settings, where it needs some.

    Raises
    ------
    AssertionError
        Naming the check that failed.
    InputError
        If a package that it needs is not installed.
    """
    require_extra(engine)
    job = sample_job(engine, settings)
    for check in ENGINE_CHECKS:
        try:
            check(job)
        except AssertionError as error:
            raise AssertionError(f"{engine}, {check.__name__.replace('_', ' ')}: {error}") from error

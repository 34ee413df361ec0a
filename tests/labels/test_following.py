"""Labels on the relaxed structures of another label, of some of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from label_samples import Emt, copper

from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.labelling import compute_labels, labels_there
from matbench_defects.dataset.lock import lock_of
from matbench_defects.dataset.plan import plan
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.labels import running
from matbench_defects.labels.engine import engines
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.loading import load_spec

FIRST = "{engine: emt, relax: {cell: false, fmax: 0.02, rattle: 0.05, attempts: ATTEMPTS}}"
ON_IT = "{engine: emt, name: emt_on_it, structures: emt_relaxed, configurations: {count: 2, content: {vacancy: 2}}}"
TARGETS = """
reference_phases:
  Cu: {spacegroup: Fm-3m, lattice: {a: 3.6}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
targets:
  formation_energy: {unit: eV, per: cell, references: [Cu]}
  better: {quantity: formation_energy, label: emt_on_it, unit: eV, per: cell, references: [Cu]}
splits: {random: {train: 0.5, test: 0.5}}
"""


@pytest.fixture(autouse=True)
def emt(monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setattr(running, "LocalPool", lambda workers: ThisProcess())
    with engines.temporarily("emt", Emt):
        yield


def spec_in(folder, second=ON_IT, attempts=1, more=TARGETS):
    copper(folder, "{vacancy: 0..2, Cu: rest}", "", "{engine: emt}")
    path = folder / "spec.yaml"
    first = FIRST.replace("ATTEMPTS", str(attempts))
    path.write_text(path.read_text().replace("[{engine: emt}]", f"[{first}, {second}]") + more)
    return load_spec(path)


def test_it_is_computed_where_the_other_ended(tmp_path):
    planned = plan(spec_in(tmp_path))
    assert "emt_on_it" not in {job.method.name for job in planned.jobs}
    store = LabelStore(tmp_path / "labels")
    found = compute_labels(planned, [store])
    later = planned.following_jobs(found)
    assert sorted(job.id.startswith(REFERENCE) for job in later) == [False, False, True]
    for job in later:
        (first,) = [found[each.key] for each in planned.jobs if each.id == job.id and each.attempt == job.attempt]
        assert np.allclose(job.start.positions, first.outcome.crystal.positions)
        assert found[job.key].outcome.energy == pytest.approx(first.outcome.energy, abs=1e-4)
        assert found[job.key].description["continues"] == first.key.method
    assert labels_there(planned, [LabelStore(tmp_path / "labels")]).keys() == found.keys()


def test_the_dataset_has_it_where_it_was_asked_for(tmp_path):
    spec = spec_in(tmp_path)
    built = build_dataset(spec, tmp_path / "built")
    rows = built.structures.to_pylist()
    have = [row for row in rows if row["better"] is not None]
    assert len(have) == 2 and all("Va2" in row["id"] for row in have)
    assert all(row["better"] == pytest.approx(row["formation_energy"], abs=1e-3) for row in have)
    assert all(row["formation_energy"] is not None for row in rows)
    made = built.manifest["labels"]["emt_on_it"]
    assert (made["labels"], made["references"], made["structures"]) == (3, 1, "emt_relaxed")
    assert "static, on the structures of `emt_relaxed`" in (built.folder / "README.md").read_text()
    assert built.manifest["lock"]["labels"]["emt_on_it"]["labels"] == 3
    again = build_dataset(spec, tmp_path / "again", compute=False)
    assert again.structures.equals(built.structures)


def test_a_lower_attempt_has_another_structure_and_is_computed_anew(tmp_path):
    store = LabelStore(tmp_path / "labels")
    before = compute_labels(plan(spec_in(tmp_path)), [store])
    planned = plan(spec_in(tmp_path, attempts=4))
    found = compute_labels(planned, [store])
    for job in planned.following_jobs(found):
        energies = {each.attempt: found[each.key].outcome.energy for each in planned.jobs if each.id == job.id}
        assert job.attempt == min(energies, key=energies.get)
    assert len(before) < len(found)


def test_it_is_locked_with_what_it_needs(tmp_path):
    planned, store = plan(spec_in(tmp_path)), LabelStore(tmp_path / "labels")
    assert lock_of(planned, store)["labels"]["emt_on_it"]["labels"] == 0
    compute_labels(planned, [store])
    assert (
        lock_of(planned, store)["labels"]["emt_on_it"] | {"missing": 0, "labels": 3}
        == (lock_of(planned, store)["labels"]["emt_on_it"])
    )


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (ON_IT.replace("structures: emt_relaxed", "structures: emt_relaxd"), "did you mean 'emt_relaxed'"),
        (ON_IT.replace("structures: emt_relaxed, ", ""), "goes with `structures`"),
        (ON_IT.replace("{count: 2, content: {vacancy: 2}}", "{content: {vacancy: 2}}"), "name some in `also`"),
        (ON_IT.replace("count: 2", "count: 200"), "200 were asked for, but only"),
        (ON_IT.replace("count: 2", "also: [copper:Cu3:0]"), "'copper:Cu3:0' is not among the selected"),
        (
            ON_IT.replace("engine: emt", "relax: {cell: false, rattle: 0.1}, engine: emt"),
            "starts from ideal structures",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, second, reason):
    with pytest.raises(InputError, match=reason):
        planned = plan(spec_in(tmp_path, second))
        planned.following_jobs(labels_there(planned, [LabelStore(tmp_path / "none")]))

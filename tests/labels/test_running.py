from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from matbench_defects.crystal.structure import Crystal
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.labels import running
from matbench_defects.labels.ase_engine import AseEngine
from matbench_defects.labels.engine import EngineSettings, Method, engines
from matbench_defects.labels.job import Job
from matbench_defects.labels.running import compute_label, run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.models import Relaxation


class ToySettings(EngineSettings):
    mode: str = "emt"


class Toy(AseEngine):
    """Effective-medium copper, or a calculator that misbehaves as `mode` says."""

    Settings: ClassVar[type[EngineSettings]] = ToySettings
    level_of_theory: ClassVar[str] = "effective medium theory; a toy"
    version = "toy 1"
    computed: ClassVar[list[Crystal]] = []

    def calculator(self):
        return {"emt": EMT, "lj": LennardJones}.get(self.settings.mode, lambda: Misbehaving(self.settings.mode))()

    def compute(self, crystal, relax):
        self.computed.append(crystal)
        return super().compute(crystal, relax)


class Misbehaving(EMT):
    def __init__(self, mode):
        super().__init__()
        self.mode = mode

    def calculate(self, *arguments):
        super().calculate(*arguments)
        if self.mode == "raises":
            raise RuntimeError("the cat sat on the keyboard " * 100)
        if self.mode == "paints":
            raise RuntimeError("in red:\x1b[31m\r\n| a | b |\u202e\x00\x85" + "\n" * 1000)
        self.results["energy"] = {"nan": float("nan"), "infinite": float("-inf"), "huge": -3e9}[self.mode]


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setattr(Toy, "computed", [])
    with engines.temporarily("toy", Toy):
        yield Toy


@pytest.fixture
def here(monkeypatch):
    """Compute in this process, one after another, instead of in spawned ones that know no toy."""
    monkeypatch.setattr(running, "LocalPool", lambda workers: ThisProcess())


def copper(distance=2.55, seed=0):
    side = distance * np.sqrt(2)
    fractional = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    positions = fractional * side + np.random.default_rng(seed).normal(0, 0.05, (4, 3))
    return Crystal(np.eye(3) * side, ("Cu",) * 4, positions)


def job(name="a", mode="emt", relax=None, crystal=None):
    method = Method("toy", "toy", ToySettings(mode=mode), relax)
    return Job(name, "host", crystal or copper(), method)


def test_a_static_label():
    crystal = copper()
    atoms = crystal.to_ase()
    atoms.calc = EMT()
    label = compute_label(job(crystal=crystal))
    assert label.usable
    assert (label.engine_version, label.level_of_theory) == ("toy 1", "effective medium theory; a toy")
    assert label.key == job().key
    assert label.description == {"engine": "toy", "settings": {"mode": "emt"}, "relax": None}
    assert label.outcome.energy == pytest.approx(atoms.get_potential_energy())
    assert label.outcome.max_force == pytest.approx(np.linalg.norm(atoms.get_forces(), axis=1).max())
    assert label.outcome.max_stress == pytest.approx(np.abs(atoms.get_stress()).max())
    assert (label.outcome.converged, label.outcome.steps, label.outcome.magnetic_moments) == (True, 0, None)
    assert np.array_equal(label.outcome.crystal.positions, crystal.positions)
    assert 0 < label.seconds < 60


@pytest.mark.parametrize(("cell", "optimizer"), [(False, "LBFGS"), (False, "FIRE"), (True, "LBFGS")])
def test_a_relaxed_label(cell, optimizer):
    relax = Relaxation(cell=cell, fmax=0.02, steps=300, optimizer=optimizer)
    static, relaxed = compute_label(job()).outcome, compute_label(job(relax=relax)).outcome
    assert relaxed.converged
    assert relaxed.steps > 0
    assert relaxed.max_force < 0.021  # the cell filter measures forces in the undeformed cell
    assert relaxed.energy < static.energy
    assert np.allclose(relaxed.crystal.lattice, copper().lattice) is not cell
    assert not np.allclose(relaxed.crystal.positions, copper().positions)


def test_a_relaxation_that_does_not_arrive_keeps_its_numbers_and_a_problem():
    label = compute_label(job(relax=Relaxation(cell=True, fmax=1e-6, steps=2)))
    assert label.problem == "not relaxed to 1e-06 eV/Å within 2 steps"
    assert (label.outcome.converged, label.outcome.steps) == (False, 2)
    assert not label.usable


def test_atoms_on_top_of_each_other_are_never_computed(toy):
    label = compute_label(job(crystal=Crystal(np.eye(3) * 4, ("Cu", "Cu"), np.array([[0, 0, 0], [0, 0, 3.5]]))))
    assert label.problem == "two atoms are 0.50 Å apart"  # through the border of the cell
    assert label.outcome is None
    assert toy.computed == []


@pytest.mark.parametrize(
    ("mode", "problem", "kept"),
    [
        ("nan", "the energy is not a finite number", False),
        ("infinite", "the energy is not a finite number", False),
        ("huge", "an energy of -7.5e+08 eV per atom is out of all proportion", True),
        ("raises", "failed: RuntimeError: the cat sat on the keyboard", False),
    ],
)
def test_what_goes_wrong_becomes_the_labels_problem(tmp_path, mode, problem, kept):
    label = compute_label(job(mode=mode))
    assert label.problem.startswith(problem)
    assert len(label.problem) <= 500
    assert (label.outcome is not None) == kept
    assert not label.usable
    store = LabelStore(tmp_path / "labels.parquet")
    store.add([label])
    assert LabelStore(store.path).get(label.key).problem == label.problem


def test_what_a_calculator_says_stays_on_one_line(tmp_path, here):
    label = compute_label(job(mode="paints"))
    said = r"failed: RuntimeError: in red:\x1b[31m\r\n| a | b |\u202e\x00\x85\n"
    assert label.problem.startswith(said) and label.problem.isprintable()
    store = LabelStore(tmp_path / "labels.parquet")
    store.add([label])
    assert LabelStore(store.path).get(label.key).problem == label.problem
    kept = replace(label, problem="outcome\nof a calculator")  # whoever makes it
    assert kept.problem == r"outcome\nof a calculator"


def test_fresh_labels_are_those_that_the_next_run_reads(here, tmp_path):
    """Nothing that follows from them depends on whether they were computed just now, not even its last digit."""
    jobs = [job("static"), job("relaxed", relax=Relaxation(cell=True, fmax=0.02, steps=300)), job("bad", "raises")]
    fresh, kept = (run_jobs(jobs, [LabelStore(tmp_path / "labels.parquet")]) for _ in range(2))
    for key in (one.key for one in jobs):
        assert repr(fresh[key]) == repr(kept[key])  # arrays to eight digits, which is more than are kept
        if fresh[key].outcome is not None:
            first, again = fresh[key].outcome, kept[key].outcome
            assert (first.energy, first.max_force) == (again.energy, again.max_force)
            np.testing.assert_array_equal(first.crystal.positions, again.crystal.positions)
            np.testing.assert_array_equal(first.crystal.lattice, again.crystal.lattice)


def test_the_key_holds_configuration_method_and_host():
    relax = Relaxation(cell=True)
    keys = [job().key, job("b").key, job(mode="lj").key, job(relax=relax).key]
    assert len(set(keys)) == 4
    assert job().key == job(crystal=copper(3.0)).key  # the structure follows from id and host
    renamed = Job("a", "host", copper(), Method("other", "toy", ToySettings(), None))
    assert renamed.key == job().key  # and what a label is called changes nothing


def test_nothing_is_computed_twice(tmp_path, toy, here):
    store = LabelStore(tmp_path / "labels.parquet")
    jobs = [job("a"), job("b"), job("a", mode="lj")]
    shown = []
    first = run_jobs(jobs, [store], progress=lambda done, total: shown.append((done, total)))
    assert len(toy.computed) == 3
    assert shown == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert set(first) == {j.key for j in jobs} == {label.key for label in LabelStore(store.path)}
    again = run_jobs([*jobs, job("c")], [LabelStore(store.path)])
    assert len(toy.computed) == 4
    assert again[jobs[0].key].outcome.energy == pytest.approx(first[jobs[0].key].outcome.energy, abs=1e-6)


def test_one_label_asked_for_twice_is_computed_once(tmp_path, toy, here):
    run_jobs([job("a"), job("a")], [LabelStore(tmp_path / "labels.parquet")])
    assert len(toy.computed) == 1


def test_stores_are_read_in_order_and_the_last_is_written(tmp_path, toy, here):
    committed, cache = LabelStore(tmp_path / "committed.parquet"), LabelStore(tmp_path / "cache.parquet")
    run_jobs([job("a")], [committed])
    before = committed.path.read_bytes()
    run_jobs([job("a"), job("b")], [committed, cache])
    assert len(toy.computed) == 2
    assert committed.path.read_bytes() == before
    assert [label.key.id for label in LabelStore(cache.path)] == ["b"]


def test_a_failed_label_does_not_stop_the_others(tmp_path, here):
    found = run_jobs([job("a", mode="raises"), job("b")], [LabelStore(tmp_path / "labels.parquet")])
    assert {key.id: label.usable for key, label in found.items()} == {"a": False, "b": True}


def test_an_interrupted_run_keeps_what_was_finished(tmp_path, toy, here, monkeypatch):
    compute = toy.compute

    def interrupted(self, crystal, relax):
        if toy.computed:
            raise KeyboardInterrupt
        return compute(self, crystal, relax)

    monkeypatch.setattr(toy, "compute", interrupted)
    path = tmp_path / "labels.parquet"
    with pytest.raises(KeyboardInterrupt):
        run_jobs([job("a"), job("b")], [LabelStore(path)])
    assert [label.key.id for label in LabelStore(path)] == ["a"]
    assert [p.name for p in tmp_path.iterdir()] == ["labels.parquet"]


@pytest.mark.slow
def test_processes_compute_with_a_real_engine(tmp_path):
    settings = engines.get("sevennet").Settings()
    crystal = Crystal(np.eye(3) * 4.2, ("Li", "O"), np.array([[0, 0, 0], [2.1, 2.1, 2.1]]))
    wanted = Job("a", "host", crystal, Method("static", "sevennet", settings, None))
    store = LabelStore(tmp_path / "labels.parquet")
    (label,) = run_jobs([wanted], [store], workers=1).values()
    assert label.usable
    assert label.engine_version.startswith("sevenn ")
    assert -20 < label.outcome.energy < 0
    assert label.outcome.energy == pytest.approx(compute_label(wanted).outcome.energy, abs=1e-4)

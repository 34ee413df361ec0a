"""Structures that are relaxed together come to what each comes to alone, and one harms no other."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

from matbench_defects.crystal.structure import Crystal
from matbench_defects.execution.executor import ThisProcess, results_of, takes_batches
from matbench_defects.labels import running
from matbench_defects.labels.ase_engine import AseEngine
from matbench_defects.labels.attempts import rattled
from matbench_defects.labels.batches import LARGEST_BATCH, TIMES_AT_ONCE, Costs, batches
from matbench_defects.labels.engine import EngineSettings, Method, engines, taken_at_once
from matbench_defects.labels.job import Job
from matbench_defects.labels.relaxing_together import relax_together
from matbench_defects.labels.running import compute_label, compute_labels, run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.models import Relaxation

ATOMS_AT_ONCE = 10


class Forgetful(EMT):
    """Sums over a neighbour list made anew each time, so that the same atoms have the same energy to the last bit."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, all_changes)


class Several(AseEngine):
    """Effective-medium metals, several at once; counts what each call is given. Gold is too much for it."""

    Settings: ClassVar[type[EngineSettings]] = EngineSettings
    level_of_theory: ClassVar[str] = "effective medium theory; a toy"
    version = "toy 1"
    calls: ClassVar[list[list[str]]] = []

    def calculator(self):
        return Forgetful()

    @classmethod
    def at_once(cls, atoms):
        return max(1, ATOMS_AT_ONCE // atoms)

    def evaluate(self, structures):
        self.calls.append([str(atoms.symbols) for atoms in structures])
        found = []
        for atoms in structures:
            if "Au" in atoms.symbols:
                raise RuntimeError("gold is too much")
            calculator = Forgetful()
            calculator.calculate(atoms)
            found.append(dict(calculator.results))
        return found

    def compute_together(self, subjects, relax):
        return relax_together(subjects, relax, self.evaluate, ATOMS_AT_ONCE)


@pytest.fixture(autouse=True)
def several(monkeypatch):
    monkeypatch.setattr(running, "_loaded", {})
    monkeypatch.setattr(Several, "calls", [])
    with engines.temporarily("several", Several):
        yield Several(EngineSettings())


def metal(seed: int, atoms: int = 4, element: str = "Cu", spread: float = 0.1) -> Crystal:
    fractional = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])[:atoms]
    moved = np.random.default_rng(seed).normal(0, spread, (atoms, 3))
    return Crystal(np.eye(3) * 3.6, (element,) * atoms, fractional * 3.6 + moved)


def job(name: str, crystal: Crystal, relax: Relaxation | None = None, attempt: int = 0) -> Job:
    return Job(name, "host", crystal, Method("label", "several", EngineSettings(), relax), attempt=attempt)


@pytest.mark.parametrize("optimizer", ["LBFGS", "FIRE"])
@pytest.mark.parametrize("cell", [True, False])
def test_each_takes_the_very_steps_that_it_takes_alone(several, optimizer, cell):
    relax = Relaxation(cell=cell, fmax=0.02, optimizer=optimizer)
    crystals = [metal(seed, atoms=4 - seed % 2) for seed in range(7)]
    crystals[2] = dataclasses.replace(crystals[2], fixed=np.array([True, False, False, False]))
    found = several.compute_together(crystals, relax)
    assert len({len(call) for call in several.calls}) > 1  # others took the place of those that had ended
    assert max(sum(int(symbols[2:]) for symbols in call) for call in several.calls) <= ATOMS_AT_ONCE
    for crystal, together in zip(crystals, found, strict=True):
        alone = several.compute(crystal, relax)
        assert together.steps == alone.steps > 0 and together.converged
        assert (together.energy, together.max_force, together.max_stress) == (
            alone.energy, alone.max_force, alone.max_stress
        )  # fmt: skip
        np.testing.assert_array_equal(together.crystal.positions, alone.crystal.positions)
        np.testing.assert_array_equal(together.crystal.lattice, alone.crystal.lattice)
    if not cell:
        np.testing.assert_array_equal(found[2].crystal.positions[0], crystals[2].positions[0])


def test_what_shares_a_call_follows_from_the_list_alone(several):
    crystals = [metal(seed) for seed in range(6)]
    relax = Relaxation(cell=False, fmax=0.02)
    several.compute_together(crystals, relax)
    first = list(several.calls)
    several.calls.clear()
    several.compute_together(crystals, relax)
    assert several.calls == first


def test_steps_have_a_limit_and_static_energies_take_none(several):
    crystals = [metal(seed) for seed in range(3)]
    for relax in (Relaxation(cell=True, fmax=1e-6, steps=3), None):
        for crystal, together in zip(crystals, several.compute_together(crystals, relax), strict=True):
            alone = several.compute(crystal, relax)
            assert (together.energy, together.steps, together.converged) == (alone.energy, alone.steps, alone.converged)


def test_one_that_is_larger_than_all_room_is_computed_alone(several):
    large = Crystal(np.eye(3) * 7.2, ("Cu",) * 16, np.concatenate([metal(i).positions + i for i in range(4)]))
    found = several.compute_together([metal(0), large, metal(1)], None)
    assert [len(outcome.crystal) for outcome in found] == [4, 16, 4]
    assert [len(call) for call in several.calls] == [1, 1, 1]


def test_the_failure_of_one_harms_no_other():
    relax = Relaxation(cell=False, fmax=0.05, steps=40)
    near = Crystal(np.eye(3) * 4, ("Cu", "Cu"), np.array([[0, 0, 0], [0, 0, 3.5]]))
    jobs = [
        job("a", metal(0), relax), job("gold", metal(1, element="Au"), relax), job("near", near, relax),
        job("b", metal(2), relax), job("strange", metal(3, element="Ti"), relax),
    ]  # fmt: skip
    labels = compute_labels(jobs)
    assert [label.key for label in labels] == [each.key for each in jobs]
    problems = [label.problem for label in labels]
    assert problems[1] == "failed: RuntimeError: gold is too much" and problems[2] == "two atoms are 0.50 Å apart"
    assert problems[4].startswith("failed: NotImplementedError")
    for place in (0, 3):
        alone = compute_label(jobs[place])
        assert labels[place].usable and labels[place].outcome.energy == alone.outcome.energy
    assert [label.outcome is None for label in labels] == [False, True, True, False, True]


def test_an_engine_that_fails_on_all_is_asked_for_each(several, monkeypatch):
    monkeypatch.setattr(Several, "compute_together", lambda *_: 1 / 0)
    labels = compute_labels([job("a", metal(0)), job("b", metal(1))])
    assert all(label.usable for label in labels)


def test_attempts_start_from_their_own_displacements():
    relax = Relaxation(cell=False, fmax=10.0, rattle=0.05, attempts=2)
    jobs = [job("a", metal(0, spread=0.0), relax, attempt) for attempt in (1, 2)]
    for each, label in zip(jobs, compute_labels(jobs), strict=True):
        start = rattled(each.crystal, each.method, each.key)
        assert label.outcome.steps == 0
        np.testing.assert_array_equal(label.outcome.crystal.positions, start.positions)


def test_the_time_is_shared_out_by_the_work(monkeypatch):
    relax = Relaxation(cell=False, fmax=0.02)
    now = iter([0.0, 30.0])
    monkeypatch.setattr(running.time, "monotonic", lambda: next(now))
    labels = compute_labels([job("a", metal(0), relax), job("b", metal(1, atoms=3), relax)])
    work = [len(label.outcome.crystal) * (label.outcome.steps + 1) for label in labels]
    assert sum(label.seconds for label in labels) == pytest.approx(30.0)
    assert labels[0].seconds / labels[1].seconds == pytest.approx(work[0] / work[1])


def test_a_run_hands_them_out_together(tmp_path, several):
    jobs = [job(f"{i:02d}", metal(i)) for i in range(20)]
    found = run_jobs(jobs, [LabelStore(tmp_path / "labels.parquet")], executor=ThisProcess())
    assert len(found) == 20 and max(map(len, several.calls)) == taken_at_once("several", 4) == 2


def test_batches_hold_several_times_what_is_taken_at_once():
    jobs = [job(f"{i:03d}", metal(0)) for i in range(100)]
    drawn = [len(batch) for batch in batches(jobs, Costs(), lambda: 2)]  # nothing is known of their cost
    assert drawn[0] == TIMES_AT_ONCE * 2 and drawn == sorted(drawn, reverse=True) and drawn[-1] == 1
    small = [dataclasses.replace(each, crystal=metal(0, atoms=1)) for each in jobs]
    assert len(next(batches(small * 10, Costs(), lambda: 1))) == TIMES_AT_ONCE * ATOMS_AT_ONCE <= LARGEST_BATCH


def test_methods_do_not_break_up_batches():
    relaxed = [job(f"{i:02d}", metal(0), Relaxation(cell=False)) for i in range(20)]
    static = [dataclasses.replace(each, method=dataclasses.replace(each.method, name="other")) for each in relaxed]
    static = [dataclasses.replace(each, method=dataclasses.replace(each.method, relax=None)) for each in static]
    mixed = [each for pair in zip(relaxed, static, strict=True) for each in pair]
    assert len(next(batches(mixed, Costs(), lambda: 1))) > 1


@takes_batches
def _sizes(items, shared):
    return [(item, len(items), shared) for item in items]


def test_a_function_may_take_batches():
    assert results_of(_sizes, (1, 2), "s") == [(1, 2, "s"), (2, 2, "s")]
    with ThisProcess() as executor, executor.run(_sizes, [(1, 2), (3,)], shared="s") as results:
        assert [result for pairs in results for _, result in pairs] == [(1, 2, "s"), (2, 2, "s"), (3, 1, "s")]

"""What a run leaves beside the table of labels when it is killed, and what the next one makes of it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import Executor, ThisProcess, WorkerDied
from matbench_defects.files import sha256_of_file
from matbench_defects.labels import journal
from matbench_defects.labels.batches import BATCH_SECONDS, LARGEST_BATCH, Costs, batches
from matbench_defects.labels.engine import EngineSettings, Method, Outcome, engines
from matbench_defects.labels.job import Job
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import Key, Label, LabelStore, journal_folder, table_state, values_digest

HOST = Crystal(np.eye(3) * 4, ("Li",), np.zeros((1, 3)))


class Nothing:
    """An engine that is never loaded here."""

    Settings = EngineSettings
    level_of_theory = "nothing"
    labels = "structures"
    relaxation = "impossible"


@pytest.fixture(autouse=True)
def nothing():
    with engines.temporarily("nothing", Nothing):
        yield


METHOD = Method("nothing", "nothing", EngineSettings(), None)


def job(name, atoms=1):
    crystal = Crystal(np.eye(3) * 4 * atoms, ("Li",) * atoms, np.arange(3 * atoms).reshape(atoms, 3) * 2.0)
    return Job(name, "h", crystal, METHOD)


def label(name, energy=-1.0, problem="", converged=True, outcome=True, atoms=1, seconds=1.0):
    found = Outcome(energy, job(name, atoms).crystal, float("nan"), 0.5, None, converged, 0) if outcome else None
    return Label(Key(name, METHOD.digest(), "h"), "e 1", "theory", METHOD.description(), found, problem, seconds)


class Scripted(Executor):
    """Gives results that the test has prepared."""

    workers = 2

    def __init__(self, results):
        self.results = results
        self.asked = []

    def crew(self, function, shared):
        raise NotImplementedError

    def run(self, function, drawn, **options):
        import contextlib

        @contextlib.contextmanager
        def results():
            yield ([(item, self.result(item)) for item in batch] for batch in drawn)

        return results()

    def result(self, item):
        self.asked.append(item.id)
        found = self.results[item.id]
        if isinstance(found, BaseException):
            raise found
        return found


def left_by_a_kill(path, labels):
    """Leave what a killed run leaves: lines and shards, nothing merged."""
    store = LabelStore(path)
    store._journal.folder.mkdir(parents=True)
    for each in labels:
        store.append([each])
    return store


def test_what_was_appended_is_known_to_whoever_reads_next(tmp_path):
    path = tmp_path / "labels.parquet"
    LabelStore(path).add([label("a"), label("b", energy=-3.0)])
    left_by_a_kill(path, [label("b", energy=-2.0), label("c", problem="it burst", outcome=False)])
    again = LabelStore(path)
    assert again.unmerged and len(again) == 3
    assert again.get(label("b").key).outcome.energy == -2.0
    with again.adding():
        pass
    assert not journal_folder(path).exists()
    merged = LabelStore(path)
    assert values_digest(merged) == values_digest(again) and not merged.unmerged


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_lines_become_shards_and_both_are_read(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(journal, "SHARD_ROWS", rows)
    path = tmp_path / "labels.parquet"
    labels = [label(f"{i}", energy=i / 3) for i in range(5)]
    left_by_a_kill(path, labels)
    found = sorted(p.name for p in journal_folder(path).iterdir())
    assert found == [f"{i + 1:06d}.parquet" for i in range(5 // rows)] + ["journal.jsonl"] * (5 % rows > 0)
    straight = LabelStore(tmp_path / "straight.parquet")
    straight.add(labels)
    with (store := LabelStore(path)).adding():
        pass
    assert store.path.read_bytes() == straight.path.read_bytes()  # the table is what it would have been at once


@pytest.mark.parametrize("cut", [1, 40, 10_000])
def test_a_half_written_line_is_not_read_and_the_next_is(tmp_path, cut):
    path = tmp_path / "labels.parquet"
    left_by_a_kill(path, [label("a"), label("b")])
    lines = journal_folder(path) / "journal.jsonl"
    whole = lines.read_bytes()
    first = whole.index(b"\n") + 1
    lines.write_bytes(whole[: max(first + 1, len(whole) - cut)])
    store = LabelStore(path)
    assert [each.key.id for each in store] == ["a"]
    with store.adding():
        assert path.exists()  # merged as the run begins
        store.append([label("c")])
    assert [each.key.id for each in LabelStore(path)] == ["a", "c"]


def test_a_line_after_a_half_written_one_is_read(tmp_path):
    path = tmp_path / "labels.parquet"
    store = LabelStore(path)
    journal_folder(path).mkdir()
    (journal_folder(path) / "journal.jsonl").write_text('{"id": "half')
    store.append([label("c")])
    assert [each.key.id for each in LabelStore(path)] == ["c"]


def test_a_broken_shard_is_one_message(tmp_path):
    path = tmp_path / "labels.parquet"
    journal_folder(path).mkdir()
    (journal_folder(path) / "000001.parquet").write_bytes(b"words")
    with pytest.raises(InputError, match=r"000001.parquet: cannot be read: .*; without this file its labels are"):
        LabelStore(path)


def test_a_run_that_finds_everything_touches_nothing(tmp_path):
    path = tmp_path / "labels.parquet"
    LabelStore(path).add([label("a")])
    before = path.stat()
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        found = run_jobs([job("a")], [LabelStore(path)], executor=Scripted({}))
    finally:
        tmp_path.chmod(0o755)
    assert found[job("a").key].usable
    assert path.stat().st_mtime_ns == before.st_mtime_ns and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_two_processes_do_not_add_to_one_table(tmp_path):
    path = tmp_path / "labels.parquet"
    code = (
        "import sys\nfrom matbench_defects.labels.store import LabelStore\n"
        "with LabelStore(sys.argv[1]).adding():\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=r"labels.parquet: another process is adding labels to this table"):
            run_jobs([job("a")], [LabelStore(path)], executor=Scripted({"a": label("a")}))
        shipped = LabelStore(tmp_path / "shipped.parquet")
        shipped.add([label("a")])  # all that is wanted is there, so nobody waits for the other table
        assert run_jobs([job("a")], [shipped, LabelStore(path)], executor=Scripted({}))[job("a").key].usable
        shipped.path.unlink()
        other.kill()  # the lock goes with the process
    run_jobs([job("a")], [LabelStore(path)], executor=Scripted({"a": label("a")}))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_who_waits_sees_what_the_other_one_added(tmp_path):
    path = tmp_path / "labels.parquet"
    waiting = LabelStore(path)  # read before the other one merges
    with (other := LabelStore(path)).adding():
        other.append([label("a")])
    asked = Scripted({"b": label("b")})
    found = run_jobs([job("a"), job("b")], [waiting], executor=asked, wait=True)
    assert asked.asked == ["b"] and len(found) == 2
    assert sorted(each.key.id for each in LabelStore(path)) == ["a", "b"]


def test_what_failed_is_tried_again_when_asked(tmp_path):
    path = tmp_path / "labels.parquet"
    first = {
        "good": label("good"),
        "burst": label("burst", problem="failed: RuntimeError: it burst", outcome=False),
        "slow": label("slow", problem="not relaxed to 0.05 eV/Å within 2 steps", converged=False),
        "left": label("left", problem="it left its configuration: far away"),
    }
    jobs = [job(name) for name in first]
    run_jobs(jobs, [LabelStore(path)], executor=Scripted(first))
    assert run_jobs(jobs, [LabelStore(path)], executor=Scripted({})).keys() == {j.key for j in jobs}
    asked = Scripted({"burst": label("burst"), "slow": WorkerDied(3)})
    found = run_jobs(jobs, [LabelStore(path)], executor=asked, retry_failed=True)
    assert sorted(asked.asked) == ["burst", "slow"]
    assert found[job("burst").key].usable
    problem = LabelStore(path).get(job("slow").key).problem
    assert problem == "failed: 3 workers died while they computed it; out of memory perhaps"


def test_an_interrupt_keeps_what_came_before(tmp_path):
    path = tmp_path / "labels.parquet"
    with pytest.raises(KeyboardInterrupt):
        run_jobs(
            [job("a"), job("b")], [LabelStore(path)], executor=Scripted({"a": label("a"), "b": KeyboardInterrupt()})
        )
    assert [each.key.id for each in LabelStore(path)] == ["a"]
    assert not journal_folder(path).exists()


def drawn(jobs, costs, workers=2):
    return [[each.id for each in batch] for batch in batches(jobs, costs, lambda: workers)]


def test_batches_cost_about_the_same():
    jobs = [job(f"{i:03d}", atoms=1 + i % 2) for i in range(200)]
    assert all(len(batch) == 1 for batch in drawn(jobs, Costs()))  # nothing is known
    costs = Costs([label("x", atoms=2, seconds=0.5)])
    found = drawn(jobs, costs)
    assert sorted(name for batch in found for name in batch) == [each.id for each in jobs]
    atoms = {each.id: len(each.crystal) for each in jobs}
    seconds = [sum(atoms[name] for name in batch) * 0.25 for batch in found]
    assert seconds[:20] == [BATCH_SECONDS] * 20
    assert max(seconds) <= BATCH_SECONDS and seconds[-1] == 0.25  # small ones last, so that all end together
    assert [atoms[batch[0]] for batch in found] == sorted((atoms[batch[0]] for batch in found), reverse=True)
    quick = Costs([label("x", atoms=1, seconds=1e-6)])
    assert max(map(len, drawn([job(str(i)) for i in range(9000)], quick))) == LARGEST_BATCH


def test_costs_are_learnt_while_batches_are_drawn():
    costs = Costs()
    coming = batches([job(str(i)) for i in range(50)], costs, lambda: 1)
    (first,) = next(coming)
    costs.learn(first, dataclasses.replace(label("x"), seconds=0.5))
    assert len(next(coming)) == 4
    assert costs.of(METHOD.digest(), 3) == pytest.approx(1.5)


def test_old_times_give_way_to_new_ones():
    costs = Costs([label(str(i), seconds=100.0) for i in range(5000)])
    for i in range(2000):
        costs.learn(job(str(i)), label(str(i), seconds=1.0))
    assert costs.of(METHOD.digest(), 1) == pytest.approx(2.0, abs=0.1)


def test_a_dataset_and_a_lock_see_what_a_killed_run_left(tmp_path):
    from label_samples import copper

    from matbench_defects.dataset.build import build_dataset
    from matbench_defects.dataset.lock import write_lock
    from matbench_defects.dataset.plan import plan
    from matbench_defects.enumeration.selection import select
    from matbench_defects.labels.jobs import jobs_of

    charges = "{engine: ewald, charges: {Cu: 1}, background: true}"
    spec = copper(tmp_path, "{vacancy: 0..1, Cu: rest}", label=charges)
    path = tmp_path / "labels.parquet"
    straight = LabelStore(tmp_path / "straight.parquet")
    run_jobs(jobs_of(spec, select(spec)), [straight], executor=ThisProcess())
    left_by_a_kill(path, straight)
    before = table_state(path)
    assert before and not path.exists()
    dataset = build_dataset(spec, tmp_path / "out", labels=path, compute=False)
    assert len(dataset.structures) == 2 and not path.exists()
    write_lock(plan(spec), path)
    assert path.exists() and not journal_folder(path).exists()
    assert table_state(path) == sha256_of_file(path) != before

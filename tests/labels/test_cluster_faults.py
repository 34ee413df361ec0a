"""Labels on a Dask cluster whose workers, scheduler and client are killed: nothing is lost, nothing is done twice."""

from __future__ import annotations

import dataclasses
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from cluster_samples import LoopbackCluster, counted, jobs_in, prepare

from matbench_defects.errors import InputError
from matbench_defects.execution.dask_cluster import DaskCluster
from matbench_defects.labels import batches
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import LabelStore, journal_folder

STRUCTURES = 500
KILLS = 10


def rows(path):
    """Return a table of labels as plain rows, without the time that each took."""
    from matbench_defects.labels.label_table import row_of as _row

    found = {label.key: _row(dataclasses.replace(label, seconds=0.0)) for label in LabelStore(path)}
    return [found[key] for key in sorted(found)]


@pytest.mark.slow
def test_workers_killed_at_random_change_nothing(tmp_path, monkeypatch):
    """500 structures on a scheduler and three workers, ten of which are killed at random moments."""
    monkeypatch.setattr(batches, "BATCH_SECONDS", 0.3)
    jobs = jobs_in(prepare(tmp_path, monkeypatch, count=STRUCTURES, pause=0.03))
    draw, done = random.Random(7), [0]
    moments = sorted(draw.sample(range(STRUCTURES - 30), KILLS))
    killed = []

    def kill_now_and_then():
        for moment in moments:
            while done[0] < moment:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.3))
            running = [n for n, worker in enumerate(cluster.workers) if worker.poll() is None]
            chosen = draw.choice(running)
            cluster.kill_worker(chosen)
            killed.append(chosen)

    def show(now, _):
        done[0] = now

    with LoopbackCluster(tmp_path, 3) as cluster, DaskCluster(cluster.spec) as executor:
        killer = threading.Thread(target=kill_now_and_then, daemon=True)
        killer.start()
        run_jobs(jobs, [LabelStore(tmp_path / "killed.parquet")], executor=executor, progress=show)
        killer.join(timeout=5)
    assert len(killed) == KILLS
    monkeypatch.setenv("PAUSE", "0")
    run_jobs(jobs, [LabelStore(tmp_path / "quiet.parquet")], workers=2)
    quiet = rows(tmp_path / "quiet.parquet")
    assert len(quiet) == STRUCTURES and not any(row["problem"] for row in quiet)
    assert rows(tmp_path / "killed.parquet") == quiet
    assert not journal_folder(tmp_path / "killed.parquet").exists()


CLIENT = """
import sys
from cluster_samples import jobs_in
from matbench_defects.execution.cluster_file import ClusterSpec
from matbench_defects.execution.dask_cluster import DaskCluster
from matbench_defects.execution.local import LocalPool
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import LabelStore

if __name__ == "__main__":
    spec, table, address = sys.argv[1:]
    executor = DaskCluster(ClusterSpec(scheduler=address)) if address else LocalPool(2)
    with executor:
        run_jobs(jobs_in(spec), [LabelStore(table)], executor=executor)
"""


def lines_of(table):
    journal = journal_folder(table) / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def killed_client(tmp_path, spec, table, address=""):
    """Start a client, kill it once it has some labels, and return how many of them were on disk."""
    (tmp_path / "client.py").write_text(CLIENT)
    client = subprocess.Popen([sys.executable, str(tmp_path / "client.py"), str(spec), str(table), address])
    deadline = time.monotonic() + 60
    while lines_of(table) < 12:
        assert client.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    client.send_signal(signal.SIGKILL)
    client.wait()
    return lines_of(table)


def settled(folder):
    """Wait until nobody computes any more."""
    before = None
    while before != (before := counted(folder)):
        time.sleep(1.0)
    return before


@pytest.mark.slow
@pytest.mark.parametrize("where", ["processes", "cluster"])
def test_a_killed_client_goes_on_and_computes_nothing_again(tmp_path, monkeypatch, where):
    monkeypatch.setattr(batches, "BATCH_SECONDS", 0.3)
    spec = prepare(tmp_path, monkeypatch, count=40, pause=0.1)
    table = tmp_path / "labels.parquet"
    if where == "cluster":
        with LoopbackCluster(tmp_path, 2) as cluster:
            kept = killed_client(tmp_path, spec, table, cluster.address)
            before = settled(tmp_path)
    else:
        kept = killed_client(tmp_path, spec, table)
        before = settled(tmp_path)
    assert 12 <= kept <= len(before) < 40
    # A worker's batch is 0.3 s of labels that take 0.1 s, and another may have come back unseen as the client died.
    assert len(before) - kept <= 2 * 2 * 3
    assert not table.exists()
    jobs = jobs_in(spec)
    store = LabelStore(table)
    known = [job for job in jobs if store.get(job.key) is not None]
    assert len(known) == kept
    monkeypatch.setenv("PAUSE", "0")
    (tmp_path / "counted").write_text("")
    found = run_jobs(jobs, [store], workers=2)
    assert len(found) == 40 and all(label.usable for label in found.values())
    again = counted(tmp_path)
    assert len(again) == 40 - kept and set(Counter(again).values()) == {1}  # only what was not on disk
    assert len(LabelStore(table)) == 40 and not journal_folder(table).exists()


@pytest.mark.slow
def test_a_lost_scheduler_is_one_message_and_keeps_what_is_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_SECONDS", 0.3)
    jobs = jobs_in(prepare(tmp_path, monkeypatch, count=60, pause=0.05))
    table = tmp_path / "labels.parquet"

    def show(done, _):
        if done == 15:
            cluster.scheduler.kill()

    with LoopbackCluster(tmp_path, 2) as cluster:
        start = time.monotonic()
        with (
            pytest.raises(InputError, match="the connection to the Dask scheduler was lost; what was finished is kept"),
            DaskCluster(cluster.spec) as executor,
        ):
            run_jobs(jobs, [LabelStore(table)], executor=executor, progress=show)
        assert time.monotonic() - start < 60
    kept = len(LabelStore(table))
    assert 15 <= kept < 60
    assert not journal_folder(table).exists()  # there was time to merge
    monkeypatch.setenv("PAUSE", "0")
    (tmp_path / "counted").write_text("")
    run_jobs(jobs, [LabelStore(table)], workers=1)
    assert len(counted(tmp_path)) == 60 - kept and len(LabelStore(table)) == 60

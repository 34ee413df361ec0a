"""A Dask cluster started from a file: on this machine, and through a batch system that is not really one."""

from __future__ import annotations

import itertools
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

import executor_samples as samples
import pytest

from matbench_defects.errors import InputError
from matbench_defects.execution.cluster_file import open_executor
from matbench_defects.execution.executor import DEATHS, WorkerDied

SBATCH = """#!/bin/sh
cp "$1" "$JOBS/job.sh"
sh "$JOBS/job.sh" >"$JOBS/log" 2>&1 &
echo $! >"$JOBS/pid"
echo "Submitted batch job 1"
"""
SCANCEL = """#!/bin/sh
kill "$(cat "$JOBS/pid")" || true
"""


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let workers import what these tests run."""
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here.parents[1]), str(here)]))


def executor_of(folder, text):
    (folder / "cluster.yaml").write_text(text)
    return open_executor(folder / "cluster.yaml", None)


@pytest.mark.slow
def test_a_cluster_beside_another_says_nothing(tmp_path, recwarn):
    with socket.socket() as taken:
        with suppress(OSError):  # it is taken already
            taken.bind(("", 8787))
            taken.listen()
        with executor_of(tmp_path, "local: {workers: 1}"):
            pass
    assert [str(warning.message) for warning in recwarn if warning.category is UserWarning] == []


@pytest.mark.slow
def test_workers_of_this_machine(tmp_path):
    with executor_of(tmp_path, "local: {workers: 2}") as executor:
        assert executor.workers == 2
        with executor.run(samples.plus, ([i, i + 1] for i in range(0, 60, 2)), shared=100) as results:
            assert sorted(itertools.chain(*results)) == [(i, 100 + i) for i in range(60)]
        with executor.run(samples.process_of, ([i] for i in range(40)), ordered=True) as results:
            found = list(itertools.chain(*results))
        assert [i for i, _ in found] == list(range(40))
        assert len({process for _, process in found}) == 2
        with (
            pytest.raises(ValueError, match="no 1"),
            executor.run(samples.refuses, [[1]]) as results,
        ):
            list(results)


@pytest.mark.slow
def test_an_item_that_kills_its_worker_is_found_out(tmp_path):
    import dask
    import distributed  # noqa: F401 its settings must be there before one is changed

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),  # for fewer workers to be started again
        executor_of(tmp_path, "local: {workers: 1}") as executor,
        executor.run(samples.dies_of, [[1, 2, 3], [4, 5]], shared=2) as results,
    ):
        found = dict(itertools.chain(*results))
    assert found == {1: 1, 2: WorkerDied(DEATHS), 3: 3, 4: 4, 5: 5}


@pytest.mark.slow
def test_a_worker_with_several_threads_is_refused(tmp_path):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        text = f"scheduler: {cluster.scheduler_address}"
        with (
            pytest.raises(InputError, match="has 2 threads, and a calculator serves one; start workers with --nthr"),
            executor_of(tmp_path, text) as executor,
            executor.run(samples.plus, [[1]]) as results,
        ):
            list(results)


@pytest.mark.slow
def test_jobs_of_a_batch_system(tmp_path, monkeypatch):
    """A stand-in for SLURM that runs each job at once: the job script is what dask-jobqueue would submit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBS", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    text = f"slurm: {{workers: 1, memory: 2GB, interface: lo, python: {sys.executable}, local_directory: {tmp_path}}}"
    with executor_of(tmp_path, text) as executor:
        assert executor.workers == 1
        with executor.run(samples.plus, [[1], [2, 3]], shared=1) as results:
            assert sorted(itertools.chain(*results)) == [(1, 2), (2, 3), (3, 4)]
    script = (tmp_path / "job.sh").read_text()
    assert "export OMP_NUM_THREADS=1" in script and "--nthreads 1" in script


@pytest.mark.parametrize("refusing", [True, False], ids=["refused", "missing"])
def test_a_batch_system_that_takes_no_job_is_one_message(tmp_path, monkeypatch, refusing):
    if refusing:
        (tmp_path / "sbatch").write_text("#!/bin/sh\necho 'Invalid account' >&2\nexit 1\n")
        (tmp_path / "sbatch").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    text = f"slurm: {{workers: 1, memory: 2GB, interface: lo, local_directory: {tmp_path}}}"
    with pytest.raises(InputError, match=r"`sbatch` took no job; is it on the PATH here, and are queue, account"):
        executor_of(tmp_path, text)

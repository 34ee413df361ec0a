"""One interface for every place where things are computed: here, in other processes, and when these die."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import executor_samples as samples
import pytest

from matbench_defects.errors import InputError
from matbench_defects.execution import worker
from matbench_defects.execution.executor import DEATHS, ThisProcess, WorkerDied
from matbench_defects.execution.local import LocalPool


def results_of(executor, function, batches, **options):
    with executor, executor.run(function, batches, **options) as results:
        return list(results)


@pytest.fixture(params=[ThisProcess, lambda: LocalPool(2)], ids=["here", "processes"])
def executor(request):
    return request.param()


def test_every_item_is_computed_once(executor):
    found = results_of(executor, samples.plus, [[1, 2], [3], []], shared=10)
    assert sorted(itertools.chain(*found)) == [(1, 11), (2, 12), (3, 13)]


def test_order_is_kept_where_asked(executor):
    found = results_of(executor, samples.plus, ([i] for i in range(40)), ordered=True)
    assert found == [[(i, i)] for i in range(40)]


def test_batches_are_drawn_as_they_are_needed(executor):
    drawn = []

    def endless():
        for i in itertools.count():
            drawn.append(i)
            yield [i]

    with executor.run(samples.plus, endless(), ordered=True) as results:
        taken = list(itertools.islice(results, 10))
    assert taken == [[(i, i)] for i in range(10)]
    assert len(drawn) <= 10 + 4 * executor.workers


def test_what_the_function_raises_is_raised(executor):
    with pytest.raises(ValueError, match="no 1"):
        results_of(executor, samples.refuses, [[1]])


def test_both_processes_work():
    found = results_of(LocalPool(2), samples.process_of, [[i] for i in range(40)])
    processes = {process for ((_, process),) in found}
    assert len(processes) == 2 and os.getpid() not in processes


def test_an_item_that_kills_its_worker_stops_nothing_else():
    found = dict(itertools.chain(*results_of(LocalPool(2), samples.dies_of, [[1, 2], [3, 4, 5], [6]], shared=4)))
    assert found == {1: 1, 2: 2, 3: 3, 4: WorkerDied(DEATHS), 5: 5, 6: 6}


@pytest.mark.parametrize("ordered", [True, False])
def test_a_worker_that_was_killed_is_replaced(tmp_path, ordered):
    found = results_of(
        LocalPool(2), samples.dies_once, [[i] for i in range(6)], shared=tmp_path / "died", ordered=ordered
    )
    assert (tmp_path / "died").exists()
    assert sorted(itertools.chain(*found)) == [(i, i) for i in range(6)]
    assert not ordered or found == [[(i, i)] for i in range(6)]


def test_workers_that_cannot_start_are_not_the_items_fault():
    with pytest.raises(InputError, match="3 worker processes in a row died as they started"):
        results_of(LocalPool(1), samples.plus, [[i] for i in range(9)], shared=samples.Unloadable())


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    parent = subprocess.Popen([sys.executable, samples.__file__, str(tmp_path)])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2 and all(map(alive, workers))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))


def test_each_worker_takes_a_gpu_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(worker.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(worker, "_held", [])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 7")
    monkeypatch.setenv(worker.DEVICE, "cpu")
    taken = []
    for _ in range(2):  # two workers, as far as the locks go
        monkeypatch.setattr(worker, "_held", [])
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 7")
        with monkeypatch.context() as patch:
            patch.setattr(worker.warnings, "simplefilter", lambda *_: None)
            worker.prepare("cuda")
        taken.append((os.environ["CUDA_VISIBLE_DEVICES"], worker._held))
    assert [gpu for gpu, _ in taken] == ["4", "7"]
    taken[0][1][0].release()
    monkeypatch.setattr(worker, "_held", [])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    worker.prepare("cuda")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4"  # the first worker's, which is free again


def test_a_worker_without_the_gpu_that_was_asked_for_says_so():
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(InputError, match="`cuda` was asked for, but a worker sees no NVIDIA GPU"),
    ):
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        results_of(LocalPool(1, "cuda"), samples.plus, [[1]])


def test_a_worker_on_the_processor_takes_no_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv(worker.DEVICE, "cuda")
    worker.prepare("cpu")
    assert (os.environ["CUDA_VISIBLE_DEVICES"], os.environ[worker.DEVICE]) == ("0,1", "cpu")

"""Time what computes labels on several workers: how it scales, what it costs, how that grows.

    OMP_NUM_THREADS=1 python benchmarks/speed/executor.py             # all, about 15 minutes on two cores
    OMP_NUM_THREADS=1 python benchmarks/speed/executor.py overhead    # or: throughput, scheduling, alone

Throughput: static SevenNet-0 energies of the LiNiO2 host, displaced a little. Overhead: `run_jobs` with a calculator
that takes a given time, its journal and table included, against a plain loop over the engine; both from the first label
to the last, so without the start of processes. Scheduling: sleeping tasks on 64 Dask workers on loopback, 16 in each of
four processes; `alone` hands out 10^5 of them one by one. Prints Markdown tables.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.structure import Crystal
from matbench_defects.execution.cluster_file import ClusterSpec
from matbench_defects.execution.dask_cluster import DaskCluster
from matbench_defects.execution.executor import Executor
from matbench_defects.execution.local import LocalPool
from matbench_defects.labels.engine import Method, engines
from matbench_defects.labels.job import Job
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec

NAP = 0.05
"""Seconds that a task of the scheduling test sleeps."""
ALLOWED = """
ase:
  sleeping:
    calculator: executor:sleeping
    package: ase
    level_of_theory: Lennard-Jones pairs, after a nap
    machine_learned: false
    settings: {{seconds: {seconds}}}
"""


def sleeping(seconds: float) -> Any:
    """Return a calculator that takes a given time."""
    from ase.calculators.lj import LennardJones

    class Sleeping(LennardJones):
        def calculate(self, *arguments, **named):
            end = time.perf_counter() + seconds
            super().calculate(*arguments, **named)
            time.sleep(max(0.0, end - time.perf_counter()))

    return Sleeping(sigma=2.0, epsilon=0.01, rc=4.0)


def nap(item: int, shared: None) -> int:
    """Sleep, as a task."""
    time.sleep(NAP)
    return item


def host() -> Crystal:
    """Return the host cell of ``lno-cathode``, 48 atoms."""
    space = next(iter(build_spaces(load_spec(find_spec("lno-cathode"))).values()))
    return Crystal(space.lattice, space.host_species, space.positions)


def jobs_of(method: Method, number: int, crystal: Crystal) -> list[Job]:
    """Return labels of a displaced crystal."""
    random = np.random.default_rng(0)
    moved = [crystal.positions + random.normal(0, 0.01, crystal.positions.shape) for _ in range(number)]
    return [Job(f"a:{i}", "host", dataclasses.replace(crystal, positions=p), method) for i, p in enumerate(moved)]


def timed(jobs: list[Job], executor: Executor, skip: int) -> float:
    """Return seconds a label from the label number `skip` to the last."""
    seen: list[float] = []
    with tempfile.TemporaryDirectory() as folder, executor:
        store = LabelStore(Path(folder) / "labels.parquet")
        found = run_jobs(jobs, [store], executor=executor, progress=lambda done, _: seen.append(time.perf_counter()))
    assert all(label.usable for label in found.values())
    return (seen[-1] - seen[skip]) / (len(jobs) - skip)


def backend(name: str, workers: int) -> Executor:
    """Return one of both ways to compute on this machine."""
    if name == "processes":
        return LocalPool(workers)
    return DaskCluster(ClusterSpec.model_validate({"local": {"workers": workers}}))


def throughput() -> None:
    """Time two workers against one."""
    method = Method("static", "sevennet", engines.get("sevennet").Settings(), None)
    jobs = jobs_of(method, 120, host())
    print("\n| Workers | one, labels/s | two, labels/s | Ratio |\n|---|---|---|---|")
    for name in ("processes", "Dask"):
        one, two = (1 / timed(jobs, backend(name, workers), 8) for workers in (1, 2))
        print(f"| {name} | {one:.2f} | {two:.2f} | {two / one:.2f} |", flush=True)


def overhead() -> None:
    """Time the whole of `run_jobs` on one worker against a plain loop over the engine."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    print("\n| Task, s | plain loop, s | processes, s | | Dask, s | |\n|---|---|---|---|---|---|")
    for seconds, number in ((1.0, 25), (0.05, 400)):
        with tempfile.TemporaryDirectory() as folder:
            allowed = Path(folder) / "engines.yaml"
            allowed.write_text(ALLOWED.format(seconds=seconds))
            os.environ["MATBENCH_DEFECTS_CONFIG"] = str(allowed)
            method = Method("a", "ase", engines.get("ase").Settings.model_validate({"calculator": "sleeping"}), None)
            jobs = jobs_of(method, number, host())
            engine = method.load()
            engine.compute(host(), None)
            start = time.perf_counter()
            for job in jobs:
                engine.compute(job.crystal, None)
            bare = (time.perf_counter() - start) / number
            cells = [f"{seconds:g}", f"{bare:.4f}"]
            for name in ("processes", "Dask"):
                taken = timed(jobs, backend(name, 1), 1)
                cells += [f"{taken:.4f}", f"{100 * (taken / bare - 1):+.1f} %"]
        print("| " + " | ".join(cells) + " |", flush=True)


async def serve_workers(address: str, number: int) -> None:
    """Run light Dask workers in this process until the scheduler ends."""
    from distributed import Worker

    workers = await asyncio.gather(*(Worker(address, nthreads=1, dashboard=False) for _ in range(number)))
    await asyncio.gather(*(worker.finished() for worker in workers))


@contextmanager
def many_workers(processes: int, each: int) -> Iterator[tuple[str, int]]:
    """Give the address of a scheduler with light workers, and the scheduler's process id."""
    import json

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        arguments = ["--port", "0", "--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(file)]
        scheduler = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler", *arguments], **quiet)
        while not file.exists():
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        serve = [sys.executable, __file__, "serve", address, str(each)]
        serving = [subprocess.Popen(serve, **quiet) for _ in range(processes)]
        try:
            yield address, scheduler.pid
        finally:
            for process in (*serving, scheduler):
                process.kill()
                process.wait()


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def scheduling() -> None:
    """Time sleeping tasks on ever more workers, each task alone, and 10^5 of them in batches of two seconds."""
    sleep_on(
        (1, 1, 400, 1),
        (1, 16, 4000, 1),
        (4, 16, 4000, 1),
        (4, 16, 20_000, 1),
        (4, 16, 100_000, 40),
    )


def alone() -> None:
    """Time 10^5 sleeping tasks that are handed out one by one."""
    sleep_on((4, 16, 100_000, 1))


def sleep_on(*cases: tuple[int, int, int, int]) -> None:
    """Time sleeping tasks, for each case of processes, workers in each, tasks, and tasks in a batch."""
    napping = importlib.import_module("executor").nap  # by name, as labels are; what is in __main__ would be sent whole
    print("\n| Workers | Tasks | in a batch | Wall, s | Sleep alone, s | Scheduler + client, ms of processor a batch |")
    print("|---|---|---|---|---|---|")
    for processes, each, tasks, size in cases:
        workers = processes * each
        with many_workers(processes, each) as (address, scheduler):
            executor = DaskCluster(ClusterSpec(scheduler=address))
            executor._client.wait_for_workers(workers)
            batches = ([*range(i, min(i + size, tasks))] for i in range(0, tasks, size))
            before = processor_seconds(scheduler) + time.process_time()
            start, done = time.perf_counter(), 0
            with executor, executor.run(napping, batches) as results:
                for pairs in results:
                    done += len(pairs)
            wall = time.perf_counter() - start
            used = processor_seconds(scheduler) + time.process_time() - before
        assert done == tasks
        ideal, cost = tasks * NAP / workers, 1000 * used / (tasks / size)
        print(f"| {workers} | {tasks:,} | {size} | {wall:.1f} | {ideal:.1f} | {cost:.2f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve_workers(sys.argv[2], int(sys.argv[3])))
    else:
        measures = {each.__name__: each for each in (throughput, overhead, scheduling, alone)}
        for name in sys.argv[1:] or measures:
            measures[name]()

"""A Dask cluster of separate processes on loopback that can be killed, and structures for it to label."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from specs_for_tests import ALLOY_WITH_VACANCIES

from matbench_defects.enumeration.selection import select
from matbench_defects.execution.cluster_file import ClusterSpec
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.spec.loading import load_spec

HERE = Path(__file__).parent
ALLOWED = """
ase:
  counted:
    calculator: counted_calculator:Counted
    package: ase
    level_of_theory: effective medium theory; a toy
    machine_learned: false
"""


def prepare(folder, monkeypatch, *, count, pause=0.0):
    """Write a spec, allow its calculator to this process and those started from it; return the spec's file."""
    (folder / "engines.yaml").write_text(ALLOWED)
    (folder / "spec.yaml").write_text(ALLOY_WITH_VACANCIES.replace("COUNT", str(count)))
    monkeypatch.setenv("MATBENCH_DEFECTS_CONFIG", str(folder / "engines.yaml"))
    monkeypatch.setenv("COUNTED", str(folder / "counted"))
    monkeypatch.setenv("PAUSE", str(pause))
    root = str(HERE.parents[1])
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([root, str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    )
    monkeypatch.syspath_prepend(str(HERE))
    (folder / "counted").touch()
    return folder / "spec.yaml"


def jobs_in(path):
    """Return the labels that a spec asks for."""
    spec = load_spec(path)
    return jobs_of(spec, select(spec))


def counted(folder):
    """Return what was computed so far, a digest of each structure as often as it was."""
    return [line.split()[1] for line in (folder / "counted").read_text().splitlines()]


class LoopbackCluster:
    """A scheduler and workers, each a process without a nanny: nobody but the test replaces what it kills."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._file = folder / "scheduler.json"
        self._folder = folder
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
        deadline = time.monotonic() + 60
        while not self._file.exists():
            assert time.monotonic() < deadline and self.scheduler.poll() is None
            time.sleep(0.05)
        self.workers = [self.start_worker() for _ in range(workers)]

    def _start(self, program, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(self._file)]
        with open(self._folder / "cluster.log", "ab") as log:
            return subprocess.Popen([*command, *arguments], stdout=log, stderr=log, cwd=self._folder)

    def start_worker(self):
        return self._start("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")

    def kill_worker(self, number):
        """Kill a worker as the system does when memory runs out, and start another one in its place."""
        self.workers[number].send_signal(signal.SIGKILL)
        self.workers[number].wait()
        self.workers[number] = self.start_worker()

    @property
    def address(self):
        import json

        return json.loads(self._file.read_text())["address"]

    @property
    def spec(self):
        return ClusterSpec(scheduler=self.address, wait=30.0)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()

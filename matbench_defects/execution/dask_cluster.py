"""The workers of a Dask cluster: Dask schedules, replaces what dies and computes its tasks again."""

from __future__ import annotations

import importlib.util
import logging
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from matbench_defects.errors import InputError
from matbench_defects.execution.cluster_spec import ClusterSpec, Pbs, Slurm
from matbench_defects.execution.executor import Crew, Executor, Function, ItemBatch, Returned
from matbench_defects.execution.worker import compute, surroundings

LOOK_EVERY = 2.0
"""How often the number of workers is asked for, seconds."""
MESSAGES_KEPT = 8
"""How many sent messages each connection keeps."""
GO_ON = "what was finished is kept, and the same command goes on"


class DaskCluster(Executor):
    """A Dask cluster that runs already, or is started here.

    Parameters
    ----------
    spec : ClusterSpec
        Where it is.

    Raises
    ------
    InputError
        If a package is missing, or the scheduler does not answer.
    """

    def __init__(self, spec: ClusterSpec) -> None:
        _require("distributed", "dask_jobqueue" if spec.slurm or spec.pbs else "distributed")
        import dask
        from distributed import Client

        # Each connection keeps its last messages, a thousand where nothing is said: with the structures of
        # a batch in each, a gigabyte. Set for good, since workers come and go.
        dask.config.set({"distributed.admin.low-level-log-length": MESSAGES_KEPT})
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in one message
        self._spec = spec
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Port .* is already in use")  # by another run's page; it takes the next
            self._started: Any = None if spec.scheduler else _start(spec)
        address = self._started.scheduler_address if self._started else str(spec.scheduler)
        self._asked = 1 if spec.scheduler else _asked(spec)
        try:
            self._client = Client(address, timeout=spec.wait, set_as_default=False)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            if self._started is not None:
                self._started.close()
            raise InputError(f"the scheduler at {address} does not answer: {reason}") from None
        self._looked, self._there = -LOOK_EVERY, 0
        if spec.scheduler:
            self._wait_for_a_worker(address)

    def _wait_for_a_worker(self, address: str) -> None:
        from distributed import TimeoutError as TooLate

        try:
            self._client.wait_for_workers(1, timeout=self._spec.wait)
        except (TooLate, TimeoutError):
            self._client.close()
            raise InputError(
                f"the scheduler at {address} has no worker; start some with `dask worker {address} --nthreads 1`"
            ) from None

    @property
    def workers(self) -> int:
        """How many workers there are now; of jobs that wait in a queue, how many were asked for."""
        if time.monotonic() - self._looked > LOOK_EVERY:
            with suppress(OSError, KeyError):  # a lost scheduler shows when results are collected
                self._there = len(self._client.scheduler_info()["workers"])
            if self._spec.slurm or self._spec.pbs:
                self._started.scale(n=self._asked)  # jobs whose time was up are submitted anew
            self._looked = time.monotonic()
        return self._there or self._asked

    @contextmanager
    def crew(self, function: Function, shared: Any) -> Iterator[Crew]:
        """Return the cluster's workers; what is shared is sent to each once, also to those that come later."""
        name = None if shared is None else f"matbench-defects-{uuid.uuid4().hex}"
        if name is not None:
            self._client.register_plugin(_shared_plugin(shared, name))
        crew = _Futures(self, function, name)
        try:
            yield crew
        finally:
            crew.stop()
            if name is not None:
                with suppress(Exception):  # the scheduler may be what failed
                    self._client.unregister_worker_plugin(name)

    def close(self) -> None:
        """Leave the scheduler; end the workers that were started here."""
        with suppress(OSError, TimeoutError):
            self._client.close(timeout=5)
        if self._started is not None:
            self._started.close()

    def futures(self) -> Any:
        """Return an empty collection of futures that gives them back as they finish."""
        from distributed import as_completed

        return as_completed(loop=self._client.loop, with_results=True, raise_errors=False)

    def submit(self, function: Function, shared: str | None, items: Sequence[Any]) -> Any:
        """Return the future of one batch."""
        from cloudpickle import dumps

        packed = dumps((function, items, shared))  # bytes, since the scheduler unpacks everything else too
        return self._client.submit(
            _compute_there, packed, self._spec.device, key=f"batch-{uuid.uuid4().hex}", pure=False
        )


class _Futures:
    exact = False

    def __init__(self, cluster: DaskCluster, function: Function, shared: str | None) -> None:
        self._cluster, self._function, self._shared = cluster, function, shared
        self._flying: dict[Any, ItemBatch] = {}
        self._finished = cluster.futures()

    def room(self) -> int:
        # One computed and one waiting for each worker, and some for those that come between two looks.
        return 2 * self._cluster.workers + 8 - len(self._flying)

    def submit(self, batch: ItemBatch) -> None:
        future = self._cluster.submit(self._function, self._shared, batch.items)
        self._flying[future] = batch
        self._finished.add(future)

    def collect(self) -> list[Returned]:
        return [self._returned(future, result) for future, result in self._finished.next_batch()]

    def _returned(self, future: Any, result: Any) -> Returned:
        from distributed.scheduler import KilledWorker

        batch = self._flying.pop(future)
        status = future.status
        future.release()
        if status == "finished":
            return Returned(batch, result)
        if status != "error":
            raise InputError(f"the connection to the Dask scheduler was lost; {GO_ON}")
        error = result[1]
        if isinstance(error, KilledWorker):
            return Returned(batch, None, deaths=error.allowed_failures + 1)
        lacking = error if isinstance(error, ModuleNotFoundError) else error.__cause__
        if isinstance(lacking, ModuleNotFoundError) or "deserialization" in str(error):
            raise InputError(
                f"scheduler and workers need the packages that are here ({lacking or 'one is missing'}); {GO_ON}"
            ) from None
        raise error

    def stop(self) -> None:
        with suppress(Exception):  # nobody waits for these any more
            for future in self._flying:
                future.cancel()


def _require(*modules: str) -> None:
    missing = [name.replace("_", "-") for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"--cluster needs the package {missing[0]}: pip install 'matbench-defects[cluster]'")


def _asked(spec: ClusterSpec) -> int:
    asked = spec.local or spec.slurm or spec.pbs
    assert asked is not None
    return asked.workers


def _start(spec: ClusterSpec) -> Any:
    """Start workers on this machine or as batch jobs, with a scheduler in this process."""
    import dask

    if spec.local is not None:
        from distributed import LocalCluster

        with dask.config.set({"distributed.nanny.pre-spawn-environ": surroundings()}):
            # What a worker raises comes back to be said once; its own log would say it before, with a traceback.
            return LocalCluster(
                n_workers=spec.local.workers,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
    import dask_jobqueue

    queue: Slurm | Pbs | None = spec.slurm or spec.pbs
    assert queue is not None
    kind = dask_jobqueue.SLURMCluster if spec.slurm else dask_jobqueue.PBSCluster
    exported = [f"export {name}={value}" for name, value in surroundings().items()]
    arguments = queue.arguments()
    arguments["job_script_prologue"] = [*exported, *queue.job_script_prologue]
    try:
        cluster = kind(**arguments)
        cluster.scale(n=queue.workers)
        cluster.sync(cluster._correct_state)  # wait until the jobs are submitted; what went wrong is only logged
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"the batch jobs cannot be made: {str(error).splitlines()[0]}") from None
    if any(job.job_id is None for job in cluster.workers.values()):
        with suppress(AssertionError):  # it expects its jobs to have started
            cluster.close()
        command = cluster.job_cls.submit_command.split()[0]
        raise InputError(
            f"`{command}` took no job; is it on the PATH here, and are queue, account and directives right?"
        )
    return cluster


def _shared_plugin(shared: Any, name_: str) -> Any:
    from distributed import WorkerPlugin

    class Shared(WorkerPlugin):  # type: ignore[misc]
        """Holds what all items share, on each worker, under a name."""

        name = name_

        def setup(self, worker: Any) -> None:
            worker.matbench_defects_shared = {**getattr(worker, "matbench_defects_shared", {}), self.name: self.value}

        def teardown(self, worker: Any) -> None:
            worker.matbench_defects_shared.pop(self.name, None)

    plugin = Shared()
    plugin.value = shared
    return plugin


def _compute_there(packed: bytes, device: str) -> list[Any]:
    """Compute a batch on a worker."""
    import pickle

    from distributed import get_worker

    worker = get_worker()
    if worker.state.nthreads > 1:
        raise InputError(
            f"the worker {worker.address} has {worker.state.nthreads} threads, and a calculator serves one; start "
            "workers with --nthreads 1"
        )
    function, items, shared = pickle.loads(packed)  # from the client, as everything that Dask hands a worker
    return compute(function, items, None if shared is None else worker.matbench_defects_shared[shared], device)

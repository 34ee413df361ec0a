"""What the file of a cluster may say: a scheduler, workers of this machine, or jobs of a batch system."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from matbench_defects.spec.fields import StrictModel

Positive = Annotated[int, Field(ge=1)]


class LocalWorkers(StrictModel):
    """Dask workers on this machine, to try a cluster's way without one."""

    workers: Positive
    """How many worker processes."""


class _Queue(StrictModel):
    """Workers that are started as batch jobs through dask-jobqueue, whose arguments the fields are unless said."""

    workers: Positive
    """How many workers are asked for; they are used as they come. Not an argument of dask-jobqueue."""
    memory: str
    """Memory of one job, such as ``32GB``."""
    cores: Positive = 1
    """Cores of one job."""
    processes: Positive | None = None
    """Workers in one job, each with one thread; as many as `cores` where left out."""
    walltime: str | None = None
    """How long a job may run, such as ``24:00:00``."""
    queue: str | None = None
    """Queue or partition."""
    account: str | None = None
    """What the hours are charged to."""
    job_extra_directives: list[str] = []
    """Further lines for the batch system, such as ``--gres=gpu:4``."""
    job_script_prologue: list[str] = []
    """Commands that each job runs before its workers start, such as loading a module."""
    worker_extra_args: list[str] = []
    """Further arguments of ``dask worker``, such as ``--lifetime 23h``."""
    interface: str | None = None
    """Network interface that workers and scheduler talk over, such as ``ib0``."""
    python: str | None = None
    """The Python of the workers; the one that runs this command where left out."""
    local_directory: str | None = None
    """Folder for what a worker writes, best on its own disk."""
    log_directory: str | None = None
    """Folder for what the jobs print."""
    death_timeout: Positive = 600
    """A worker without a scheduler ends after so many seconds; so jobs do not outlive this command for long."""

    @model_validator(mode="after")
    def _check(self) -> _Queue:
        if self.processes is not None and self.processes > self.cores:
            raise ValueError(f"{self.processes} processes cannot share {self.cores} cores; each needs one")
        return self

    @property
    def processes_a_job(self) -> int:
        """Workers in one job."""
        return self.processes or self.cores

    def arguments(self) -> dict[str, Any]:
        """Return what dask-jobqueue is given: a worker has one thread, since a calculator serves one at a time."""
        given = self.model_dump(exclude={"workers", "cores", "processes"}, exclude_none=True)
        return given | {"cores": self.processes_a_job, "processes": self.processes_a_job}


class Slurm(_Queue):
    """Workers as jobs of SLURM."""

    job_cpu: Positive | None = None
    """Cores that SLURM is asked for; `cores` where left out."""
    job_mem: str | None = None
    """Memory that SLURM is asked for; `memory` where left out."""

    def arguments(self) -> dict[str, Any]:
        """Return what dask-jobqueue is given."""
        return super().arguments() | {"job_cpu": self.job_cpu or self.cores}


class Pbs(_Queue):
    """Workers as jobs of PBS."""

    resource_spec: str | None = None
    """What one job needs, in the words of PBS, such as ``select=1:ncpus=4:ngpus=4:mem=32gb``."""


class ClusterSpec(StrictModel):
    """Where to compute: exactly one of a scheduler, workers of this machine, SLURM or PBS."""

    scheduler: Annotated[str, Field(pattern=r"^(tcp|tls|ucx|ws|wss|inproc)://.+")] | None = None
    """Address of a Dask scheduler that runs already. Its workers have one thread each (``--nthreads 1``)."""
    local: LocalWorkers | None = None
    """Dask workers on this machine."""
    slurm: Slurm | None = None
    """Workers as jobs of SLURM."""
    pbs: Pbs | None = None
    """Workers as jobs of PBS."""
    device: Literal["cpu", "cuda"] = "cpu"
    """What engines that can use a GPU compute on. With ``cuda`` each worker takes a GPU of its machine for itself."""
    wait: Annotated[float, Field(gt=0)] = 60.0
    """How long to wait for the scheduler to answer and, where it runs already, for a first worker; seconds."""

    @model_validator(mode="after")
    def _check(self) -> ClusterSpec:
        named = [name for name in ("scheduler", "local", "slurm", "pbs") if getattr(self, name) is not None]
        if len(named) != 1:
            found = " and ".join(named) or "none"
            raise ValueError(f"one of scheduler, local, slurm and pbs was expected, not {found}")
        return self

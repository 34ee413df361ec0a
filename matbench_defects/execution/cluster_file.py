"""Where to compute: processes of this machine, or the cluster that a YAML file names, read as specs are."""

from __future__ import annotations

from pathlib import Path

from matbench_defects.errors import InputError
from matbench_defects.execution.cluster_spec import ClusterSpec
from matbench_defects.execution.dask_cluster import DaskCluster
from matbench_defects.execution.executor import Executor, ThisProcess
from matbench_defects.execution.local import LocalPool
from matbench_defects.spec.document import read_document, validate


def load_cluster(path: str | Path) -> ClusterSpec:
    """Read a cluster's file.

    Raises
    ------
    InputError
        With file, line, field, what was expected and the nearest valid name.
    """
    document = read_document(path)
    return validate(ClusterSpec, document.data, document)


def open_executor(
    cluster: str | Path | None, workers: int | None, *, device: str = "cpu", alone: bool = False
) -> Executor:
    """Return where to compute, as the command line says it.

    Parameters
    ----------
    cluster : path-like or None
        A cluster's file; this machine where left out.
    workers : int or None
        Processes of this machine.
    device : str
        ``cpu`` or ``cuda``, for processes of this machine.
    alone : bool
        Whether one worker of this machine means this very process.

    Raises
    ------
    InputError
        If both are given, the file is wrong, the packages for clusters are missing or the cluster does not answer.
    """
    if cluster is None:
        return ThisProcess() if alone and workers in (None, 1) else LocalPool(workers, device)
    if workers not in (None, 1) or (workers and not alone):
        raise InputError("--workers counts processes of this machine; with --cluster the file says how many")
    return DaskCluster(load_cluster(cluster))

"""The cluster's file: what is read from it, and one clear message for each mistake."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from matbench_defects.errors import InputError
from matbench_defects.execution import cluster_file
from matbench_defects.execution.cluster_file import load_cluster, open_executor
from matbench_defects.execution.executor import ThisProcess
from matbench_defects.execution.local import LocalPool

EXAMPLES = Path(cluster_file.__file__).with_name("examples")


def file_of(folder, text):
    path = folder / "cluster.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schedular: tcp://a:1", r"cluster.yaml:1: schedular: unknown field; did you mean 'scheduler'"),
        ("scheduler: 10.0.0.1", r"cluster.yaml:1: scheduler: string should match pattern"),
        ("local: {workers: 0}", r"cluster.yaml:1: local.workers: input should be greater than or equal to 1, not 0"),
        ("local: {}", r"cluster.yaml:1: local.workers: is missing"),
        ("device: cuda", r"one of scheduler, local, slurm and pbs was expected, not none"),
        ("local: {workers: 1}\nscheduler: tcp://a:1", r"was expected, not scheduler and local"),
        ("slurm:\n  workers: 2", r"cluster.yaml:1: slurm.memory: is missing"),
        ("slurm: {workers: 2, memory: 8GB, partition: gpu}", r"slurm.partition: unknown field; "),
        ("slurm: {workers: 2, memory: 8GB, processes: 2}", r"slurm: 2 processes cannot share 1 cores; each needs one"),
        ("local: {workers: 1}\nlocal: {workers: 2}", r"cluster.yaml:2: the key 'local' is given twice"),
        ("local: !!python/name:os.system 1", r"the tag 'tag:yaml.org,2002:python/name:os.system' is not allowed"),
        ("", r"cluster.yaml: is empty"),
    ],
)
def test_mistakes_are_one_message(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        load_cluster(file_of(tmp_path, text))


def test_a_missing_file_and_two_answers_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"cluster.yaml: cannot be read: No such file or directory"):
        open_executor(tmp_path / "cluster.yaml", None)
    with pytest.raises(InputError, match="--workers counts processes of this machine"):
        open_executor(file_of(tmp_path, "local: {workers: 1}"), 2)


def test_without_a_file_it_is_this_machine():
    assert isinstance(open_executor(None, None), LocalPool)
    assert open_executor(None, 3).workers == 3
    assert isinstance(open_executor(None, 1, alone=True), ThisProcess)
    assert isinstance(open_executor(None, 2, alone=True), LocalPool)


def test_without_the_extra_one_message_says_how(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"--cluster needs the package distributed: pip install .*\[cluster\]"):
        open_executor(file_of(tmp_path, "local: {workers: 1}"), None)


def test_a_scheduler_that_is_not_there_is_one_message(tmp_path):
    path = file_of(tmp_path, "scheduler: tcp://127.0.0.1:9\nwait: 0.5")
    with pytest.raises(InputError, match=r"the scheduler at tcp://127.0.0.1:9 does not answer"):
        open_executor(path, None)


@pytest.mark.parametrize("name", ["slurm-gpu.yaml", "pbs.yaml"])
def test_the_shipped_examples_make_job_scripts(name):
    """What the batch system would be given; none is here to take it."""
    from dask_jobqueue import PBSCluster, SLURMCluster

    spec = load_cluster(EXAMPLES / name)
    queue = spec.slurm or spec.pbs
    with (SLURMCluster if spec.slurm else PBSCluster)(**queue.arguments()) as cluster:
        script = cluster.job_script()
    assert f"--nworkers {queue.processes_a_job}" in script and "--nthreads 1" in script
    assert all(line in script for line in queue.job_extra_directives + queue.job_script_prologue)
    if spec.slurm:
        assert spec.device == "cuda" and "#SBATCH --gres=gpu:4" in script
        assert f"#SBATCH --cpus-per-task={queue.cores}\n" in script


def test_the_example_of_the_readme_is_the_shipped_one(tmp_path):
    text = (Path(__file__).parents[2] / "specs" / "README.md").read_text()
    block = re.search(r"```yaml\n(device: cuda.*?)```", text, re.DOTALL)[1]
    shown, shipped = load_cluster(file_of(tmp_path, block)), load_cluster(EXAMPLES / "slurm-gpu.yaml")
    left_out = {"local_directory", "log_directory"}
    assert shown.device == shipped.device
    assert shown.slurm.model_dump(exclude=left_out) == shipped.slurm.model_dump(exclude=left_out)

"""Two hundred submissions on ten tasks are checked, scored, ranked and shown without torch or pymatgen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from leaderboard_samples import describe, make_task, place, predict, write_dataset

METRICS = ["mae", "rmse", "r2", "spearman_within_content", "ground_state_hit"]
CODE = """
import json, re, resource, sys, time
from pathlib import Path
from leaderboard_samples import make_task
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.leaderboard.recorded import record
from matbench_defects.leaderboard.scoring import collect_standings
from matbench_defects.leaderboard.site import build_site
root, metrics = Path(sys.argv[1]), json.loads(sys.argv[2])
tasks = [make_task(f"task-{i}", dataset=f"data-{i}@1.0.0", metrics=metrics, seeds=[0, 1, 2, 3, 4]) for i in range(10)]
datasets = {task.dataset: open_dataset(root / task.dataset_name) for task in tasks}
start = time.perf_counter()
standings = collect_standings(root / "submissions", tasks, datasets)
record(standings, tasks, datasets)
scored = time.perf_counter()
assert not standings.problems and sum(len(of) for of in standings.by_task.values()) == 200
assert build_site(root / "site", root / "submissions", datasets, tasks) == []
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: a child keeps the peak of the test process that started it.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
heavy = sorted({"torch", "pymatgen", "sklearn", "matplotlib"} & set(sys.modules))
said = {"scored": scored - start, "cpu": used.ru_utime + used.ru_stime, "memory": peak, "heavy": heavy}
print(json.dumps(said))
"""


@pytest.mark.slow
def test_two_hundred_submissions(tmp_path: Path) -> None:
    for i in range(10):
        dataset = write_dataset(tmp_path / f"data-{i}", f"data-{i}", arrangements=60)
        task = make_task(f"task-{i}", dataset=f"data-{i}@1.0.0", seeds=[0, 1, 2, 3, 4])
        for k in range(20):
            table = predict(task, dataset, 0.01 * (k + 1), seed=k)
            place(tmp_path / "submissions", describe(task, f"model-{k}"), table)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), json.dumps(METRICS)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    used = json.loads(done.stdout)
    print(used)  # pytest -s shows it
    assert used["heavy"] == []
    assert used["memory"] < 400_000, used  # kB

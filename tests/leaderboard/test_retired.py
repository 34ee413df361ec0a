"""A version that was replaced stays scorable from what is archived, is shown, and ranks nobody."""

from __future__ import annotations

import json
import math
import shutil

import pytest

import matbench_defects as md
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import score
from matbench_defects.leaderboard.retired import read_retired


@pytest.fixture
def retired(tmp_path, lno):
    root = tmp_path / "board"
    for model in ("mean", "composition"):
        result = md.evaluate("lno-formation-energy", model, lno, out=tmp_path / "results")
        md.submit(result, author="Ada", out=root / "submissions", dataset=lno)
    before = md.rescore(root / "submissions", root / "scores.json", ["lno-formation-energy"], write=True)
    assert before.submissions == 2
    scores = json.loads((root / "scores.json").read_text())["tasks"]["lno-formation-energy"]["entries"]
    md.retire("lno-cathode", submissions=root / "submissions")
    return root, scores


def test_scores_follow_from_the_archive_alone(retired):
    root, scores = retired
    assert not (root / "submissions" / "lno-formation-energy").exists()
    (found,) = read_retired(root / "retired")
    assert {task.name for task in found.tasks} == {"lno-formation-energy", "lno-formation-energy-low-lithium"}
    standings = found.standings()
    assert not standings.problems
    for entry in standings.by_task["lno-formation-energy"]:
        was = scores[entry.checked.submission.model]["scores"]
        now = {name: None if math.isnan(of.mean) else of.mean for name, of in entry.scores.items()}
        assert now == {name: value if value is None else pytest.approx(value, rel=1e-9) for name, value in was.items()}
    assert "cartesian_site_positions" not in found.dataset.structures.column_names
    size = sum(path.stat().st_size for path in (found.folder / "dataset").rglob("*") if path.is_file())
    assert size < 40_000


@pytest.mark.slow
def test_they_are_shown_and_rescored_but_not_ranked(retired, tmp_path):
    root, _ = retired
    (root / "submissions").mkdir(exist_ok=True)
    problems = md.build_leaderboard(tmp_path / "site", root / "submissions")
    assert not problems
    page = (tmp_path / "site" / "retired.html").read_text()
    assert ("lno-cathode@1.0.0" in page and "Mean of training values" in page) or "mean" in page.lower()
    index = (tmp_path / "site" / "index.html").read_text()
    assert "retired.html" in index and "models/mean.html" not in index
    rescored = md.rescore(root / "submissions", root / "scores.json", write=True)
    assert rescored.submissions == 2
    assert "lno-formation-energy@1.0.0" in json.loads((root / "scores.json").read_text())["tasks"]
    assert not md.rescore(root / "submissions", root / "scores.json").changes


def test_what_is_not_what_it_says_is_refused(retired):
    root, _ = retired
    with pytest.raises(InputError, match="is retired already"):
        md.retire("lno-cathode", submissions=root / "submissions")
    (folder,) = (root / "retired").iterdir()
    rows = folder / "dataset" / "data" / "structures" / "rows.parquet"
    rows.write_bytes(rows.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="SHA-256 differs"):
        read_retired(root / "retired")
    shutil.rmtree(folder)
    assert read_retired(root / "retired") == []


def test_the_archive_scores_as_the_dataset_does(retired, lno):
    root, _ = retired
    (found,) = read_retired(root / "retired")
    (task,) = [task for task in found.tasks if task.name == "lno-formation-energy"]
    for entry in found.standings().by_task[task.name]:
        assert str(score(task, lno, entry.checked.predictions)) == str(entry.scores)  # a nan equals none

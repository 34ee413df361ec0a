"""Tasks over folds: every row tested once is scored with all others; rows tested in every fold give a spread."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from matbench_defects.dataset.build import build_dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.scoring import score, scored_rows
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.checking import check_submission
from matbench_defects.leaderboard.export import task_data
from matbench_defects.leaderboard.scoring import placed
from matbench_defects.leaderboard.views import task_view
from matbench_defects.leaderboard.writing import write_submission
from matbench_defects.spec.loading import load_spec

SPEC = """
extends: lno-cathode
name: folded
spaces: {lno-cathode: {}}
targets: {formation_energy_chgnet: null}
splits:
  random: null
  low-lithium: null
  fifths: {by: k-fold, folds: 5, validation: 0.1}
  drawn: {by: counts, test: {6: 5, 5: 4}, validation: [{5: 4}, {4: 2, 7: 3}], seeds: [0, 1]}
"""


@pytest.fixture(scope="module")
def folded(tmp_path_factory, lno_labels):
    """LiNiO2 with two splits that have folds."""
    folder = tmp_path_factory.mktemp("folded")
    (folder / "spec.yaml").write_text(SPEC)
    return build_dataset(load_spec(folder), folder / "out", labels=lno_labels)


def make_task(**fields) -> Task:
    given = {
        "name": "folds",
        "title": "A task over folds",
        "dataset": "folded@1.0.0",
        "target": "formation_energy",
        "kind": "interpolation",
        "metrics": ["mae", "rmse"],
        "seeds": [0, 1],
        "baselines": ["mean"],
    }
    return Task.model_validate(given | fields)


def errors_of_mean(dataset, split, fold):
    """Return the absolute errors of the fitted rows' mean, by hand."""
    fitted = dataset.part(split, ["train", "validation"], "formation_energy", fold=fold)
    test = dataset.part(split, "test", "formation_energy", fold=fold)
    return np.abs(test["formation_energy"].to_numpy() - fitted["formation_energy"].to_numpy().mean())


def test_the_dataset_says_its_folds(folded):
    assert folded.folds("fifths") == ["1", "2", "3", "4", "5"]
    assert folded.folds("drawn") == ["group1-seed0", "group1-seed1", "group2-seed0", "group2-seed1"]
    with pytest.raises(InputError, match="has 5 folds; say which: 1, 2, 3, 4, 5"):
        folded.part("fifths", "test")
    with pytest.raises(InputError, match="has no fold '6'"):
        folded.part("fifths", "test", fold="6")
    assert [p.name for p in (folded.folder / "data" / "structures").iterdir()] == ["full.parquet"]
    from datasets import load_dataset

    row = load_dataset(str(folded.folder), cache_dir=str(folded.folder.parent / "cache"))["full"][0]
    assert set(row["split_fifths"]) == {"1", "2", "3", "4", "5"} and "test" in row["split_fifths"].values()


def test_rows_tested_once_are_scored_together(folded, tmp_path):
    task = make_task(split="fifths")
    result = evaluate(task, folded, "mean", tmp_path)
    table = pq.read_table(result.folder / "predictions.parquet")
    assert table.num_rows == 2 * 87 and table.schema.names[:3] == ["id", "fold", "seed"]
    assert sorted(scored_rows(task, folded)["id"].to_pylist()) == folded.structures["id"].to_pylist()
    by_hand = np.concatenate([errors_of_mean(folded, "fifths", fold) for fold in folded.folds("fifths")])
    mae = result.scores["mae"]
    assert mae.mean == pytest.approx(by_hand.mean())
    assert mae.by_fold == {} and list(mae.by_seed) == [0, 1]
    assert result.record["cost"]["structures"] == 87
    assert "of each fold" in result.record["training_data"]


def test_rows_tested_in_every_fold_give_a_spread(folded, tmp_path):
    task = make_task(split="drawn")
    result = evaluate(task, folded, "mean", tmp_path)
    mae = result.scores["mae"]
    by_hand = {fold: errors_of_mean(folded, "drawn", fold).mean() for fold in folded.folds("drawn")}
    assert mae.by_fold == pytest.approx(by_hand)
    assert mae.mean == pytest.approx(np.mean(list(by_hand.values())))
    assert mae.deviation == pytest.approx(np.std(list(by_hand.values()), ddof=1)) and mae.deviation > 0
    tested = {tuple(folded.part("drawn", "test", fold=f)["id"].to_pylist()) for f in folded.folds("drawn")}
    assert len(tested) == 1 and len(next(iter(tested))) == 9


def test_one_fold_of_several(folded, tmp_path):
    task = make_task(split="fifths", fold=2)
    result = evaluate(task, folded, "mean", tmp_path)
    test = folded.part("fifths", "test", fold="2")
    table = pq.read_table(result.folder / "predictions.parquet")
    assert table["id"].to_pylist() == test["id"].to_pylist() * 2 and "fold" not in table.schema.names
    with pytest.raises(InputError, match="has no fold '9'"):
        scored_rows(make_task(split="fifths", fold="9"), folded)


@pytest.mark.parametrize("split", ["fifths", "drawn"])
def test_a_submission_over_folds(folded, tmp_path, split):
    task = make_task(split=split)
    result = evaluate(task, folded, "composition", tmp_path)
    folder = write_submission(result.folder, task, folded, tmp_path / "submissions", authors=["Ada Lovelace"])
    checked = check_submission(folder, task, folded)
    again = score(task, folded, checked.predictions)
    assert {n: s.mean for n, s in again.items()} == pytest.approx({n: s.mean for n, s in result.scores.items()})
    view = task_view(task, folded, placed(task, folded, [(checked, again)]))
    assert view.rows_count == (87 if split == "fifths" else 9)
    assert (view.split, view.spread) == (
        ("fifths, 5 folds", "2 seeds") if split == "fifths" else ("drawn, 4 folds", "4 folds")
    )
    entry = task_data(view)["entries"][0]["scores"]["mae"]
    assert ("by_fold" in entry) == (split == "drawn")
    assert task_data(view)["unverified"] == ["parent lno-cathode", "reference phase Li"]
    table = pq.read_table(folder / "predictions.parquet")
    pq.write_table(table.slice(1), folder / "predictions.parquet", compression="snappy")
    with pytest.raises(InputError, match=r"of fold '.*' has no prediction of seed 0 \(1 missing"):
        check_submission(folder, task, folded)


def test_a_side_without_rows_to_fit_on_is_refused(folded, tmp_path, monkeypatch):
    task = make_task(split="fifths")
    whole = type(folded).part

    def part(self, split, parts, target=None, *, fold=None):
        rows = whole(self, split, parts, target, fold=fold)
        return rows.slice(0, 0) if fold == "3" and parts == "train" else rows

    monkeypatch.setattr(type(folded), "part", part)
    with pytest.raises(InputError, match=r"no training rows in the split 'fifths', fold '3'"):
        evaluate(task, folded, "mean", tmp_path)

"""The loop over a task's folds gives what `evaluate` gives, and says what is missing."""

from __future__ import annotations

import json

import numpy as np
import pytest

import matbench_defects as md


@pytest.fixture
def task():
    return md.load_task("lno-formation-energy")


def predicted(task, lno, model, seed=None):
    for fold in task.folds(lno, seed=seed):
        fitted = md.make_model(model, seed=seed or 0)
        fitted.fit(fold.train.rows, fold.train.values, fold.validation)
        fold.record(fitted.predict(fold.test.rows))


def test_the_loop_gives_what_evaluate_gives(task, lno, tmp_path):
    predicted(task, lno, "composition")
    mine = task.score("mine", out=tmp_path)
    theirs = md.evaluate(task, "composition", lno, out=tmp_path)
    for name, of in mine.scores.items():
        assert of.by_seed == pytest.approx(theirs.scores[name].by_seed, nan_ok=True), name
    record = json.loads((mine.folder / "result.json").read_text())
    assert record["seeds"] == task.seeds and record["cost"]["train_seconds"] > 0
    assert set(record) == set(theirs.record) and set(record["cost"]) == set(theirs.record["cost"])
    assert set(record["model"]) == set(theirs.record["model"])
    assert mine._repr_html_().startswith("<table><caption>mine on lno-formation-energy")


def test_folds_and_seeds(lno, tmp_path):
    data = lno.spec.document.data
    loose = {"name": "volume-by-content", "title": "Volume", "dataset": "lno-cathode@1.0.0", "target": "volume"}
    loose |= {"split": "random", "kind": "interpolation", "metrics": ["mae"], "seeds": [0, 1]}
    task = md.load_task(loose)
    assert data["name"] == task.dataset_name
    for seed in task.seeds:
        for fold in task.folds(lno, seed=seed):
            fold.record(np.full(len(fold.test.rows), float(seed)))
    found = task.score("flat", out=tmp_path)
    assert found.scores["mae"].by_seed[0] == pytest.approx(found.scores["mae"].by_seed[1] + 1)
    for fold in task.folds(lno, seed=0):
        fold.record(np.zeros(len(fold.test.rows)))
    with pytest.raises(md.InputError, match="no prediction of seed 1"):
        task.score("flat", out=tmp_path)
    with pytest.raises(md.InputError, match="has no seed 7; its seeds are 0, 1"):
        next(task.folds(lno, seed=7))


def test_what_is_missing_or_wrong_is_said(task, lno, tmp_path):
    with pytest.raises(md.InputError, match="nothing was predicted"):
        task.score(out=tmp_path)
    for fold in task.folds(lno):
        with pytest.raises(md.InputError, match=r"17 test rows, but the predictions are not 17 finite numbers"):
            fold.record([0.0, 1.0])
        with pytest.raises(md.InputError, match="the deviations are not 17 finite numbers"):
            fold.record(np.zeros(17), np.full(17, np.nan))
        assert not hasattr(fold.test, "values")
    with pytest.raises(md.InputError, match=r"has no prediction; call `fold\.record"):
        task.score(out=tmp_path)
    other = next(t for t in map(md.load_task, md.listing("tasks")) if t.dataset != task.dataset)
    with pytest.raises(md.InputError, match="is about"):
        next(other.folds(lno))
    (tmp_path / task.name / "mine").mkdir(parents=True)
    (tmp_path / task.name / "mine" / "letter.txt").touch()
    predicted(task, lno, "mean")
    with pytest.raises(md.InputError, match="exists and is not a result"):
        task.score("mine", out=tmp_path)


def test_a_task_or_spec_given_as_data_is_checked_as_a_file_is():
    with pytest.raises(md.InputError, match="no metric is called 'mea'; did you mean 'mae'"):
        md.load_task({"name": "x", "title": "x", "dataset": "lno-cathode@1.0.0", "metrics": ["mea"]})
    with pytest.raises(md.InputError, match="no spec is called 'lno-cathod'; did you mean 'lno-cathode'"):
        md.load_spec({"extends": "lno-cathod", "name": "mine"})
    spec = md.load_spec({"extends": "lno-cathode", "name": "mine"})
    with pytest.raises(md.InputError, match=r"no space of mine is called 'nime'; did you mean 'mine'"):
        spec.space("nime")
    with pytest.raises(md.InputError, match="no content of mine is called 'Li6Va7'; did you mean 'Li6Va6'"):
        spec.space().count("Li6Va7")
    with pytest.raises(md.InputError, match=r"where\.distances\.0\.between"):
        spec.space().enumerate(where={"distances": [{"between": ["Li"]}]})


def test_scoring_twice_and_the_next_model(task, lno, tmp_path):
    predicted(task, lno, "composition")
    first, again = task.score("mine", out=tmp_path), task.score("mine-again", out=tmp_path)
    assert first.scores["mae"].by_seed == again.scores["mae"].by_seed
    for fold in task.folds(lno, seed=task.seeds[0]):  # the next model, of one seed alone
        fold.record(np.zeros(len(fold.test.rows)))
    with pytest.raises(md.InputError, match=f"no prediction of seed {task.seeds[1]}"):
        task.score("next", out=tmp_path)


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", "UPPER", "a b", "x" * 64])
def test_a_name_that_is_no_folder_is_refused(task, lno, tmp_path, name):
    predicted(task, lno, "mean")
    with pytest.raises(md.InputError, match="lower-case letters, digits and dashes"):
        task.score(name, out=tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(md.InputError, match="'titel'; did you mean 'title'"):
        task.score("mine", out=tmp_path, titel="x")


def test_what_is_no_prediction(task, lno):
    (fold,) = task.folds(lno)
    zeros = np.zeros(len(fold.test.rows))
    with pytest.raises(md.InputError, match="deviation is negative"):
        fold.record(zeros, zeros - 1)
    with pytest.raises(md.InputError, match="complex"):
        fold.record(zeros + 1j)


def test_parts_and_targets_that_are_not_there(lno):
    with pytest.raises(md.InputError, match="no part 'trai'; did you mean 'train'"):
        lno.part("random", "trai")
    with pytest.raises(md.InputError, match="no target 'formation'; did you mean 'formation_energy'"):
        lno.part("random", "train", "formation")

"""The paired bootstrap: what is equal is a tie, what is plainly better is not, and folds are drawn together."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.comparing import compare
from matbench_defects.evaluation.comparing_results import compare_results, comparison_data
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.results import result_folders
from matbench_defects.evaluation.scoring import score, scored_rows
from matbench_defects.evaluation.task import Task

N = 60


def dataset_of(folds: int = 0) -> Dataset:
    """Rows in memory: with folds, all of them are tested in each."""
    part = pa.array(["test"] * N) if not folds else pa.array([dict.fromkeys(map(str, range(folds)), "test")] * N)
    energy = np.random.default_rng(5).normal(size=N)
    table = pa.table(
        [[f"a:{i:02d}" for i in range(N)], ["a"] * N, [f"Li{i % 6}" for i in range(N)], [1] * N, part, energy],
        schema=pa.schema(
            [
                pa.field("id", pa.string()),
                pa.field("space", pa.string()),
                pa.field("content", pa.string()),
                pa.field("multiplicity", pa.int64()),
                pa.field("split_s", part.type),
                Quantity("eV", "cell").field("energy"),
            ]
        ),
    )
    manifest = {"name": "made-up", "version": "1.0.0", "targets": {"energy": {}}, "splits": {"s": {}}, "files": {}}
    found = Dataset(None, manifest)
    found.__dict__["structures"] = table
    return found


def task_of(metric: str = "mae") -> Task:
    return Task(
        name="made-up",
        title="Made up",
        dataset="made-up@1.0.0",
        target="energy",
        split="s",
        kind="interpolation",
        metrics=[metric],
        seeds=[0, 1],
    )


def predictions_of(dataset: Dataset, errors: list[np.ndarray]) -> pa.Table:
    """One table of truth plus the errors of each seed."""
    rows = scored_rows(task_of(), dataset)
    truth = rows["energy"].to_numpy()
    folds = {"fold": rows["fold"].to_pylist() * len(errors)} if "fold" in rows.schema.names else {}
    return pa.table(
        {
            "id": rows["id"].to_pylist() * len(errors),
            **folds,
            "seed": np.repeat(np.arange(len(errors)), len(rows)),
            "prediction": np.concatenate([truth + np.resize(e, len(rows)) for e in errors]),
        }
    )


def noise(scale, seed):
    return scale * np.random.default_rng(seed).normal(size=N)


@settings(max_examples=20)
@given(st.sampled_from(["mae", "rmse", "r2", "spearman", "ground_state_hit", "regret_1"]), st.integers(0, 99))
def test_a_model_ties_with_itself(metric, seed):
    dataset = dataset_of()
    table = predictions_of(dataset, [noise(0.3, seed), noise(0.3, seed + 1)])
    (found,) = compare(task_of(metric), dataset, {"a": table, "b": table}, resamples=50, seed=seed).differences
    assert (found.value, found.low, found.high, found.tie) == (0, 0, 0, True)


@pytest.mark.parametrize("metric", ["mae", "rmse", "r2", "spearman"])
def test_what_is_plainly_better_is_no_tie(metric):
    dataset = dataset_of()
    tables = {
        "bad": predictions_of(dataset, [noise(1.0, 1)]),
        "good": predictions_of(dataset, [noise(0.1, 2)]),
        "worst": predictions_of(dataset, [noise(30.0, 3)]),
    }
    found = compare(task_of(metric), dataset, tables, resamples=300)
    assert list(found.values) == ["good", "bad", "worst"]
    best = found.differences[0]
    assert (best.first, best.second, best.tie) == ("good", "bad", False)
    assert (best.value < 0) == (metrics.get(metric).direction == "lower")
    for name, table in tables.items():
        assert found.values[name] == pytest.approx(score(task_of(metric), dataset, table)[metric].mean)


def test_the_interval_is_as_wide_as_the_spread_of_the_rows_says():
    dataset = dataset_of()
    first, second = [noise(0.3, 1), noise(0.3, 2)], [noise(0.3, 3), noise(0.3, 4)]
    tables = {"a": predictions_of(dataset, first), "b": predictions_of(dataset, second)}
    (found,) = compare(task_of(), dataset, tables, resamples=20_000).differences
    # Seeds are averaged row by row first: the spread over rows of that average is what counts.
    by_row = {"a": np.abs(first).mean(axis=0), "b": np.abs(second).mean(axis=0)}
    rows = by_row[found.first] - by_row[found.second]
    assert found.value == pytest.approx(rows.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * rows.std() / np.sqrt(N), rel=0.05)


@pytest.mark.parametrize("folds", [0, 3])
@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_sums_over_rows_give_what_the_metric_gives(metric, folds):
    dataset = dataset_of(folds)
    width = N * max(1, folds)
    tables = {
        name: predictions_of(dataset, [np.random.default_rng(10 * k + s).normal(size=width) for s in (0, 1)])
        for k, name in enumerate("ab")
    }
    fast = compare(task_of(metric), dataset, tables, resamples=200, seed=3)
    with metrics.temporarily(metric, dataclasses.replace(metrics.get(metric), by_row=None)):
        slow = compare(task_of(metric), dataset, tables, resamples=200, seed=3)
    assert fast.rows == slow.rows == N
    for one, other in zip(fast.differences, slow.differences, strict=True):
        assert dataclasses.astuple(one) == pytest.approx(dataclasses.astuple(other))


def test_one_seed_of_the_draws_gives_one_result():
    dataset = dataset_of()
    tables = {"a": predictions_of(dataset, [noise(0.3, 1)]), "b": predictions_of(dataset, [noise(0.3, 2)])}
    runs = [compare(task_of(), dataset, tables, resamples=100, seed=seed).differences[0] for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


def test_a_metric_that_is_not_defined_has_no_interval():
    dataset = dataset_of()
    tables = {"a": predictions_of(dataset, [noise(0.3, 1)]), "b": predictions_of(dataset, [noise(0.3, 2)])}
    found = compare(task_of("nll"), dataset, tables, resamples=100)
    assert not found.differences[0].tie
    data = comparison_data(found, task_of("nll"), "nat")
    assert data["differences"][0]["tie"] is None and data["results"][0]["value"] is None
    json.dumps(data, allow_nan=False)


def test_what_cannot_be_compared_is_refused(tmp_path):
    dataset = dataset_of()
    table = predictions_of(dataset, [noise(0.3, 1)])
    with pytest.raises(InputError, match="nothing to compare"):
        compare(task_of(), dataset, {"a": table})
    with pytest.raises(InputError, match="b: the predictions of seed 0 are not one for each test id"):
        compare(task_of(), dataset, {"a": table, "b": table.slice(1)})
    with pytest.raises(InputError, match=r"holds no result\.json, and no folders that do"):
        result_folders([tmp_path])
    for task in ("one", "two"):
        (tmp_path / task / "mean").mkdir(parents=True)
        (tmp_path / task / "mean" / "result.json").write_text(json.dumps({"task": task}))
    (tmp_path / "one" / ".hidden.unfinished").mkdir()
    assert result_folders([tmp_path / "one", tmp_path / "two" / "mean"]) == [
        tmp_path / "one" / "mean",
        tmp_path / "two" / "mean",
    ]
    with pytest.raises(InputError, match="of several tasks: one, two"):
        compare_results([tmp_path / "one", tmp_path / "two"], resamples=100, seed=0)

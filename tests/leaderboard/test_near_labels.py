"""Copies of the labels with noise, an offset or fewer digits: refused, or called what they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from leaderboard_samples import describe, place, predict
from site_page import Page

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import scored_rows
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.checking import check_submission
from matbench_defects.leaderboard.near_labels import PUBLIC, noise_note, straightened
from matbench_defects.leaderboard.request import request_comment, score_request
from matbench_defects.leaderboard.site import build_site

NOISE = 0.004
SPREAD = 0.1
BELOW = "its error is below the noise of the labels"
BUT_FOR = "its error would be below the noise of the labels but for a shift and a scale"


@pytest.fixture
def truth() -> np.ndarray:
    return SPREAD * np.random.default_rng(0).normal(size=400)


def note(prediction: np.ndarray, truth: np.ndarray, noise: float | None = NOISE) -> str:
    return noise_note(pa.table({"prediction": np.asarray(prediction).ravel()}), truth, noise)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y, e: y + 0.5 * NOISE * e, BELOW),
        (lambda y, e: np.concatenate([y + 0.5 * NOISE * e, y - NOISE * e, y + 0.1 * NOISE * e]), BELOW),
        (lambda y, e: y + 0.03, BUT_FOR),
        (lambda y, e: 1.2 * y - 0.5 + 0.1 * NOISE * e, BUT_FOR),
        (lambda y, e: -y, BUT_FOR),
        (lambda y, e: np.concatenate([y + 0.03, y - 0.03]), BUT_FOR),
        (lambda y, e: np.round(y, 3), BELOW),
        (lambda y, e: np.round(y, 2), BELOW),
        (lambda y, e: y + 0.02 * e, ""),
        (lambda y, e: 0.8 * y + 0.02 * e, ""),
        (lambda y, e: np.round(y + 0.02 * e, 2), ""),
        (lambda y, e: np.zeros_like(y), ""),
        (lambda y, e: np.full_like(y, -0.3), ""),
    ],
)
def test_what_is_said(change, words: str, truth: np.ndarray) -> None:
    random = np.random.default_rng(1).normal(size=len(truth))
    assert note(change(truth, random), truth) == words


def test_labels_with_fewer_digits(truth: np.ndarray) -> None:
    random, wide = np.random.default_rng(1).normal(size=len(truth)), 2 * truth
    assert note(np.round(wide, 2), wide, 0.001) == "its predictions are the labels, rounded to 2 decimals"
    assert note(np.round(wide + 0.01 * random, 2), wide, 0.001) == ""
    # A coarse digit hits by chance: the labels spread over two steps of it.
    assert note(np.round(wide, 1), wide, 0.001) == ""


def test_labels_cut_off_partly_copied_or_bent(truth: np.ndarray) -> None:
    random, wide = np.random.default_rng(1).normal(size=len(truth)), 2 * truth
    cut = np.trunc(100 * wide) / 100
    assert note(cut, wide, 0.001) == "its predictions are the labels, cut off to 2 decimals"
    partly = np.where(np.arange(400) % 20 < 11, truth + 1e-3 * NOISE * random, truth + SPREAD * random)
    assert note(partly, truth) == "half of its errors are below a hundredth of the noise of the labels"
    fewer = np.where(np.arange(400) % 20 < 9, truth + 1e-3 * NOISE * random, truth + SPREAD * random)
    assert note(fewer, truth) == ""
    assert note(np.exp(20 * truth), truth) == "it puts all 400 rows in the order of the labels"
    assert note(np.exp(20 * (truth + 0.01 * random)), truth) == ""
    assert note(np.exp(20 * truth[:30]), truth[:30]) == ""  # so few may be


def test_noise_that_nobody_measured(truth: np.ndarray) -> None:
    random = np.random.default_rng(1).normal(size=len(truth))
    words = "its error is below a thousandth of the spread of the labels, whose noise was not measured"
    assert note(truth + 5e-4 * SPREAD * random, truth, None) == words
    assert note(truth + 5e-3 * SPREAD * random, truth, None) == ""
    assert note(np.ones(400), np.ones(400), None) == ""


def test_a_straight_line_leaves_what_is_no_line(truth: np.ndarray) -> None:
    random = np.random.default_rng(1).normal(size=len(truth))
    assert np.allclose(straightened(3 * truth - 7, truth), truth)
    least = np.polyfit(random, truth, 1)
    assert np.allclose(straightened(random, truth), np.polyval(least, random))
    constant = np.full(400, 1e6)
    assert straightened(constant, truth) is constant


@pytest.mark.parametrize("change", [lambda y: y + 0.05, lambda y: 1000 * y, lambda y: 3 - 2 * y])
def test_labels_on_a_line_are_refused(change, tmp_path: Path, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    truth = np.tile(scored_rows(task, dataset)[task.target].to_numpy(), len(task.seeds))
    table = table.set_column(2, table.schema.field(2), pa.array(change(truth)))
    with pytest.raises(InputError, match=r"are the labels of .* themselves, shifted or scaled; predict"):
        check_submission(place(tmp_path, describe(task, "copy"), table), task, dataset)


@pytest.fixture
def noisy(dataset: Dataset) -> Dataset:
    """The dataset with a measured noise of the labels."""
    measured = {"noise": NOISE, "attempts": 2, "rows": 50}
    return Dataset(dataset.folder, dataset.manifest | {"targets": {"formation_energy": {"noise": measured}}})


def test_it_stands_in_the_comment_and_on_the_page(tmp_path: Path, task: Task, noisy: Dataset) -> None:
    (tmp_path / "base").mkdir()
    place(tmp_path / "head", describe(task, "copy", title="A copy"), predict(task, noisy, 0.5 * NOISE))
    place(tmp_path / "head", describe(task, "honest"), predict(task, noisy, 0.03, seed=1))
    datasets = {task.dataset: noisy}
    request = score_request(tmp_path / "base", tmp_path / "head", [task], datasets)
    comment = request_comment(request, [task], datasets)
    assert f"**copy**: {BELOW}." in comment and "**honest**:" not in comment and PUBLIC in comment
    (row,) = [line for line in comment.splitlines() if "| **copy** |" in line]
    assert row.split(" | ")[2].endswith("~") and "stands behind errors that are not above the noise" in comment

    assert build_site(tmp_path / "site", tmp_path / "head", datasets, [task]) == []
    page = Page(tmp_path / "site" / "tasks" / "lno-energy.html")
    assert f"A copy: {BELOW}." in page.text and page.text.count("near the labels") == 1 and PUBLIC in page.text
    data = json.loads((tmp_path / "site" / "tasks" / "lno-energy.json").read_text())
    assert [entry.get("near_the_labels") for entry in data["entries"]] == [BELOW, None]


def test_nothing_is_said_of_honest_ones(tmp_path: Path, task: Task, dataset: Dataset) -> None:
    place(tmp_path / "all", describe(task, "honest"), predict(task, dataset, 0.03))
    assert build_site(tmp_path / "site", tmp_path / "all", {task.dataset: dataset}, [task]) == []
    assert "near the labels" not in Page(tmp_path / "site" / "tasks" / "lno-energy.html").text
    table = pq.read_table(tmp_path / "all" / "lno-energy" / "honest" / "predictions.parquet")
    assert check_submission(tmp_path / "all" / "lno-energy" / "honest", task, dataset).near == "" and len(table) == 60

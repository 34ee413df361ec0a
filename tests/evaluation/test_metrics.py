"""Metrics, by hand and against libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matbench_defects.evaluation.metrics import Scored, metrics

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))


def scored(truth, prediction, content=None):
    truth, prediction = np.asarray(truth, float), np.asarray(prediction, float)
    content = np.array(content if content is not None else ["a"] * len(truth))
    return Scored(truth, prediction, None, content, np.ones(len(truth), dtype=np.int64))


@given(arrays(float, st.tuples(st.integers(2, 30), st.just(2)), elements=numbers))
def test_errors_agree_with_scikit_learn(values):
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    given_ = scored(values[:, 0], values[:, 1])
    assert metrics.get("mae")(given_) == pytest.approx(mean_absolute_error(values[:, 0], values[:, 1]))
    assert metrics.get("rmse")(given_) == pytest.approx(root_mean_squared_error(values[:, 0], values[:, 1]))
    if np.ptp(values[:, 0]) > 1e-3:
        assert metrics.get("r2")(given_) == pytest.approx(r2_score(values[:, 0], values[:, 1]), rel=1e-6, abs=1e-6)


def test_r2_of_equal_truths_is_not_defined():
    assert math.isnan(metrics.get("r2")(scored([1, 1], [1, 2])))


def test_spearman_is_taken_inside_a_content():
    truth = [1, 2, 3, 11, 12, 13, 50]
    content = ["a"] * 3 + ["b"] * 3 + ["c"]
    assert metrics.get("spearman_within_content")(scored(truth, truth, content)) == pytest.approx(1)
    # The contents are in the right order, but the arrangements in each are reversed.
    assert metrics.get("spearman_within_content")(scored(truth, [3, 2, 1, 13, 12, 11, 50], content)) == pytest.approx(
        -1
    )
    # Only the content is known: nothing is said about arrangements.
    assert metrics.get("spearman_within_content")(scored(truth, [2] * 3 + [12] * 3 + [50], content)) == 0
    assert math.isnan(metrics.get("spearman_within_content")(scored([1, 2], [1, 2], ["a", "b"])))


def test_ground_state_hit():
    truth = [1, 2, 3, 11, 12, 50]
    content = ["a"] * 3 + ["b"] * 2 + ["c"]
    hit = metrics.get("ground_state_hit")
    assert hit(scored(truth, truth, content)) == 1
    assert hit(scored(truth, [1, 2, 3, 12, 11, 50], content)) == 0.5
    assert hit(scored(truth, [0] * 6, content)) == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert math.isnan(hit(scored([1], [1])))


@given(
    values=arrays(float, st.integers(2, 20), elements=numbers, unique=True),
    seed=st.integers(0, 100),
)
def test_order_of_rows_and_shifts_do_not_change_a_ranking(values, seed):
    generator = np.random.default_rng(seed)
    prediction = generator.permutation(values)
    content = generator.choice(["a", "b"], len(values))
    order = generator.permutation(len(values))
    for name in ("spearman_within_content", "ground_state_hit"):
        first = metrics.get(name)(scored(values, prediction, content))
        shuffled = metrics.get(name)(scored(values[order], prediction[order], content[order]))
        shifted = metrics.get(name)(scored(values, prediction * 2 + 5, content))
        np.testing.assert_allclose([shuffled, shifted], first, atol=1e-12)


def test_every_metric_says_what_it_is():
    for name, metric in metrics.items():
        assert metric.name == name and metric.title and metric.description
        assert metric.direction in ("lower", "higher")

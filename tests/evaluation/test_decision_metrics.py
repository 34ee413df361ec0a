"""Metrics that a decision rests on: which row to compute, which phase is stable, what an ensemble averages to."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.cell_energies import above_hull, cell_factor
from matbench_defects.evaluation.metrics import Scored, metrics
from matbench_defects.evaluation.metrics.ranking import expected_lowest
from matbench_defects.evaluation.task import Task

numbers = st.floats(-10, 10).map(lambda x: round(x, 2))
ENERGY_METRICS = ("regret_1", "regret_5", "boltzmann_300K", "boltzmann_1000K", "ground_state_hit")


def scored(truth, prediction, content=None, multiplicity=None, **given_):
    truth, prediction = np.asarray(truth, float), np.asarray(prediction, float)
    n = len(truth)
    return Scored(
        truth,
        prediction,
        given_.pop("deviation", None),
        np.array(content if content is not None else ["a"] * n),
        np.array(multiplicity if multiplicity is not None else [1] * n),
        **given_,
    )


@given(
    truth=arrays(float, st.integers(1, 6), elements=numbers),
    prediction=arrays(float, 6, elements=st.sampled_from([0.0, 1.0, 2.0])),
    k=st.integers(1, 6),
)
def test_the_expected_lowest_is_the_mean_over_all_choices(truth, prediction, k):
    n = len(truth)
    k, prediction = min(k, n), prediction[:n]
    # Every order of equal predictions is as likely as any other.
    chosen = []
    for order in itertools.permutations(range(n)):
        if all(prediction[i] <= prediction[j] for i, j in itertools.pairwise(order)):
            chosen.append(truth[list(order[:k])].min())
    assert expected_lowest(truth, prediction, k) == pytest.approx(np.mean(chosen), abs=1e-9)


def test_regret():
    truth = [3, 1, 2, 10, 20]
    content = ["a"] * 3 + ["b"] * 2
    one = metrics.get("regret_1")
    assert one(scored(truth, [0, 1, 2, 0, 1], content)) == pytest.approx((2 + 0) / 2)
    # Nothing is told apart: the mean of a content less its lowest.
    assert one(scored(truth, [0] * 5, content)) == pytest.approx((1 + 5) / 2)
    # Two of three: content b has no more rows than that and is left out.
    assert metrics.get("regret_2")(scored(truth, [0, 2, 1, 0, 1], content)) == pytest.approx(1)
    assert math.isnan(metrics.get("regret_5")(scored(truth, truth, content)))


@given(
    st.integers(2, 25).flatmap(
        lambda n: st.tuples(
            arrays(float, n, elements=numbers, unique=True),
            arrays(float, n, elements=numbers),
            arrays(int, n, elements=st.integers(1, 3)),
            arrays(int, n, elements=st.integers(1, 100)),
        )
    )
)
def test_perfect_predictions_are_perfect_and_regret_is_never_negative(case):
    truth, prediction, content, multiplicity = case
    cell = np.full(len(truth), 12.0)
    exact = scored(truth, truth, content.astype(str), multiplicity, cell=cell)
    guess = scored(truth, prediction, content.astype(str), multiplicity, cell=cell)
    for name in ENERGY_METRICS:
        value, other = metrics.get(name)(exact), metrics.get(name)(guess)
        assert math.isnan(value) == math.isnan(other)
        if not math.isnan(value):
            assert value == (1 if name == "ground_state_hit" else 0)
            assert other >= 0
    if not math.isnan(metrics.get("regret_5")(guess)) and len(set(content)) == 1:
        assert metrics.get("regret_5")(guess) <= metrics.get("regret_1")(guess) + 1e-9


def test_boltzmann_by_hand():
    """Two arrangements, 0.01 eV per formula unit apart in a cell of 12: 0.12 eV in the exponent, not 0.01."""
    truth, prediction, many = [0.0, 0.01], [0.0, 0.0], [1, 30]
    weight = 30 * math.exp(-0.12 / (8.617333262e-5 * 1000))
    expected = 0.01 * weight / (1 + weight)
    found = metrics.get("boltzmann_1000K")(scored(truth, prediction, None, many, cell=np.array([12.0, 12.0])))
    assert found == pytest.approx(expected)
    assert expected == pytest.approx(0.00882, abs=1e-5)
    # A shift of all predictions is an error of the average by just that much.
    shifted = scored(truth, np.array(truth) + 0.3, None, many, cell=np.array([12.0, 12.0]))
    assert metrics.get("boltzmann_450K")(shifted) == pytest.approx(0.3)
    # Wild predictions do not overflow.
    wild = scored(truth, [-1e6, 1e6], None, many, cell=np.array([12.0, 12.0]))
    assert metrics.get("boltzmann_300K")(wild) == pytest.approx(1e6)


def test_a_target_that_is_no_energy_has_no_boltzmann_average_and_no_hull():
    for name in ("boltzmann_300K", "hull_f1_0meV", "hull_daf_0meV", "hull_precision_50meV", "hull_recall_50meV"):
        assert math.isnan(metrics.get(name)(scored([1, 2], [1, 2])))


@given(
    truth=arrays(float, 20, elements=st.floats(0, 0.2).map(lambda x: round(x, 3))),
    prediction=arrays(float, 20, elements=st.floats(-0.1, 0.3).map(lambda x: round(x, 3))),
)
def test_hull_decisions_agree_with_scikit_learn(truth, prediction):
    from sklearn.metrics import f1_score, precision_score, recall_score

    rows = scored(truth, prediction, cell=np.full(20, 8.0), atoms=np.full(20, 8), above_hull=truth)
    stable, predicted = truth <= 0.05, truth + (prediction - truth) <= 0.05
    found = {name: metrics.get(f"hull_{name}_50meV")(rows) for name in ("precision", "recall", "f1", "daf")}
    if stable.any():
        assert found["recall"] == pytest.approx(recall_score(stable, predicted))
        assert found["f1"] == pytest.approx(f1_score(stable, predicted, zero_division=0))
    else:
        assert math.isnan(found["recall"]) and math.isnan(found["f1"]) and math.isnan(found["daf"])
    if predicted.any():
        assert found["precision"] == pytest.approx(precision_score(stable, predicted))
        if stable.any():
            assert found["daf"] == pytest.approx(found["precision"] / stable.mean())
    else:
        assert math.isnan(found["precision"])


def test_a_predicted_distance_to_the_hull_is_per_atom():
    """0.12 eV per formula unit too high, four atoms each: 0.03 eV per atom above where it is."""
    rows = scored(
        [-1.0, -1.0], [-0.88, -1.0], cell=np.full(2, 12.0), atoms=np.full(2, 48), above_hull=np.array([0.0, 0.06])
    )
    assert math.isnan(metrics.get("hull_recall_0meV")(rows))  # the only stable row spans the hull
    assert metrics.get("hull_recall_30meV")(rows) == 1
    assert metrics.get("hull_recall_29meV")(rows) == 0


def test_calibration_of_what_is_normal(deviations=(0.1, 1.0)):
    from scipy.stats import norm

    generator = np.random.default_rng(0)
    deviation = np.repeat(deviations, 5000)
    truth = generator.normal(size=10_000) * deviation
    calibrated = scored(truth, np.zeros(10_000), deviation=deviation)
    assert metrics.get("miscalibration_area")(calibrated) < 0.02
    assert metrics.get("nll")(calibrated) == pytest.approx(-norm.logpdf(truth, 0, deviation).mean())
    for factor in (0.2, 5.0):
        wrong = scored(truth, np.zeros(10_000), deviation=factor * deviation)
        assert metrics.get("miscalibration_area")(wrong) > 0.2
        assert metrics.get("nll")(wrong) > metrics.get("nll")(calibrated)


@given(
    arrays(float, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(-3, 3).map(lambda x: round(x, 2))),
    st.floats(0.1, 5),
)
def test_the_miscalibration_area_is_that_between_the_curves(values, deviation):
    from scipy.stats import norm

    truth, prediction = values[:, 0], values[:, 1]
    found = metrics.get("miscalibration_area")(
        scored(truth, prediction, deviation=np.full(len(truth), float(deviation)))
    )
    expected = (np.arange(20_000) + 0.5) / 20_000
    z = np.abs(prediction - truth) / deviation
    observed = (z[:, None] <= norm.ppf(0.5 + expected / 2)).mean(axis=0)
    assert found == pytest.approx(np.abs(observed - expected).mean(), abs=2e-4)
    assert 0 <= found <= 0.5 + 1e-12


def test_no_deviation_no_calibration():
    for deviation in (None, np.array([0.1, 0.0]), np.array([0.1, np.nan])):
        for name in ("nll", "miscalibration_area"):
            assert math.isnan(metrics.get(name)(scored([1, 2], [1, 2], deviation=deviation)))


def test_spearman_over_all_rows():
    spearman = metrics.get("spearman")
    assert spearman(scored([1, 2, 3, 4], [1, 2, 3, 9], list("abcd"))) == pytest.approx(1)
    assert spearman(scored([1, 2, 3, 4], [5, 5, 5, 5])) == 0
    assert math.isnan(spearman(scored([1, 1, 1], [1, 2, 3]))) and math.isnan(spearman(scored([1, 2], [1, 2])))


ROWS = pa.table(
    {
        "formula_units": pa.array([4, 2], pa.int32()),
        "nsites": pa.array([16, 7], pa.int32()),
        "defect_species": pa.array([["Li"], ["Li", "vacancy", "Co"]]),
        "hull": [0.1, 0.0],
    }
)


@pytest.mark.parametrize(
    ("unit", "per", "factor"),
    [
        ("eV", "cell", [1, 1]),
        ("eV", "formula unit", [4, 2]),
        ("eV", "atom", [16, 7]),
        ("eV", "defect site", [1, 3]),
        ("eV", "hop", None),
        ("eV", "", None),
        ("V", "", None),
        ("Å³", "formula unit", None),
        ("meV", "cell", None),
    ],
)
def test_what_makes_a_value_the_energy_of_the_cell(unit, per, factor):
    found = cell_factor(Quantity(unit, per), ROWS)
    assert found is None if factor is None else found.tolist() == factor


def test_the_hull_is_that_of_the_same_label(tmp_path):
    targets = {
        "hull": {"quantity": "energy_above_hull", "label": "a"},
        "energy": {"quantity": "formation_energy", "label": "a"},
        "other": {"quantity": "formation_energy", "label": "b"},
    }
    dataset = Dataset(tmp_path, {"targets": targets})
    assert above_hull(dataset, "hull", ROWS).tolist() == [0.1, 0.0]
    assert above_hull(dataset, "energy", ROWS).tolist() == [0.1, 0.0]
    assert above_hull(dataset, "other", ROWS) is None
    lacking = ROWS.set_column(3, "hull", pa.array([None, 0.0]))
    assert above_hull(dataset, "energy", lacking) is None


def test_families_hold_every_sensible_number():
    assert {"regret_1", "regret_5", "boltzmann_300K", "hull_f1_0meV"} <= set(metrics.names())
    assert metrics.get("regret_3").title == "Regret, best of 3" and "the 3 rows" in metrics.get("regret_3").description
    assert metrics.get("boltzmann_1100K").name == "boltzmann_1100K" and "boltzmann_1100K" not in metrics.names()
    for name in ("regret_0", "regret_01", "regret_-1", "regret_", "boltzmann_0K", "boltzmann_300"):
        assert name not in metrics
        with pytest.raises(InputError, match="no metric is called"):
            metrics.get(name)
    given_ = {
        "name": "t",
        "title": "T",
        "dataset": "a@1.0.0",
        "target": "e",
        "split": "random",
        "kind": "interpolation",
    }
    assert Task(**given_, metrics=["mae", "boltzmann_450K"]).metrics[1] == "boltzmann_450K"
    with pytest.raises(ValueError, match="did you mean 'regret_5'"):
        Task(**given_, metrics=["regret_0"])


@given(errors=arrays(float, 12, elements=st.floats(-0.01, 0.01)))
def test_at_the_hull_itself_only_rows_below_it_are_decided_upon(errors):
    """Rows that span the hull are at exactly 0: called stable or not by the sign of an error of any size."""
    spanning = np.array([0.0] * 3 + [0.02] * 9)
    cell, atoms = np.full(12, 1.0), np.ones(12, dtype=np.int64)
    for name in ("precision", "recall", "f1", "daf"):
        rows = scored(spanning, spanning + errors, cell=cell, atoms=atoms, above_hull=spanning)
        assert math.isnan(metrics.get(f"hull_{name}_0meV")(rows))
    below = spanning - 0.015 * (spanning == 0)
    rows = scored(below, below + errors, cell=cell, atoms=atoms, above_hull=below)
    assert metrics.get("hull_recall_0meV")(rows) == 1
    assert metrics.get("hull_recall_0meV").basis.count(rows) == 3


def test_metrics_within_contents_say_how_many_contents_they_average_over():
    rows = scored(range(9), range(9), content=["a"] * 5 + ["b"] * 2 + ["c", "d"])
    counts = {
        name: metrics.get(name).basis.count(rows)
        for name in ("spearman_within_content", "ground_state_hit", "regret_1", "regret_5", "boltzmann_300K")
    }
    assert counts == {
        "spearman_within_content": 1,
        "ground_state_hit": 2,
        "regret_1": 2,
        "regret_5": 0,
        "boltzmann_300K": 2,
    }
    assert metrics.get("mae").basis is None

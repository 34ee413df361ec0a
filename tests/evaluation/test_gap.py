"""The interpolation counterpart of an extrapolation, and the gap between the two."""

from __future__ import annotations

import math

import pytest

from matbench_defects.errors import InputError
from matbench_defects.evaluation.gap import gap
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.scoring import Score
from matbench_defects.evaluation.task import counterpart, load_task
from matbench_defects.shipped import shipped_tasks

OUTSIDE, INSIDE = "lno-formation-energy-low-lithium", "lno-formation-energy"


def test_an_error_is_divided_and_a_share_subtracted():
    outside, inside = Score({0: 0.4, 1: 0.6}), Score({0: 0.1, 1: 0.3})
    assert gap(metrics.get("mae"), outside, inside) == pytest.approx(2.5)
    assert gap(metrics.get("r2"), outside, inside) == pytest.approx(0.3)
    assert gap(metrics.get("nll"), outside, inside) == pytest.approx(0.3)
    assert math.isnan(gap(metrics.get("mae"), outside, Score({0: 0.0})))
    assert math.isnan(gap(metrics.get("r2"), outside, Score({0: math.nan})))


def test_the_counterpart_of_a_shipped_task():
    assert counterpart(load_task(OUTSIDE)).name == INSIDE
    assert load_task(INSIDE).interpolation is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({f"interpolation: {INSIDE}": "interpolation: lno-formation-enery"}, f"did you mean '{INSIDE}'"),
        ({f"interpolation: {INSIDE}": f"interpolation: {OUTSIDE}"}, "the kind of .* is 'extrapolation'"),
        ({"target: formation_energy": "target: volume"}, "the target of .* is 'formation_energy', but 'volume' was"),
        ({"lno-cathode@1.0.0": "lno-cathode@2.0.0"}, "the dataset of"),
        ({"[mae, rmse": "[rmse, mae"}, "the first metric of .* is 'mae', but 'rmse' was expected"),
        ({"kind: extrapolation": "kind: interpolation"}, "`interpolation` goes with `kind: extrapolation`"),
    ],
)
def test_a_counterpart_that_is_none_is_refused(tmp_path, changes, message):
    text = shipped_tasks()[OUTSIDE].read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / f"{OUTSIDE}.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_task(path)


def test_a_file_beside_the_task_is_taken_first(tmp_path):
    mine = tmp_path / f"{OUTSIDE}.yaml"
    mine.write_text(shipped_tasks()[OUTSIDE].read_text())
    other = shipped_tasks()[INSIDE].read_text().replace("target: formation_energy", "target: volume")
    (tmp_path / f"{INSIDE}.yaml").write_text(other)
    with pytest.raises(InputError, match="is 'volume', but 'formation_energy' was expected"):
        load_task(mine)

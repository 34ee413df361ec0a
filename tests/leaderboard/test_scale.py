"""Predictions in another unit, or per something else, are told; a poor model is not."""

from __future__ import annotations

import numpy as np
import pytest
from leaderboard_samples import predict

from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.scoring import scored_rows
from matbench_defects.evaluation.task import Task, load_task
from matbench_defects.leaderboard.checking import check_submission
from matbench_defects.leaderboard.scale import scale_of


def times(table, factor):
    """Return predictions, each times a number."""
    place = table.schema.get_field_index("prediction")
    return table.set_column(place, table.schema.field(place), [table["prediction"].to_numpy() * factor])


@pytest.mark.parametrize(
    ("factor", "unit"),
    [
        (1000.0, "meV per formula unit"),
        (96.4853, "kJ/mol per formula unit"),
        (23.0605, "kcal/mol per formula unit"),
        (1 / 13.6057, "Ry per formula unit"),
        (1 / 27.2114, "hartree per formula unit"),
    ],
)
def test_another_unit_is_named(submit, task: Task, dataset: Dataset, factor, unit):
    table = predict(task, dataset, 0.02)
    found = check_submission(submit(predictions=times(table, factor)), task, dataset).scale
    assert found.slope == pytest.approx(factor * scale_of(task, dataset, table).slope)
    assert found.warning == f"they look like {unit} instead of eV per formula unit: convert them and check again"


def test_right_and_poor_predictions_are_not_suspected(task: Task, dataset: Dataset):
    table = predict(task, dataset, 0.02)
    truth = scored_rows(task, dataset)[task.target].to_numpy()
    right = scale_of(task, dataset, table)
    assert right.slope == pytest.approx(1, abs=0.2) and not right.warning
    noise = np.random.default_rng(0).normal(size=len(table))
    poor = times(table, 0.0)
    for values in (np.full(len(table), truth.mean()), truth.mean() + truth.std() * noise, 1000 * noise, 0.001 * noise):
        place = poor.schema.get_field_index("prediction")
        given = poor.set_column(place, poor.schema.field(place), [values])
        assert not scale_of(task, dataset, given).warning
    shrunk = times(table, 0.3)
    assert scale_of(task, dataset, shrunk).slope == pytest.approx(0.3 * right.slope)


def test_another_divisor_is_named(lno):
    """A cell of LiNiO2 has 12 formula units, and three to four atoms in each."""
    task = load_task("lno-formation-energy")
    rows = scored_rows(task, lno)
    quantity = lno.quantity(task.target)
    truth = rows[task.target].to_numpy()
    import pyarrow as pa

    from matbench_defects.evaluation.scoring import predictions_schema

    for factor, per in ((12.0, "cell"), (rows["formula_units"].to_numpy() / rows["nsites"].to_numpy(), "atom")):
        given = truth * factor + 1e-4 * np.random.default_rng(0).normal(size=len(truth)) * factor
        columns = {"id": rows["id"], "seed": [0] * len(rows), "prediction": given, "deviation": [None] * len(rows)}
        table = pa.table(columns, schema=predictions_schema(quantity))
        assert f"look like eV per {per} instead of" in scale_of(task, lno, table).warning

"""Tasks that hand over a label of a cheaper method beside the rows, and nothing else of the labels."""

from __future__ import annotations

import numpy as np
import pytest

from matbench_defects.errors import InputError, NotServedError
from matbench_defects.evaluation.fitting import side_of
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.task import load_task
from matbench_defects.models.model import make_model

TASK = {
    "name": "with-input",
    "title": "CHGNet from SevenNet",
    "dataset": "lno-cathode@1.0.0",
    "target": "formation_energy_chgnet",
    "split": "random",
    "kind": "interpolation",
    "inputs": ["sevennet_relaxed"],
    "metrics": ["mae"],
    "seeds": [0],
    "baselines": ["input-energy"],
}


def test_the_declared_label_is_handed_over_in_its_own_table_and_no_other(lno):
    side = side_of(load_task(TASK), lno, None)
    for rows in (side.fitted[0], side.held[0], side.asked):
        assert len(rows.inputs) == len(rows)
        assert all(name.startswith("sevennet_relaxed_") for name in rows.inputs.schema.names)
        assert {"sevennet_relaxed_energy", "sevennet_relaxed_cartesian_site_positions"} <= set(rows.inputs.schema.names)
        assert not any(name.startswith(("sevennet", "chgnet")) for name in rows.table.schema.names)
        assert not any("problem" in name or "formation" in name for name in rows.inputs.schema.names)
    without = {key: value for key, value in TASK.items() if key != "inputs"}
    assert side_of(load_task(without), lno, None).asked.inputs is None


def test_the_corrected_input_beats_the_mean(lno, tmp_path):
    task = load_task(TASK)
    corrected = evaluate(task, lno, "input-energy", tmp_path).scores["mae"].mean
    assert corrected < 0.5 * evaluate(task, lno, "mean", tmp_path).scores["mae"].mean
    side = side_of(task, lno, None)
    model = make_model("input-energy", seed=0)
    model.fit(*side.fitted, None)
    energies = np.array(side.asked.inputs["sevennet_relaxed_energy"].to_pylist()) / 12
    amounts = [[row.count(e) / 12 for e in model.learnt["elements"]] for row in side.asked.column("species_at_sites")]
    assert model.predict(side.asked).values == pytest.approx(energies + np.array(amounts) @ model.learnt["correction"])


def test_without_an_input_it_serves_nobody(lno, tmp_path):
    task = load_task({key: value for key, value in TASK.items() if key != "inputs"})
    with pytest.raises(NotServedError, match="hands over no label"):
        evaluate(task, lno, "input-energy", tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"inputs": ["chgnet_relaxed"]}, "is computed from chgnet_relaxed, which cannot be an input"),
        ({"inputs": ["sevenet_relaxed"]}, "has no label 'sevenet_relaxed'; did you mean 'sevennet_relaxed'"),
        ({"baselines": ["mean"]}, "goes with the baseline input-energy"),
    ],
)
def test_inputs_that_leak_or_are_not_there_are_refused(lno, change, reason):
    with pytest.raises(InputError, match=reason):
        side_of(load_task(TASK | change), lno, None)

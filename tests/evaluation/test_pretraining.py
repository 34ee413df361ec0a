"""Pre-training on one domain and fitting on another."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from matbench_defects.cli import app
from matbench_defects.errors import InputError
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.pretraining import source_of
from matbench_defects.evaluation.task import load_task
from matbench_defects.models.mean import Mean
from matbench_defects.models.model import make_model, models

TASK = "lno-formation-energy"
QUICK = {"epochs": 2, "width": 16, "layers": 1}


@pytest.fixture
def spy():
    """A model that keeps what it is handed, in order."""
    seen = []

    class Spy(Mean):
        def pretrain(self, rows, values, validation):
            seen.append(("pretrain", rows, values, validation))

        def fit(self, rows, values, validation):
            seen.append(("fit", rows, values, validation))
            super().fit(rows, values, validation)

    with models.temporarily("spy", Spy):
        yield seen


def test_tested_configurations_are_not_learnt_from_either(lno, spy, tmp_path):
    """Another target of the very dataset is the worst case: its rows are those of the test part too."""
    task = load_task(TASK)
    source = source_of(f"{lno.folder}:volume")
    result = evaluate(task, lno, "spy", tmp_path, seeds=[0], pretrain=source)
    (first, rows, values, held), (second, *_) = spy
    assert (first, second) == ("pretrain", "fit")
    tested = set(lno.part(task.split, "test", task.target)["id"].to_pylist())
    assert tested and not tested & set(rows.column("id"))
    volumes = dict(zip(lno.structures["id"].to_pylist(), lno.structures["volume"].to_pylist(), strict=True))
    assert values.tolist() == [volumes[i] for i in rows.column("id")]
    assert set(rows.column("id")) | tested == set(volumes)
    assert held is None and rows.background.target == "volume"
    assert result.folder.name == result.record["model"]["name"] == "spy-from-lno-cathode"
    assert "after all rows of lno-cathode@1.0.0 with volume" in result.record["training_data"]
    evaluate(task, lno, "spy", tmp_path, seeds=[0], pretrain=source)
    assert len(spy) == 2  # the result is there already
    evaluate(task, lno, "spy", tmp_path, seeds=[0])
    assert len(spy) == 3 and (tmp_path / TASK / "spy").is_dir()


def test_a_network_starts_from_what_it_learnt(lno):
    task = load_task(TASK)
    source = source_of(f"{lno.folder}:volume")
    rows, values = source.training
    few = rows.take(range(12)), values[:12]
    fresh, warm = (make_model("schnet", settings=QUICK) for _ in range(2))
    warm.pretrain(*few, None)
    learnt = {name: tensor.clone() for name, tensor in warm._start.items()}
    fresh.fit(*few, None)
    warm.fit(*few, None)
    for name, tensor in warm._start.items():
        np.testing.assert_array_equal(tensor.numpy(), learnt[name].numpy())  # fitting does not move the start
    test = rows.take(range(12, 16))
    assert not np.array_equal(fresh.predict(test).values, warm.predict(test).values)
    assert task.target != rows.background.target


def test_what_cannot_be_is_said(lno, tmp_path):
    task = load_task(TASK)
    with pytest.raises(InputError, match=r"the model mean cannot be pre-trained; these can: .*schnet"):
        evaluate(task, lno, "mean", tmp_path, pretrain=source_of(str(lno.folder)))
    with pytest.raises(InputError, match="no task or dataset is called 'lno-cathod'; did you mean 'lno-cathode'"):
        source_of("lno-cathod")
    with pytest.raises(InputError, match="lno-cathode has no target 'volum'; did you mean 'volume'"):
        source_of(f"{lno.folder}:volum")


def test_the_command(lno, spy, tmp_path):
    arguments = ["evaluate", TASK, "--model", "spy", "--dataset", str(lno.folder), "--out", str(tmp_path)]
    result = CliRunner().invoke(app, [*arguments, "--pretrain", f"{lno.folder}:volume", "--seed", "0"])
    assert result.exit_code == 0, result.output
    assert "spy-from-lno-cathode" in result.output

"""What the plots of a task's page show: the data that stand in it, recomputed by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from leaderboard_samples import make_task, predict
from site_page import Page

from matbench_defects.dataset.reading import Dataset, split_column
from matbench_defects.evaluation.scoring import predictions_schema, scored_rows
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.plots import _learning, _training_sizes
from matbench_defects.leaderboard.site import build_site

Submit = Callable[..., Path]


def test_deviations_are_drawn(submit: Submit, build: Callable[[], Path], task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset, 0.02)
    truth = dataset.part("random", "test", "formation_energy")["formation_energy"].to_numpy()
    wide = np.abs(table["prediction"].to_numpy() - np.tile(truth, 3)) / np.sqrt(2)  # each error is sqrt(2) deviations
    submit("sure", predictions=table.set_column(3, table.schema.field(3), pa.array(wide)))
    page = Page(build() / "tasks" / "lno-energy.html")
    assert "coverage" in [a.get("data-plot") for a in page.all("figure")]
    shown = page.data("plot-data")
    # Within sqrt(2) deviations lie 84 % of a normal distribution: no label inside the intervals below, every one above.
    assert shown["entries"][0]["coverage"] == [float(share > 0.8427) for share in shown["nominal"]]


def test_errors_by_number_of_defects_and_content(
    submit: Submit, tmp_path: Path, task: Task, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("schnet")
    vacant = [["vacancy"] * int(content.split("Va")[1]) for content in dataset.structures["content"].to_pylist()]
    monkeypatch.setitem(dataset.__dict__, "structures", dataset.structures.append_column("defect_species", [vacant]))
    assert build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: dataset}, [task]) == []
    shown = Page(tmp_path / "site" / "tasks" / "lno-energy.html").data("plot-data")
    contents, defects = shown["groups"]["contents"], shown["groups"]["defects"]
    assert contents["labels"] == sorted(contents["labels"], key=lambda name: int(name[2:].split("Va")[0]))
    assert defects["labels"] == sorted(defects["labels"], key=int) and sum(defects["rows"]) == 20
    # Here each content has its own number of vacancies: the same groups the other way round.
    assert shown["entries"][0]["errors"]["defects"] == shown["entries"][0]["errors"]["contents"][::-1]


def test_learning_curve_over_folds_that_train_on_more_and_more(
    submit: Submit, tmp_path: Path, dataset: Dataset
) -> None:
    n = len(dataset.structures)
    parts = [
        {"few": "test" if i % 5 == 4 else "train" if i % 5 == 0 else None, "many": "test" if i % 5 == 4 else "train"}
        for i in range(n)
    ]
    growing = Dataset(dataset.folder, dataset.manifest | {"splits": {"growing": {}}})
    growing.__dict__["structures"] = dataset.structures.append_column(split_column("growing"), pa.array(parts))
    task = make_task("lno-growing", split="growing")
    rows = scored_rows(task, growing)
    error = np.where(np.array(rows["fold"].to_pylist()) == "few", 0.2, 0.05)
    noise = np.random.default_rng(1).choice([-1.0, 1.0], size=len(rows))
    values = rows["formation_energy"].to_numpy() + noise * error
    columns = {"id": rows["id"].to_pylist() * 3, "fold": rows["fold"].to_pylist() * 3}
    columns |= {"seed": np.repeat([0, 1, 2], len(rows)), "prediction": np.tile(values, 3)}
    columns["deviation"] = [None] * 3 * len(rows)
    schema = predictions_schema(growing.quantity("formation_energy"), folds=True)
    submit("schnet", predictions=pa.table(columns, schema=schema), task=task)
    assert build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: growing}, [task]) == []
    page = Page(tmp_path / "site" / "tasks" / "lno-growing.html")
    assert "learning" in [a.get("data-plot") for a in page.all("figure")]
    sizes = [parts_of.count("train") for parts_of in ([p["few"] for p in parts], [p["many"] for p in parts])]
    assert page.data("plot-data")["entries"][0]["learning"] == [[sizes[0], 0.2], [sizes[1], 0.05]]


def test_training_parts_of_nearly_one_size_are_no_learning_curve(dataset: Dataset) -> None:
    n = len(dataset.structures)
    parts = [{"a": "test" if i % 5 == 4 else "train", "b": "test" if i % 5 == 4 else "train"} for i in range(n)]
    parts[0]["b"] = None
    alike = Dataset(dataset.folder, dataset.manifest | {"splits": {"alike": {}}})
    alike.__dict__["structures"] = dataset.structures.append_column(split_column("alike"), pa.array(parts))
    assert _training_sizes(make_task("lno-alike", split="alike"), alike) == {}
    assert _learning({"a": 0.2, "b": 0.4, "c": 0.1}, {"a": 5, "b": 5, "c": 20}) == [(5, 0.3), (20, 0.1)]


def test_front_of_cost_and_error(submit: Submit, build: Callable[[], Path]) -> None:
    def cost(seconds: float) -> dict[str, object]:
        return {"train_seconds": seconds, "predict_seconds": 0.0, "structures": 20, "device": "cpu"}

    submit("quick", error=0.2, cost=cost(1.0))
    submit("slow", error=0.01, cost=cost(100.0))
    submit("beaten", error=0.3, cost=cost(50.0))
    shown = Page(build() / "tasks" / "lno-energy.html").data("plot-data")
    assert {e["model"]: e["front"] for e in shown["entries"]} == {"slow": True, "quick": True, "beaten": False}

"""From a result to a submission, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from leaderboard_samples import describe, predict

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.submission import Submission, submission_schema, submission_text
from matbench_defects.leaderboard.writing import check_result, write_submission
from matbench_defects.spec.document import read_document

COST = {"train_seconds": 61.5, "predict_seconds": 1e-05, "structures": 20, "parameters": None, "device": "cpu"}
TITLES = ["1e5", "null", "yes", "- a", "# b", "a: b", '"quoted"', "\\n", "λ µ 锂 😀", "{x}", "'"]


@pytest.fixture
def result(tmp_path: Path, task: Task, dataset: Dataset) -> Path:
    folder = tmp_path / "results" / task.name / "schnet"
    folder.mkdir(parents=True)
    said: dict[str, Any] = {
        "task": task.name,
        "dataset": task.dataset,
        "model": {
            "name": "schnet",
            "version": "0.1.0",
            "title": "SchNet",
            "description": "Continuous-filter convolutions",
            "settings": {"cutoff": 5.0},
            "references": ["10.1063/1.5019779"],
        },
        "seeds": [0, 1, 2],
        "cost": COST,
        "hardware": "2 cores, x86_64",
        "training_data": "train and validation parts of the split 'random' of lno-cathode@1.0.0",
        "scores": {"mae": "whatever"},
    }
    (folder / "result.json").write_text(json.dumps(said))
    pq.write_table(predict(task, dataset), folder / "predictions.parquet", compression="zstd")
    return folder


def alter(result: Path, **fields: Any) -> None:
    said = json.loads((result / "result.json").read_text())
    (result / "result.json").write_text(json.dumps(said | fields))


def test_written_submission_holds_what_the_result_said(
    result: Path, task: Task, dataset: Dataset, tmp_path: Path
) -> None:
    folder = write_submission(result, task, dataset, tmp_path / "out", authors=["Ada Lovelace"])
    assert folder == tmp_path / "out" / task.name / "schnet"
    assert sorted(file.name for file in folder.iterdir()) == ["predictions.parquet", "submission.yaml"]
    said = Submission.model_validate(read_document(folder / "submission.yaml").data)
    assert (said.title, said.paper, said.authors) == ("SchNet", "10.1063/1.5019779", ["Ada Lovelace"])
    assert said.cost.predict_seconds == 1e-05
    assert said.paper_address == "https://doi.org/10.1063/1.5019779"


def test_same_result_gives_same_bytes(result: Path, task: Task, dataset: Dataset, tmp_path: Path) -> None:
    first = write_submission(result, task, dataset, tmp_path / "a", authors=["A"])
    second = write_submission(result, task, dataset, tmp_path / "b", authors=["A"])
    again = write_submission(result, task, dataset, tmp_path / "b", authors=["A"])
    assert second == again
    for name in ("submission.yaml", "predictions.parquet"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_dry_run_leaves_nothing(result: Path, task: Task, dataset: Dataset, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert check_result(result, task, dataset, authors=["A"]).submission.model == "schnet"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"task": "other"}, "is about other on lno-cathode@1.0.0, not lno-energy"),
        ({"seeds": [0]}, "evaluate with all of them"),
        ({"hardware": None}, "hardware: "),
        ({"cost": {**COST, "device": 3}}, "cost.device: "),
    ],
)
def test_result_that_does_not_fit(
    result: Path, task: Task, dataset: Dataset, tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    alter(result, **fields)
    with pytest.raises(InputError) as caught:
        write_submission(result, task, dataset, tmp_path / "out", authors=["A"])
    assert words in str(caught.value) and "result.json" in str(caught.value)
    assert not list((tmp_path / "out").rglob("*")) if (tmp_path / "out").exists() else True


def test_no_result(tmp_path: Path, task: Task, dataset: Dataset) -> None:
    with pytest.raises(InputError, match=r"holds no result\.json; give the folder"):
        write_submission(tmp_path, task, dataset, tmp_path / "out", authors=["A"])


def test_other_files_are_not_replaced(result: Path, task: Task, dataset: Dataset, tmp_path: Path) -> None:
    precious = tmp_path / "out" / task.name / "schnet" / "thesis.tex"
    precious.parent.mkdir(parents=True)
    precious.write_text("x")
    with pytest.raises(InputError, match="thesis"):
        write_submission(result, task, dataset, tmp_path / "out", authors=["A"])
    assert precious.read_text() == "x"


@pytest.mark.parametrize("title", TITLES)
def test_any_title_survives_yaml(task: Task, tmp_path: Path, title: str) -> None:
    submission = describe(task, "model", title=title, code=None)
    (tmp_path / "submission.yaml").write_text(submission_text(submission), encoding="utf-8")
    assert Submission.model_validate(read_document(tmp_path / "submission.yaml").data) == submission


def test_schema_describes_every_field() -> None:
    schema = submission_schema()
    assert all("description" in field for field in schema["properties"].values())
    assert schema["additionalProperties"] is False

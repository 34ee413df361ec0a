"""A small synthetic dataset, tasks on it, and submissions to them: nothing here was computed by a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset, open_dataset, split_column
from matbench_defects.evaluation.scoring import predictions_schema, scored_rows
from matbench_defects.evaluation.task import Task
from matbench_defects.files import sha256_of_file
from matbench_defects.leaderboard.submission import PREDICTIONS_FILE, SUBMISSION_FILE, Submission, submission_text

SPEC = Path(__file__).resolve().parents[2] / "specs" / "lno-cathode" / "spec.yaml"
ENERGY = Quantity("eV", per="formula unit", reference="LiNiO2 and NiO2", description="formation energy")
FIGURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200"><rect width="400" height="200" fill="#fff"/>
<path d="M20 40L120 130L200 160L280 120L380 40" fill="none" stroke="#1c5c9c" stroke-width="3"/></svg>
"""


def write_dataset(folder: Path, name: str = "lno-cathode", arrangements: int = 8) -> Dataset:
    """Write a dataset of so many arrangements of each of 13 contents; a fifth of them is the test part."""
    contents = [(n, k) for n in range(13) for k in range(arrangements)]
    lithium = np.array([n for n, _ in contents]) / 12
    noise = np.random.default_rng(3)
    energy = -0.25 * 4 * lithium * (1 - lithium) + 0.05 * noise.normal(size=len(contents))
    part = [("train", "train", "train", "validation", "test")[i % 5] for i in range(len(contents))]
    low = ["train" if n >= 6 else "test" for n, _ in contents]
    table = pa.table(
        [
            [f"{name}:Li{n}Va{12 - n}:{k:x}" for n, k in contents],
            [name] * len(contents),
            [f"Li{n}Va{12 - n}" for n, _ in contents],
            [12 // (1 + k % 4) for _, k in contents],
            part,
            low,
            energy,
        ],
        schema=pa.schema(
            [
                pa.field("id", pa.string()),
                pa.field("space", pa.string()),
                pa.field("content", pa.string()),
                pa.field("multiplicity", pa.int64()),
                pa.field(split_column("random"), pa.string()),
                pa.field(split_column("low-lithium"), pa.string()),
                ENERGY.field("formation_energy"),
            ]
        ),
    )
    (folder / "data" / "structures").mkdir(parents=True)
    (folder / "figures").mkdir()
    pq.write_table(table, folder / "data" / "structures" / "all.parquet")
    shutil.copy(SPEC, folder / "spec.yaml")
    (folder / "figures" / "formation_energy.svg").write_text(FIGURE)
    files = ["data/structures/all.parquet", "spec.yaml", "figures/formation_energy.svg"]
    manifest = {
        "format": 1,
        "name": name,
        "version": "1.0.0",
        "targets": {"formation_energy": {}},
        "splits": {"random": {}, "low-lithium": {}},
        "figures": {"figures/formation_energy.svg": "Formation energies against lithium content, with the lower hull"},
        "files": {file: sha256_of_file(folder / file) for file in files},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return open_dataset(folder)


def make_task(name: str = "lno-energy", **fields: Any) -> Task:
    given: dict[str, Any] = {
        "name": name,
        "title": "Formation energy of delithiated LiNiO2, arrangements at random",
        "description": "Predict the relaxed formation energy of an arrangement from its ideal positions.",
        "dataset": "lno-cathode@1.0.0",
        "target": "formation_energy",
        "split": "random",
        "kind": "interpolation",
        "metrics": ["mae", "rmse", "r2", "spearman_within_content", "ground_state_hit"],
        "seeds": [0, 1, 2],
        "baselines": ["mean", "cluster-expansion"],
    }
    return Task.model_validate(given | fields)


def describe(task: Task, model: str, **fields: Any) -> Submission:
    given: dict[str, Any] = {
        "task": task.name,
        "dataset": task.dataset,
        "model": model,
        "version": "0.1.0",
        "title": model.replace("-", " ").capitalize(),
        "description": f"A synthetic entry called {model}, for tests.",
        "authors": ["Ada Lovelace", "Dorothy Hodgkin"],
        "code": "https://example.org/code",
        "paper": "10.1000/xyz123",
        "training_data": "train and validation parts of the split 'random' of lno-cathode@1.0.0",
        "training_overlap": "none",
        "seeds": list(task.seeds),
        "cost": {
            "train_seconds": 12.3,
            "predict_seconds": 0.045,
            "structures": 20,
            "parameters": 123456,
            "device": "cpu",
        },
        "hardware": "2 cores, x86_64",
        "license": "CC-BY-4.0",
    }
    return Submission.model_validate(given | fields)


def predict(task: Task, dataset: Dataset, error: float = 0.02, seed: int = 0) -> pa.Table:
    """Labels with noise added; a negative error gives the constant 0."""
    rows = scored_rows(task, dataset)
    truth, noise = rows[task.target].to_numpy(), np.random.default_rng(seed)
    n, schema = len(rows), predictions_schema(dataset.quantity(task.target))
    bias = 0.7 * error * noise.normal(size=n)
    values = [truth + bias + 0.7 * error * noise.normal(size=n) if error >= 0 else np.zeros(n) for _ in task.seeds]
    return pa.table(
        [
            pa.array(rows["id"].to_pylist() * len(task.seeds), pa.string()),
            pa.array(np.repeat(task.seeds, n), pa.int32()),
            pa.array(np.concatenate(values)),
            pa.nulls(n * len(task.seeds), pa.float64()),
        ],
        schema=schema,
    )


def place(root: Path, submission: Submission, predictions: pa.Table) -> Path:
    folder = root / submission.task / submission.model
    folder.mkdir(parents=True)
    (folder / SUBMISSION_FILE).write_text(submission_text(submission), encoding="utf-8")
    pq.write_table(predictions, folder / PREDICTIONS_FILE)
    return folder

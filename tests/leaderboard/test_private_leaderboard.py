"""From an empty folder to a ranked private page, by the commands that a user types."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import matbench_defects as md
from matbench_defects.errors import InputError

SPEC = """
name: mine
version: 1.0.0
title: Rock salt that loses lithium
parent:
  spacegroup: Fm-3m
  lattice: {a: 4.2}
  sites: {Li: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [2, 2, 1]
sublattices: {Li: {Li: 8..16, vacancy: rest}}
configurations: {select: all}
labels: [{engine: table, file: energies.csv, unit: eV, per: cell, level_of_theory: by hand, machine_learned: false}]
targets: {formation_energy: {unit: eV, per: formula_unit, end_members: [{Li: 16}, {Li: 8}]}}
splits:
  random: {by: random, train: 0.7, test: 0.3}
  more: {by: content.Li, train: ">= 11", test: "< 11"}
"""
MODEL = '''
"""A model of a user: what a neighbour costs, counted on the parent's sites."""

import numpy as np

from matbench_defects import Model, Prediction


class Neighbours(Model):
    """Least squares on the number of vacancies and its square."""

    title = "Vacancies, squared"
    description = "Least squares on the number of vacancies and its square."

    def fit(self, rows, values, validation):
        self.learnt = np.linalg.lstsq(self.counted(rows), values, rcond=None)[0]

    def predict(self, rows):
        return Prediction(self.counted(rows) @ self.learnt)

    def counted(self, rows):
        number = np.array([species.count("vacancy") for species in rows.column("defect_species")])
        return np.vstack([np.ones(len(number)), number, number**2]).T
'''


def command(folder: Path, line: str) -> str:
    """Run a command in a folder, as a user would; return what it says."""
    words = [sys.executable, "-m", "matbench_defects.cli", *shlex.split(line)[1:]]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def energies(folder: Path) -> None:
    """Write an energy for every configuration that the spec labels: ten meV a pair of vacancies."""
    wanted = md.load_spec(folder / "spec.yaml").space()
    with open(folder / "energies.csv", "w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["id", "energy"])
        for one in wanted.enumerate():
            atoms = one.to_ase()
            lithium = [atom.index for atom in atoms if atom.symbol == "Li"]
            distances = atoms.get_all_distances(mic=True)[lithium][:, lithium]
            rows.writerow([one.id, -3.0 * len(lithium) - 5.0 * 16 + 0.01 * (distances < 3.1).sum()])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a built dataset and a model of one's own."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "mine.py").write_text(MODEL)
    energies(folder)
    command(folder, "matbench-defects build spec.yaml --out dataset")
    return folder


def test_a_task_a_model_and_a_page_of_ones_own(folder):
    said = command(folder, "matbench-defects init-task dataset --out tasks --split random")
    task = Path(said.split()[0])
    assert task.as_posix() == "tasks/mine-formation-energy-random.yaml"
    for model in ("mean", "mine.py:Neighbours"):
        command(folder, f"matbench-defects evaluate {task} --dataset dataset --model {model}")
    results = Path("results") / task.stem
    # Nothing is told again: neither the task nor the dataset.
    assert "mine-neighbours" in command(folder, f"matbench-defects compare {results} --resamples 200")
    assert f"### `{task.stem}`" in command(folder, f"matbench-defects table {results} --resamples 200")
    for model in ("mean", "mine-neighbours"):
        command(folder, f"matbench-defects submit {results / model} --author Ada --out submissions")
    command(
        folder,
        "matbench-defects leaderboard build --tasks tasks --submissions submissions --dataset dataset --out site",
    )
    scores = json.loads((folder / "site" / "leaderboard.json").read_text())["tasks"]
    assert [one["submission"]["model"] for one in scores[0]["entries"]] == ["mine-neighbours", "mean"], scores
    page = (folder / "site" / "tasks" / f"{task.stem}.html").read_text()
    for said in (f"evaluate {task} --model MODEL --dataset dataset", "--author NAME --out submissions"):
        assert f"matbench-defects {said}" in page or said in page
    assert "pull request" not in page and 'load_dataset("dataset")' in "".join(
        path.read_text() for path in (folder / "site" / "datasets").glob("*.html")
    )


def test_what_the_page_says_works(folder):
    """Every command that a page shows is run as it stands."""
    command(folder, "matbench-defects benchmark dataset --model composition --out bench --split random")
    page = (folder / "bench" / "site" / "tasks" / "mine-formation-energy-random.html").read_text()
    lines = page.partition("<code>matbench-defects evaluate")[2].partition("</code>")[0].replace("&#39;", "'")
    lines = f"matbench-defects evaluate{lines}".splitlines()
    assert len(lines) == 3
    for line in lines:
        command(
            folder,
            line.replace(
                "results/mine-formation-energy-random/MODEL", "results/mine-formation-energy-random/defect-ridge"
            )
            .replace("MODEL", "defect-ridge")
            .replace("NAME", "Ada"),
        )
    again = (folder / "bench" / "site" / "tasks" / "mine-formation-energy-random.html").read_text()
    assert "defect-ridge" in again and "defect-ridge" not in page


def test_one_command_ranks_models_on_every_split(folder):
    said = command(folder, "matbench-defects benchmark dataset --model mine.py:Neighbours --out all")
    assert (folder / "all" / "site" / "index.html").is_file() and "all/site/index.html" in said
    tasks = sorted(path.stem for path in (folder / "all" / "tasks").iterdir())
    assert tasks == ["mine-formation-energy-more", "mine-formation-energy-random"]
    scores = {
        one["task"]: one for one in json.loads((folder / "all" / "site" / "leaderboard.json").read_text())["tasks"]
    }
    assert {one["submission"]["model"] for one in scores[tasks[0]]["entries"]} == {
        "mean",
        "composition",
        "mine-neighbours",
    }
    # Edited tasks are kept, and what was evaluated is taken over.
    path = folder / "all" / "tasks" / f"{tasks[1]}.yaml"
    path.write_text(path.read_text().replace("title: Formation", "title: My formation"))
    command(folder, "matbench-defects benchmark dataset --model mine.py:Neighbours --out all")
    assert "My formation energy" in (folder / "all" / "site" / "index.html").read_text()


def test_the_only_target_need_not_be_named(folder):
    command(folder, "matbench-defects discover dataset --policy random --seed 0 --budget 10")


def test_a_new_task_has_metrics_that_are_defined(folder):
    dataset = md.load_dataset(str(folder / "dataset"))
    task = md.load_task(md.new_task(dataset, folder / "more.yaml", split="more"))
    assert task.kind == "extrapolation" and task.name == "more"
    assert {"mae", "spearman", "nll"} <= set(task.metrics) and "spearman_within_content" not in task.metrics
    with pytest.raises(InputError, match=r"more\.yaml: is there already"):
        md.new_task(dataset, folder / "more.yaml")
    with pytest.raises(InputError, match=r"mine has no split 'mor'; did you mean 'more'"):
        md.new_task(dataset, folder / "other.yaml", split="mor")
    with pytest.raises(InputError, match="has no target 'energy'"):
        md.new_task(dataset, folder / "other.yaml", target="energy")
    with pytest.raises(InputError, match="name"):
        md.new_task(dataset, folder / "Of mine.yaml")
    assert not (folder / "other.yaml").exists() and not (folder / "Of mine.yaml").exists()


def test_folders_without_tasks_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match="holds no task file"):
        md.build_leaderboard(tmp_path / "site", folder / "submissions", tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        md.build_leaderboard(tmp_path / "site", folder / "submissions", tmp_path / "none")


def test_a_dataset_that_is_another_by_now_is_not_taken(folder, tmp_path):
    """What the folder of results says of the dataset counts only while it is that dataset."""
    task = md.new_task(folder / "dataset", tmp_path / "moved.yaml", split="random")
    result = md.evaluate(task, "mean", folder / "dataset", out=tmp_path / "results", seeds=[0])
    assert md.load_task(task).metrics and result.folder.parent.joinpath("task.yaml").is_file()
    said = json.loads((result.folder.parent / "dataset.json").read_text())
    (result.folder.parent / "dataset.json").write_text(json.dumps({**said, "folder": "nowhere"}))
    with pytest.raises(InputError, match=r"mine 1\.0\.0 is not here"):
        md.submit(result, author="Ada", out=tmp_path / "submissions")
    assert pq.read_table(result.folder / "predictions.parquet").num_rows

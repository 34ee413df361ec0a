"""The static site: plain files that a browser opens from disk or from any web server."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from matbench_defects.bounded import read_bytes
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.tables.numbers import seconds, whole
from matbench_defects.evaluation.task import Task
from matbench_defects.files import atomic_folder, check_replaceable, write_json, write_text
from matbench_defects.leaderboard.dataset_views import dataset_csv, dataset_data, dataset_views, page_name
from matbench_defects.leaderboard.export import task_csv, task_data
from matbench_defects.leaderboard.model_views import model_data, model_views, scores_csv
from matbench_defects.leaderboard.near_labels import PUBLIC
from matbench_defects.leaderboard.private import PrivateBoard
from matbench_defects.leaderboard.retired import Retired, RetiredTask, retired_tasks
from matbench_defects.leaderboard.scoring import collect_standings
from matbench_defects.leaderboard.submission import submission_schema
from matbench_defects.leaderboard.views import TaskView, models_table, task_view

TEMPLATES = Path(__file__).resolve().parent / "templates"
ASSETS = ("site.css", "plots.css", "site.js", "plots.js", "viewer.js", "icon.svg")
CHARTS = Path(__file__).resolve().parent / "vendor" / "chart.js"
"""Chart.js as its authors publish it on npm, with its licence; ``vendor/README.md`` says which."""
DATA_FILE = "leaderboard.json"
"""Every task with its entries; by it a folder is known to be a site."""


def build_site(
    out: str | Path,
    submissions_root: str | Path,
    datasets: Mapping[str, Dataset],
    tasks: Iterable[Task],
    *,
    retired: Iterable[Retired] = (),
    left_alone: Container[str] = (),
    private: PrivateBoard | None = None,
) -> list[InputError]:
    """Score every submission and write the site.

    Parameters
    ----------
    out : path-like
        The folder to write: new, empty, or a site written before, which is replaced.
    submissions_root : path-like
        Holds the submissions, ``<task>/<model>/``.
    datasets : mapping of str to Dataset
        By name and version as tasks say them, ``lno-cathode@1.0.0``.
    tasks : iterable of Task
        The tasks; each needs its dataset.
    retired : iterable of Retired
        What newer versions have replaced: shown on a page of its own, without ranks.
    left_alone : container of str
        Names of further tasks, whose submissions are not looked at.
    private : PrivateBoard, optional
        Of a leaderboard of one's own, where its things are: the pages say how to add to it.

    Returns
    -------
    list of InputError
        The submissions that were refused and left out. The same input gives the same bytes.

    Raises
    ------
    InputError
        If a task's dataset is missing, or `out` holds something else than a site.
    """
    out = Path(out)
    if out.is_symlink():
        raise InputError("is a link; name a folder for the site", file=str(out))
    check_replaceable(out, DATA_FILE, "a leaderboard")
    tasks = sorted(tasks, key=lambda task: task.name)
    for task in tasks:
        if task.dataset not in datasets:
            raise InputError(f"the task {task.name} needs the dataset {task.dataset}, which is not at hand")
    standings = collect_standings(submissions_root, tasks, datasets, left_alone=left_alone)
    entries = standings.by_task
    views = [
        task_view(task, datasets[task.dataset], entries[task.name], entries.get(task.interpolation or ""))
        for task in tasks
    ]
    scored = [(each, each.standings()) for each in sorted(retired, key=lambda each: each.name)]
    with atomic_folder(out) as folder:
        _write(folder, views, private, {each.name: retired_tasks(each, found) for each, found in scored})
    return [problem for found in (standings, *(found for _, found in scored)) for problem in found.problems]


def _write(
    folder: Path, views: list[TaskView], private: PrivateBoard | None, retired: dict[str, list[RetiredTask]]
) -> None:
    environment = _environment()
    environment.globals |= {"private": private}
    for name in ASSETS:
        write_text(folder / "assets" / name, (TEMPLATES / name).read_text(encoding="utf-8"))
    for file in sorted(CHARTS.iterdir()):
        write_text(folder / "assets" / file.name, file.read_text(encoding="utf-8"))
    datasets, models = dataset_views(views), model_views(views)
    for dataset in datasets:
        _copy_figures(dataset.dataset, folder)
    page = _Page(environment, folder)
    page.write("index", "index", views=views, table=models_table(views), datasets=datasets, retired=retired)
    if retired:
        page.write("retired", "retired", retired=retired)
    write_json(folder / DATA_FILE, {"tasks": [task_data(view) for view in views]})
    write_text(folder / "leaderboard.csv", scores_csv(views))
    write_json(folder / "schema" / "submission.json", submission_schema())
    for view in views:
        page.write("task", f"tasks/{view.task.name}", view=view)
        write_json(folder / "tasks" / f"{view.task.name}.json", task_data(view))
        write_text(folder / "tasks" / f"{view.task.name}.csv", task_csv(view))
    for model in models:
        page.write("model", f"models/{model.name}", model=model)
        write_json(folder / "models" / f"{model.name}.json", model_data(model))
        write_text(folder / "models" / f"{model.name}.csv", scores_csv(views, model.name))
    for dataset in datasets:
        page.write("dataset", f"datasets/{dataset.name}", shown=dataset)
        write_json(folder / "datasets" / f"{dataset.name}.json", dataset_data(dataset))
        write_text(folder / "datasets" / f"{dataset.name}.csv", dataset_csv(dataset))


@dataclass(frozen=True)
class _Page:
    """Writes pages; `root` leads from each to the top of the site."""

    environment: jinja2.Environment
    folder: Path

    def write(self, template: str, address: str, **shown: Any) -> None:
        root = "../" * address.count("/")
        text = self.environment.get_template(f"{template}.html.j2").render(root=root, page=address, **shown)
        write_text(self.folder / f"{address}.html", text)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"whole": whole, "seconds": seconds}
    environment.globals |= {"page_name": page_name, "public": PUBLIC}
    return environment


def _copy_figures(dataset: Dataset, folder: Path) -> None:
    """Copy the pictures that a dataset's card shows."""
    for name in sorted(dataset.manifest["files"]):
        if re.fullmatch(r"figures/[A-Za-z0-9][A-Za-z0-9_.-]*\.(svg|png)", name):
            target = folder / "figures" / page_name(dataset) / Path(name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(read_bytes(dataset.folder / name))

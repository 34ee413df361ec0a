"""The static site: plain files that a browser opens from disk or from any web server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import Task
from matbench_defects.files import atomic_folder, write_json, write_text
from matbench_defects.leaderboard.export import task_csv, task_data
from matbench_defects.leaderboard.formatting import whole
from matbench_defects.leaderboard.scoring import collect
from matbench_defects.leaderboard.views import TaskView, models_table, task_view, unit_of

TEMPLATES = Path(__file__).resolve().parent / "templates"
ASSETS = ("site.css", "site.js", "icon.svg")
DATA_FILE = "leaderboard.json"
"""Every task with its entries; by it a folder is known to be a site."""


@dataclass(frozen=True)
class Figure:
    """A picture of a dataset, by its address in the site, with its caption."""

    address: str
    caption: str


def build_site(
    out: str | Path, submissions_root: str | Path, datasets: Mapping[str, Dataset], tasks: Iterable[Task]
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
    _check_replaceable(out)
    tasks = sorted(tasks, key=lambda task: task.name)
    for task in tasks:
        if task.dataset not in datasets:
            raise InputError(f"the task {task.name} needs the dataset {task.dataset}, which is not at hand")
    standings = collect(submissions_root, tasks, datasets)
    entries = standings.by_task
    views = [
        task_view(task, datasets[task.dataset], entries[task.name], entries.get(task.interpolation or ""))
        for task in tasks
    ]
    with atomic_folder(out) as folder:
        _write(folder, views)
    return standings.problems


def _check_replaceable(out: Path) -> None:
    # The folder is replaced as a whole: a mistyped one must not take somebody's files with it.
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError("is not a plain folder; name one for the site", file=str(out))
    if out.is_dir() and any(out.iterdir()) and not (out / DATA_FILE).is_file():
        raise InputError("holds files that are no leaderboard; name a new or empty folder", file=str(out))


def _write(folder: Path, views: list[TaskView]) -> None:
    environment = _environment()
    for name in ASSETS:
        write_text(folder / "assets" / name, (TEMPLATES / name).read_text(encoding="utf-8"))
    figures = {view.task.dataset: _copy_figures(view.dataset, folder) for view in views}
    columns, rows = models_table(views)
    index = environment.get_template("index.html.j2")
    write_text(folder / "index.html", index.render(views=views, columns=columns, rows=rows, root="", page="index"))
    page = environment.get_template("task.html.j2")
    for view in views:
        name = view.task.name
        text = page.render(view=view, figures=figures[view.task.dataset], root="../", page=name)
        write_text(folder / "tasks" / f"{name}.html", text)
        write_json(folder / "tasks" / f"{name}.json", task_data(view))
        write_text(folder / "tasks" / f"{name}.csv", task_csv(view))
    write_json(folder / DATA_FILE, {"tasks": [task_data(view) for view in views]})


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["whole"] = whole
    environment.globals["unit_of"] = unit_of
    return environment


def _copy_figures(dataset: Dataset, folder: Path) -> list[Figure]:
    captions = dataset.manifest.get("figures", {})
    found = []
    for name in sorted(dataset.manifest["files"]):
        if not re.fullmatch(r"figures/[A-Za-z0-9][A-Za-z0-9_.-]*\.(svg|png)", name):
            continue
        address = f"figures/{dataset.name}-{dataset.version}/{Path(name).name}"
        target = folder / address
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((dataset.folder / name).read_bytes())
        words = re.sub(r"[-_]+", " ", Path(name).stem)
        caption = captions.get(name) if isinstance(captions, dict) else None
        found.append(Figure(address, str(caption or words[:1].upper() + words[1:])))
    return found

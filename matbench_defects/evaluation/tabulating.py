"""The results of a folder as Markdown, a table a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.dataset.reading import Dataset, noise_words
from matbench_defects.errors import InputError
from matbench_defects.evaluation.comparing import LEVEL, compare
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.overview import TaskScores, insert, overview
from matbench_defects.evaluation.results import (
    REFUSAL_FILE,
    RESULT_FILE,
    Result,
    read_predictions,
    read_record,
    read_refusal,
)
from matbench_defects.evaluation.scoring import fold_words, rows_in_words, score, scored_rows
from matbench_defects.evaluation.tables.markdown import markdown
from matbench_defects.evaluation.tables.table import EMPTY, NOISY, TIED, Row
from matbench_defects.evaluation.task import Task, load_task
from matbench_defects.evaluation.task_folder import dataset_of_folder, task_of_folder
from matbench_defects.evaluation.task_results import ranked, results_table
from matbench_defects.hub.find import find_dataset

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Given a title, a context manager that gives a function of done and total."""


@dataclass(frozen=True)
class Tabulated:
    """Results as Markdown.

    Parameters
    ----------
    markdown : str
        The overview, where there are several tasks, and a table a task.
    overview : str
        The first metric of every task by every model.
    tables : int
        How many tasks there are.
    problems : list of InputError
        What could not be shown.
    """

    markdown: str
    overview: str
    tables: int
    problems: list[InputError]

    def insert_overview(self, path: Path) -> None:
        """Put the overview between the two lines of a Markdown file that are kept for it.

        Raises
        ------
        InputError
            If the file cannot be read or has no such lines.
        """
        insert(self.overview, path)


def tabulate(
    folder: str | Path,
    *,
    tasks: Sequence[str] = (),
    dataset: Path | None = None,
    resamples: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Tabulated:
    """Return the results in a folder as Markdown, the scores computed anew from the predictions.

    Parameters
    ----------
    folder : path
        What `evaluate` wrote to: holds a folder a task, or is that of one task.
    tasks : sequence of str
        Files of tasks that are not shipped.
    dataset : path, optional
        A built dataset, where the shipped ones are not meant.
    resamples, seed : int
        Of the bootstrap that says what is tied with the best, as for `evaluation.comparing.compare`. It is left out
        where the first metric has to be computed draw by draw.
    progress : callable, optional
        Given a title, a context manager that gives a function of done and total.

    Raises
    ------
    InputError
        If the folder holds no results, or a task given is none.

    Examples
    --------
    >>> import matbench_defects as md
    >>> _ = md.evaluate("lno-formation-energy", "mean", out="results")
    >>> made = md.tabulate("results")
    >>> made.tables, made.markdown.splitlines()[0]
    (1, '### `lno-formation-energy`')
    """
    folder, progress = Path(folder), progress or _silent
    given = {task.name: task for task in map(load_task, tasks)}
    found = [folder] if _members(folder) else sorted(inner for inner in _folders(folder) if _members(inner))
    if not found:
        raise InputError(
            f"holds no {RESULT_FILE} and no {REFUSAL_FILE}; give the folder that `matbench-defects evaluate` wrote to",
            file=str(folder),
        )
    parts: list[str] = []
    every: list[TaskScores] = []
    problems: list[InputError] = []
    datasets: dict[str, Dataset] = {}
    for inner in found:
        try:
            task = given.get(inner.name) or task_of_folder(inner, Task)
            if task.dataset not in datasets:
                with progress(f"labels of {task.dataset}") as show:
                    where = dataset or dataset_of_folder(inner, task)
                    datasets[task.dataset] = find_dataset(
                        task.dataset_name, task.dataset_version, where, progress=show, rows_only=True
                    )
            with progress(f"{task.name}, resamples") as show:
                part, scores = _section(task, datasets[task.dataset], inner, problems, resamples, seed, show)
            parts.append(part)
            every.append(scores)
        except InputError as error:
            problems.append(type(error)(f"{inner.name}: {error}"))
    over = markdown(overview(every), bold_best=True)
    return Tabulated("\n".join([over, *parts] if len(parts) > 1 else parts), over, len(parts), problems)


def _silent(title: str) -> AbstractContextManager[Callable[[int, int], None]]:
    """Stand for a progress that nobody asked for."""
    return nullcontext(lambda done, total: None)


def _folders(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")] if folder.is_dir() else []


def _members(folder: Path) -> list[Path]:
    """Return the folders of a task's folder in which a model left a result or a refusal."""
    return sorted(p for p in _folders(folder) if (p / RESULT_FILE).is_file() or (p / REFUSAL_FILE).is_file())


def _section(
    task: Task, dataset: Dataset, folder: Path, problems: list[InputError], resamples: int, seed: int, show: Any
) -> tuple[str, TaskScores]:
    """Return the heading, table and notes of one task, and its scores."""
    results, refusals = [], []
    for member in _members(folder):
        if (record := read_record(member)) is not None:
            try:
                results.append(Result(member, record, score(task, dataset, read_predictions(member))))
            except InputError as error:
                problems.append(InputError(f"{task.name}, {member.name}: {error}"))
        elif (refusal := read_refusal(member)) is not None:
            refusals.append(refusal)
    rows = scored_rows(task, dataset)
    quantity = dataset.quantity(task.target)
    lines = [f"### `{task.name}`", "", f"{_line(task.title)}."]
    lines[-1] += f" `{task.dataset}`, `{task.target}` in {quantity.shown_unit}; {rows_in_words(rows)} of the split"
    lines[-1] += f" `{task.split}`{fold_words(task, dataset)} ({task.kind})."
    spreads = {"folds" if r.scores[task.metrics[0]].by_fold else "seeds" for r in results if _spreads(r)}
    if spreads:
        lines[-1] += f" Mean ± standard deviation over the {' or '.join(sorted(spreads))}."
    titles = _titles([*(result.record for result in results), *refusals])
    tied = _tied(task, dataset, results, resamples, seed, show)
    table = results_table(task, dataset, results, titles=titles, tied=tied, costs=("train_seconds", "parameters"))
    names = [refusal["model"]["name"] for refusal in refusals]
    table.rows.extend(Row(name, titles[name], [EMPTY] * len(table.columns)) for name in names)
    lines += ["", markdown(table).rstrip()]
    notes = [words] if (words := noise_words(dataset.manifest["targets"][task.target])) else []
    if any(cell.noisy for row in table.rows for cell in row.cells):
        notes.append(f"{NOISY} not above the noise of the labels.")
    if tied:
        first = metrics.get(task.metrics[0]).title
        notes.append(f"{TIED} tied with the best in {first}: {100 * LEVEL:.0f} % of the differences include 0.")
    notes += [f"Not served by {titles[r['model']['name']]}: {_line(r['reason'])}." for r in refusals]
    lines += ["", *(f"- {note}" for note in notes)] if notes else []
    scores = {r.record["model"]["name"]: r.scores[task.metrics[0]] for r in ranked(results, task)}
    return "\n".join(lines) + "\n", TaskScores(
        task, quantity, len(set(rows["id"].to_pylist())), scores, tied, dataset.noise(task.target)
    )


def _tied(task: Task, dataset: Dataset, results: list[Result], resamples: int, seed: int, show: Any) -> frozenset[str]:
    """Return which results are tied with the best; nothing where that would take long, or nothing is tied."""
    if len(results) < 2 or metrics.get(task.metrics[0]).by_row is None:
        return frozenset()
    predictions = {result.record["model"]["name"]: read_predictions(result.folder) for result in results}
    found = compare(task, dataset, predictions, resamples=resamples, seed=seed, progress=show)
    best = next(iter(found.values))
    return frozenset(one.second for one in found.differences if one.first == best and one.tie)


def _titles(records: list[dict[str, Any]]) -> dict[str, str]:
    """Return what each model is called: its title, with its name where two share one."""
    titles = {record["model"]["name"]: _line(record["model"]["title"]) for record in records}
    often = Counter(titles.values())
    return {name: title if often[title] == 1 else f"{title} (`{name}`)" for name, title in titles.items()}


def _spreads(result: Result) -> bool:
    return any(of.deviation > 0 for of in result.scores.values())


def _line(text: str) -> str:
    """Return a text on one line, without a full stop."""
    return " ".join(str(text).split()).removesuffix(".")

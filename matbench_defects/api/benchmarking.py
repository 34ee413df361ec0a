"""A benchmark of one's own: from a dataset to a ranked page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from matbench_defects.api.evaluating import Evaluated, Progress, evaluate_all
from matbench_defects.api.leaderboard import build_leaderboard, submit
from matbench_defects.api.tasks import load_task, new_task
from matbench_defects.dataset.reading import Dataset, open_dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.new_task import only_target, task_name

BASELINES = ("mean", "composition")
"""Models that stand beside the given ones, where they serve the task."""


def benchmark(
    dataset: Dataset | str | Path,
    models: Sequence[str],
    out: str | Path = "benchmark",
    *,
    target: str | None = None,
    splits: Sequence[str] | None = None,
    author: str | Sequence[str] = "private",
    device: str = "cpu",
    settings: Mapping[str, dict[str, Any]] | None = None,
    progress: Progress | None = None,
) -> Iterator[Evaluated | list[InputError]]:
    """Rank models on a dataset: write tasks where there are none, evaluate, and write a private page.

    If killed, run it again: what was evaluated is taken over. Tasks that are there are kept as they are, also edited
    ones.

    Parameters
    ----------
    dataset : Dataset or path
        A built dataset.
    models : sequence of str
        As for `make_model`. Baselines, `mean` and `composition`, stand beside them.
    out : path-like
        Gets ``tasks``, ``results``, ``submissions`` and ``site``.
    target : str, optional
        What is predicted; the dataset's only target if left out.
    splits : sequence of str, optional
        A task on each; on every split of the dataset if left out.
    author : str or sequence of str
        Whose models these are.
    device : str
        ``cpu`` or ``cuda``.
    settings : mapping of str to dict, optional
        Settings that differ from the defaults, by the model's name.
    progress : callable, optional
        As for `evaluate_all`.

    Yields
    ------
    Evaluated
        What the models did, task by task; at the end a list of what the page leaves out, with its reason.

    Raises
    ------
    InputError
        If a target, split or model is not known, or a task in `out` is about another dataset.

    Examples
    --------
    >>> import matbench_defects as md
    >>> lno = md.load_dataset("lno-cathode")
    >>> chosen = {"target": "formation_energy", "splits": ["random"]}
    >>> *found, left_out = md.benchmark(lno, ["cluster-expansion"], "mine", **chosen)
    >>> [result.record["model"]["name"] for result in found[0].results], left_out
    (['mean', 'composition', 'cluster-expansion'], [])
    """
    show = progress or (lambda title: nullcontext())
    folder, data = Path(out), dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    target = target or only_target(data)
    about = f"{data.name}@{data.version}"
    files = []
    for split in splits or data.splits:
        file = folder / "tasks" / f"{task_name(data, target, split)}.yaml"
        files.append(file if file.exists() else new_task(data, file, target=target, split=split))
    if not files:
        raise InputError(f"{data.name} has no split; give its spec `splits`, such as random: {{by: k-fold, folds: 5}}")
    for file in files:
        if load_task(file).dataset != about:
            raise InputError(f"is about {load_task(file).dataset}, not {about}; name another --out", file=str(file))
    every = list(dict.fromkeys([*BASELINES, *models]))
    options: dict[str, Any] = {"out": folder / "results", "device": device, "settings": settings, "progress": progress}
    refused: list[InputError] = []
    for found in evaluate_all(files, every, data.folder, **options):
        yield found
        for result in found.results:
            try:
                submit(result, author=author, task=found.task, dataset=data, out=folder / "submissions")
            except InputError as error:
                refused.append(error)
    with show("scoring"):
        yield refused + build_leaderboard(folder / "site", folder / "submissions", folder / "tasks", [data.folder])

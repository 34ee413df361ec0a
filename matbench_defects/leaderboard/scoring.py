"""From a folder of submissions to ranked entries: every one is checked and scored anew."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError, nearest
from matbench_defects.evaluation.comparing import compare
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.scoring import Score, score
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.checking import CheckedSubmission, check_submission
from matbench_defects.leaderboard.predictions import shown

KEPT_BESIDE = frozenset({".gitkeep", "README.md"})
"""Files that keep an empty folder in git, or say what it is for."""
RESAMPLES = 1000
"""How often test rows are drawn to tell ties."""
RESAMPLES_ONE_BY_ONE = 200
"""How often, where the metric has to be computed anew on each draw."""

Scored = tuple[CheckedSubmission, dict[str, Score]]
"""A submission that passed the check, with its scores by metric."""


@dataclass(frozen=True)
class Entry:
    """One submission with its scores.

    Parameters
    ----------
    checked : CheckedSubmission
        The submission and its predictions.
    scores : dict of str to Score
        By metric, in the task's order; computed from the predictions.
    baseline : bool
        Whether the task names the model as a baseline.
    rank : int
        Place by the task's first metric: one more than the number of entries with a better place. An entry shares that
        of the one before it unless more entries than stand there are better beyond the luck of the test rows.
    shared : bool
        Whether another entry has the same place.
    own : bool
        Whether its energies are of the engine that made the labels. It has no place then, and rank 0.
    """

    checked: CheckedSubmission
    scores: dict[str, Score]
    baseline: bool
    rank: int
    shared: bool = False
    own: bool = False

    @property
    def near(self) -> str:
        """What is to be said where it is nearer to the labels than their noise; see `CheckedSubmission`."""
        return self.checked.near

    @property
    def place(self) -> str:
        """The rank for people, with a mark where it is shared; a dash where there is none."""
        if self.own:
            return "–"
        return f"{self.rank}=" if self.shared else str(self.rank)


@dataclass(frozen=True)
class Standings:
    """The entries of every task.

    Parameters
    ----------
    by_task : dict of str to list of Entry
        By the task's name; best first, then by model. A task without submissions has an empty list.
    problems : list of InputError
        Every submission that was refused, and why.
    """

    by_task: dict[str, list[Entry]]
    problems: list[InputError]


def collect_standings(
    root: str | Path, tasks: Iterable[Task], datasets: Mapping[str, Dataset], *, left_alone: Container[str] = ()
) -> Standings:
    """Check and score every submission below a folder.

    Parameters
    ----------
    root : path-like
        Holds ``<task>/<model>/`` folders.
    tasks : iterable of Task
        The tasks of the leaderboard.
    datasets : mapping of str to Dataset
        By name and version as tasks say them, ``lno-cathode@1.0.0``.
    left_alone : container of str
        Names of further tasks, whose submissions are not looked at.

    Returns
    -------
    Standings
        A refused submission does not stop the others: it stands among the problems.

    Raises
    ------
    InputError
        If `root` is no folder.
    """
    root = Path(root)
    known = {task.name: task for task in tasks}
    folders, problems = _submission_folders(root, known, left_alone)
    unranked: dict[str, list[Scored]] = {name: [] for name in known}
    for name, folder in folders:
        try:
            unranked[name].append(check_and_score(folder, known[name], datasets))
        except InputError as error:
            problems.append(error)
    ranked = {
        name: placed(known[name], datasets[known[name].dataset], of) if of else [] for name, of in unranked.items()
    }
    return Standings(ranked, problems)


def check_and_score(folder: Path, task: Task, datasets: Mapping[str, Dataset]) -> Scored:
    """Check one submission and score it from its predictions.

    Parameters
    ----------
    folder : path
        ``<task>/<model>/``.
    task : Task
        The task that it is for.
    datasets : mapping of str to Dataset
        By name and version.

    Raises
    ------
    InputError
        If it is refused, or the task's dataset is not at hand.
    """
    if task.dataset not in datasets:
        raise InputError(f"cannot be scored: the dataset {task.dataset} is not at hand", file=str(folder))
    checked = check_submission(folder, task, datasets[task.dataset])
    return checked, score(task, datasets[task.dataset], checked.predictions)


def _submission_folders(
    root: Path, known: Mapping[str, Task], left_alone: Container[str]
) -> tuple[list[tuple[str, Path]], list[InputError]]:
    if not root.is_dir():
        raise InputError("is no folder; submissions lie in <task>/<model>/ below it", file=str(root))
    folders: list[tuple[str, Path]] = []
    problems: list[InputError] = []
    for above in _listed(root):
        if above.name not in known:
            if above.name in left_alone:
                continue
            message = f"holds {shown(above.name)}, which is no task; {nearest(above.name, known)}"
            problems.append(InputError(message, file=str(root)))
        elif above.is_symlink() or not above.is_dir():
            problems.append(InputError("is not a plain folder", file=str(above)))
        else:
            folders += [(above.name, folder) for folder in _listed(above)]
    return folders, problems


def _listed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name not in KEPT_BESIDE)


def placed(task: Task, dataset: Dataset, found: Iterable[Scored]) -> list[Entry]:
    """Rank scored submissions by the task's first metric.

    Parameters
    ----------
    task : Task
        Its first metric ranks; its baselines are marked.
    dataset : Dataset
        The task's dataset.
    found : iterable of tuple
        Submissions with their scores.

    Returns
    -------
    list of Entry
        Best first; those whose metric is not defined come last, and behind them, without a rank, those whose energies
        are of the engine that made the labels. Whoever is better only by the luck of the test rows
        (`matbench_defects.evaluation.comparing.compare`) does not push another down.
    """
    first = metrics.get(task.metrics[0])

    def key(item: Scored) -> tuple[bool, float]:
        return first.sort_key(item[1][first.name].mean)

    every = sorted(found, key=lambda item: (key(item), item[0].submission.model))
    own = [item for item in every if _made_the_labels(item[0], task, dataset)]
    ordered = [item for item in every if all(item is not other for other in own)]
    tied = _ties(task, dataset, ordered)
    places: list[int] = []
    for i, item in enumerate(ordered):
        model = item[0].submission.model
        better = sum(key(o) < key(item) and (o[0].submission.model, model) not in tied for o in ordered[:i])
        # Places are 1, 1, 3 after a tie, also where the third ties with the second and not with the first.
        places.append(places[-1] if i and better + 1 <= places[-1] else i + 1)
    return [
        Entry(checked, scores, checked.submission.model in task.baselines, place, places.count(place) > 1)
        for (checked, scores), place in zip(ordered, places, strict=True)
    ] + [Entry(checked, scores, checked.submission.model in task.baselines, 0, own=True) for checked, scores in own]


def _made_the_labels(checked: CheckedSubmission, task: Task, dataset: Dataset) -> bool:
    label = dataset.manifest["targets"][task.target].get("label")
    engine = dataset.manifest.get("labels", {}).get(label, {}).get("engine")
    return checked.submission.engine is not None and checked.submission.engine == engine


def _ties(task: Task, dataset: Dataset, found: list[Scored]) -> set[tuple[str, str]]:
    """Return the pairs of models, the better first, whose difference resampled test rows do not bear out."""
    if len(found) < 2:
        return set()
    predictions = {checked.submission.model: checked.predictions for checked, _ in found}
    resamples = RESAMPLES if metrics.get(task.metrics[0]).by_row else RESAMPLES_ONE_BY_ONE
    comparison = compare(task, dataset, predictions, resamples=resamples)
    return {(pair.first, pair.second) for pair in comparison.differences if pair.tie}

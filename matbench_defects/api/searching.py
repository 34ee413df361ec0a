"""Search for the best: what to label next, and prediction of everything that has no label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from matbench_defects.api.tasks import load_task
from matbench_defects.dataset.reading import Dataset, open_dataset
from matbench_defects.discovery.discover import Discovery, Progress, SearchOptions
from matbench_defects.discovery.discover import discover as _discover
from matbench_defects.discovery.screen_dataset import Screening, ScreenOptions, check_screening_folder, screen_dataset
from matbench_defects.evaluation.new_task import only_target
from matbench_defects.models.named_by_user import allow_model


def discover(
    where: str | Path | Dataset,
    options: SearchOptions | None = None,
    *,
    target: str | None = None,
    dataset: Dataset | str | Path | None = None,
    out: str | Path = "discovery",
    progress: Progress | None = None,
) -> Discovery:
    """Simulate searches for the lowest configuration: how many labels each acquisition policy needs.

    If killed, run it again: only searches that were not finished are run.

    Parameters
    ----------
    where : str, path or Dataset
        A task, whose dataset and target are taken, or a built dataset.
    options : SearchOptions, optional
        Models, policies, seeds and numbers of labels.
    target : str, optional
        What is to be lowest; the task's, or the dataset's only one, where left out.
    dataset : Dataset or path, optional
        The task's dataset, where the shipped one is not meant.
    out : path-like
        A folder for ``discovery.json``, ``discovery.csv`` and ``regret.png``.
    progress : callable, optional
        Given the title of a search, a context manager that gives a function of labels done and at most.

    Raises
    ------
    InputError
        If something is not known, or a model does not serve a policy.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.discover("lno-formation-energy", md.SearchOptions(policies=["random"], seeds=[0, 1]))
    <Discovery of the lowest formation_energy of 87: Random: 42 labels>
    """
    options = options or SearchOptions()
    options = replace(options, models=[allow_model(name) for name in options.models])
    data, target = _what(where, target, dataset)
    return _discover(data, target, options, Path(out), progress)


def _what(where: str | Path | Dataset, target: str | None, dataset: Dataset | str | Path | None) -> tuple[Dataset, str]:
    if isinstance(where, Dataset) or (Path(where) / "manifest.json").is_file():
        data = where if isinstance(where, Dataset) else open_dataset(where)
        return data, target or only_target(data)
    task = load_task(where)
    return task.load_dataset(dataset), target or task.target


def screen(
    given: str | Path | Dataset,
    model: str,
    out: str | Path,
    options: ScreenOptions | None = None,
    *,
    workers: int = 1,
    cluster: str | Path | None = None,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Screening:
    """Fit a model on what has a label and predict every configuration of a spec, however many.

    Parameters
    ----------
    given : str, path or Dataset
        A built dataset, or a spec with labels; none is computed.
    model : str
        As for `make_model`.
    out : path-like
        A folder for the best configurations and a histogram.
    options : ScreenOptions, optional
        What is screened, what the model is fitted on, and what is kept.
    workers : int
        Processes that predict.
    cluster : path-like, optional
        A file that names a Dask cluster, instead.
    say : callable, optional
        Called with a line before the model is fitted.
    progress : callable, optional
        Called with the number of finished configurations and of all.

    Raises
    ------
    InputError
        If `out` holds something else, or a model, target, space or content is not known.

    Examples
    --------
    >>> import matbench_defects as md
    >>> found = md.screen(md.load_dataset("lno-cathode"), "cluster-expansion", "screened", md.ScreenOptions(top=3))
    >>> found
    <Screening of 87 configurations, best lno-cathode:... eV per formula unit>
    """
    from matbench_defects.execution.cluster_file import open_executor
    from matbench_defects.hub.find import labelled_dataset

    options = options or ScreenOptions()
    model = allow_model(model)
    with open_executor(cluster, workers, device=options.device, alone=True) as executor:
        check_screening_folder(Path(out))
        dataset = given if isinstance(given, Dataset) else labelled_dataset(str(given))
        return screen_dataset(dataset, model, Path(out), options, executor=executor, say=say, progress=progress)

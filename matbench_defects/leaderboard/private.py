"""A leaderboard of one's own: whose tasks, datasets and submissions it shows, for what its pages say."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True)
class PrivateBoard:
    """Where a leaderboard of one's own has its things, as its pages tell readers to call them.

    Parameters
    ----------
    tasks : str
        The folder of task files.
    submissions : str
        The folder of submissions.
    site : str
        The folder of the site.
    datasets : mapping of str to str
        Folders of datasets by ``name@version``; of one that is not here it is shipped or on the Hub.
    """

    tasks: str
    submissions: str
    site: str
    datasets: Mapping[str, str]

    def evaluate(self, task: str, dataset: str) -> str:
        """Return the command that evaluates a model on a task of this leaderboard."""
        where = self.datasets.get(dataset)
        given = "" if where is None else f" --dataset {shlex.quote(where)}"
        return f"matbench-defects evaluate {shlex.quote(_path(self.tasks, f'{task}.yaml'))} --model MODEL{given}"

    def submit(self, task: str) -> str:
        """Return the command that submits what `evaluate` wrote."""
        return f"matbench-defects submit results/{task}/MODEL --author NAME --out {shlex.quote(self.submissions)}"

    def build(self) -> str:
        """Return the command that writes the site anew."""
        parts = ["matbench-defects leaderboard build", f"--tasks {shlex.quote(self.tasks)}"]
        parts += [f"--submissions {shlex.quote(self.submissions)}"]
        parts += [f"--dataset {shlex.quote(where)}" for _, where in sorted(self.datasets.items())]
        return " ".join([*parts, f"--out {shlex.quote(self.site)}"])


def _path(*parts: str) -> str:
    return PurePath(*parts).as_posix()

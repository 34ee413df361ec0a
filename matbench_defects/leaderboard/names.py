"""Which names a request may give: none of a baseline, of somebody else's model, or that looks like one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.submission import SUBMISSION_FILE, Submission
from matbench_defects.spec.document import read_document, validate
from matbench_defects.spec.visible_text import skeleton


class TakenNames:
    """The names and titles of the models that the base holds, with their authors.

    Parameters
    ----------
    base : path
        The trusted submissions, ``<task>/<model>/``.
    tasks : iterable of Task
        The tasks of the leaderboard; their baselines are nobody's to submit.
    """

    def __init__(self, base: Path, tasks: Iterable[Task]) -> None:
        self.baselines = {name for task in tasks for name in task.baselines}
        self.authors: dict[str, set[str]] = {}
        self._names = {skeleton(name): name for name in self.baselines}
        self._titles: dict[str, str] = {}
        for path in sorted(base.glob(f"*/*/{SUBMISSION_FILE}")):
            with contextlib.suppress(InputError):  # what is wrong with the base is not this request's affair
                document = read_document(path)
                about = validate(Submission, document.data, document)
                self.authors.setdefault(about.model, set()).update(map(skeleton, about.authors))
                self._names.setdefault(skeleton(about.model), about.model)
                self._titles.setdefault(skeleton(about.title), about.model)

    def check(self, about: Submission, file: str) -> None:
        """Refuse a submission of a request that takes the name of another's model.

        Raises
        ------
        InputError
            Saying whose name it is.
        """
        model = about.model
        if model in self.baselines:
            message = f"'{model}' is the name of a baseline, which comes with the base and not with a request"
            raise InputError(f"{message}; take another name (`submit --name`)", file=file, field="model")
        known = self._names.get(skeleton(model), model)
        if known != model:
            message = f"'{model}' looks like '{known}'; take another name (`submit --name`)"
            raise InputError(message, file=file, field="model")
        others = self.authors.get(model)
        if others is not None and others.isdisjoint(map(skeleton, about.authors)):
            message = f"'{model}' is the name of a model of other authors; take another name (`submit --name`)"
            raise InputError(f"{message}, or name one of them among yours", file=file, field="model")
        titled = self._titles.get(skeleton(about.title), model)
        if titled != model:
            raise InputError(f"the title is, or looks like, that of '{titled}'; take another", file=file, field="title")

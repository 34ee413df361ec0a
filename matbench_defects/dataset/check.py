"""What a spec holds and what building it would cost; nothing is built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matbench_defects.bounded import read_json
from matbench_defects.crystal.phases import reference_parents
from matbench_defects.dataset.estimate import SpaceEstimate
from matbench_defects.dataset.label_estimate import LabelEstimate, estimate_labels
from matbench_defects.dataset.limits import dataset_bytes, exceeding, memory_bound
from matbench_defects.dataset.validation import validate_spec
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import available_cores
from matbench_defects.labels.engine import require_extra
from matbench_defects.labels.label_files import labels_beside, table_state, there_are_labels
from matbench_defects.plotting import html_table, shown_number
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Spec


@dataclass(frozen=True)
class Check:
    """What a spec holds and what building it would cost.

    Parameters
    ----------
    spec : Spec
        The spec.
    spaces : list of SpaceEstimate
        Exact counts of each space.
    labels : list of LabelEstimate
        How many labels of each kind are wanted and present, and what one took.
    engines : dict of str to str
        Why an engine cannot be used here, by the label's name.
    warnings : list of str
        What was decided in reading the crystals, what would take over an hour or 10 GB, and what may not be meant.
    """

    spec: Spec
    spaces: list[SpaceEstimate]
    labels: list[LabelEstimate]
    engines: dict[str, str]
    warnings: list[str]

    @property
    def dataset_bytes(self) -> float:
        """About how large the dataset is before compression, bytes."""
        return dataset_bytes(self.spaces, len(self.spec.labels))

    @property
    def memory_bytes(self) -> float:
        """What labelling and building hold in memory at most, bytes."""
        return memory_bound(self.spaces, len(self.spec.labels))

    @property
    def exact(self) -> bool:
        """Whether the numbers of labels are exact; upper bounds otherwise."""
        return all(space.exact for space in self.spaces)

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{s.space.name} {shown_number(s.inequivalent)} inequivalent of {shown_number(s.every)}"
            for s in self.spaces[:3]
        )
        more = f" and {len(self.spaces) - 3} more spaces" if len(self.spaces) > 3 else ""
        return f"<Check of {self.spec.name} {self.spec.version}: {counts}{more}>"

    def _repr_html_(self) -> str:
        rows = [
            (s.space.name, shown_number(s.every), shown_number(s.inequivalent), f"{s.labelled:,}") for s in self.spaces
        ]
        return html_table(("space", "configurations", "inequivalent", "labelled"), rows, self.spec.title)


def check_spec(name: str, *, time: bool = False) -> Check:
    """Count what a spec holds and estimate what building it would cost.

    Parameters
    ----------
    name : str
        A spec file, a folder that holds ``spec.yaml``, or a shipped name.
    time : bool
        Whether one energy is computed and timed for each label of which none is there.

    Raises
    ------
    InputError
        Naming file and line of the first mistake.
    """
    spec = load_spec(name)
    validated = validate_spec(spec)
    spaces = validated.spaces
    table = labels_beside(find_spec(name))
    warnings = _notes(spec, spaces)
    known: dict[str, tuple[int, float]] = {}
    try:
        known = _known(table) if there_are_labels(table) else {}
    except Exception as error:  # what a broken table leads to; `label` and `build` refuse it, the counts here stand
        warnings.append(f"the labels beside the spec cannot be read, so what is present is unknown: {error}")
    labels = estimate_labels(spec, sum(space.labelled for space in spaces), known, validated.planned)
    engines = {}
    for label in labels:
        try:
            require_extra(label.method.engine)
        except InputError as error:
            engines[label.method.name] = error.message
    if time:
        from matbench_defects.dataset.timing import timed_labels

        usable = [label for label in labels if label.method.name not in engines]
        timed = timed_labels({one.space.name: one.space for one in spaces}, usable)
        labels = [{id(a): b for a, b in zip(usable, timed, strict=True)}.get(id(label), label) for label in labels]
    warnings += [*validated.notes, *exceeding(spaces, labels, available_cores())]
    return Check(spec, spaces, labels, engines, warnings)


def _notes(spec: Spec, spaces: list[SpaceEstimate]) -> list[str]:
    """Return what was decided in reading the files of parents and reference phases, once each."""
    parents = [("the parent", one.space.parent) for one in spaces]
    parents += [(f"the reference phase {name}", parent) for name, parent in reference_parents(spec).items()]
    return list(dict.fromkeys(f"{what}'s file: {note}" for what, parent in parents for note in parent.notes))


def _known(labels: Path) -> dict[str, tuple[int, float]]:
    """Return how many labels of each method there are and what one took, seconds.

    The lock beside them says so where it is of these very labels; only else are they opened, which takes pyarrow.
    """
    try:
        table = read_json(labels.with_name("lock.json"))["table"]
        if table["sha256"] == table_state(labels):
            return {m: (each["labels"], each["mean_seconds"]) for m, each in table["methods"].items()}
    except (InputError, OSError, ValueError, KeyError, TypeError):
        pass  # no lock, or one of other labels
    from matbench_defects.labels.store import seconds_by_method

    return {m: (len(each), sum(each) / len(each)) for m, each in seconds_by_method(labels).items()}

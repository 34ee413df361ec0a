"""What of a spec would take over an hour or 10 GB, said before anything begins."""

from __future__ import annotations

from collections.abc import Iterator

from matbench_defects.dataset.estimate import SpaceEstimate
from matbench_defects.dataset.label_estimate import LabelEstimate
from matbench_defects.enumeration.selection_size import held_as_objects
from matbench_defects.labels.engine import engines
from matbench_defects.plotting import shown_number

HOUR = 3600.0
"""What takes longer is said before, seconds."""
LARGE = 10e9
"""What is larger is said before, bytes, on disk or in memory."""
PROCESS_BYTES = 0.6e9
"""Memory of a process that builds or labels, before the first row: libraries, and what is held at a time."""
ROW_BYTES = 700
"""Memory of a labelled row: its id, its parts and values, the keys of its labels; measured with six folds. Structures
and labels are not held, but read some at a time."""
LABEL_BYTES = 40
"""Memory of a further label of it: the index holds 20 bytes, which are sorted now and then."""
SITE_BYTES = 150
"""Memory of one site of a labelled row where these are few, and held as objects (`held_as_objects`)."""
BUILD_SECONDS = 6e-5
"""What building takes for one site of a labelled row, seconds; measured on one core."""
SCREENED_A_SECOND = 1e6
"""Configurations that the quickest models predict a second on one core, streamed from the enumeration."""
INDEX_BYTES = 4
"""A configuration in the index that `enumerate` writes, about."""
MOST = 10**30
"""Numbers beyond this are estimated as this: a float holds no more than 308 digits, and counts have many more."""


def memory_bound(spaces: list[SpaceEstimate], labels: int) -> float:
    """Return what `label` and `build` hold in memory at most, bytes.

    What is held of each labelled row, and the index where it is small enough to be part of the dataset; however many
    configurations there are besides. A million rows of 12 atoms come to 1.4 GB. Workers come on top, each with what its
    engine takes.

    Parameters
    ----------
    spaces : list of SpaceEstimate
        The spaces of a spec.
    labels : int
        How many kinds of label it asks for.
    """
    held = sum(one.labelled * len(one.space.host_species) for one in spaces if held_as_objects(one.space, one.labelled))
    rows = sum(space.labelled for space in spaces) * (ROW_BYTES + LABEL_BYTES * labels)
    return PROCESS_BYTES + min(rows + held * SITE_BYTES + sum(space.index_bytes for space in spaces), MOST)


def dataset_bytes(spaces: list[SpaceEstimate], labels: int) -> int:
    """Return about how large a dataset is before compression, bytes."""
    return min(sum(space.index_bytes + space.structure_bytes * max(1, labels) for space in spaces), MOST)


def exceeding(spaces: list[SpaceEstimate], labels: list[LabelEstimate], cores: int) -> Iterator[str]:
    """Yield one sentence for each thing that would take over an hour or 10 GB.

    Parameters
    ----------
    spaces : list of SpaceEstimate
        The spaces of a spec.
    labels : list of LabelEstimate
        Its labels.
    cores : int
        How many cores would compute labels.
    """
    for label in labels:
        left = min(label.wanted - label.present, MOST)
        name = f"label {label.method.name}"
        if label.seconds is not None and left * label.seconds > HOUR * cores:
            hours = left * label.seconds / HOUR / cores
            yield f"{name}: about {hours:,.0f} h on {cores} cores; `label --cluster` takes the workers of a cluster"
            continue
        assumed: float = getattr(engines.get(label.method.engine), "assumed_seconds", 1.0)
        if label.seconds is None and left * assumed > HOUR * cores:
            yield (
                f"{name}: {left:,} are to go, over an hour on {cores} cores if one takes {_time(assumed)}; label a few "
                "first, and `check` knows more"
            )
    size, memory = dataset_bytes(spaces, len(labels)), memory_bound(spaces, len(labels))
    if size > LARGE:
        yield f"the dataset: about {size / 1e9:,.0f} GB before compression"
    if memory > LARGE:
        yield f"`label` and `build` may need {memory / 1e9:,.0f} GB of memory; select fewer configurations"
    sites = min(sum(space.labelled * len(space.space.host_species) for space in spaces), MOST)
    if sites * BUILD_SECONDS > HOUR:
        yield f"`build`: about {sites * BUILD_SECONDS / HOUR:,.0f} h, labels not counted"
    every = sum(space.inequivalent for space in spaces)
    costs = ["over an hour"] * (every > HOUR * SCREENED_A_SECOND) + ["over 10 GB"] * (every * INDEX_BYTES > LARGE)
    if costs:
        yield (
            f"`enumerate` and a `screen` of all {shown_number(every)} configurations: {' and '.join(costs)}; screen a "
            "`--sample` or one `--content`"
        )


def _time(seconds: float) -> str:
    return "a second" if seconds == 1 else f"{seconds / 60:.0f} minutes"

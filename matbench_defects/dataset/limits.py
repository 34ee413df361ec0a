"""What of a spec would take over an hour or 10 GB, said before anything begins."""

from __future__ import annotations

from collections.abc import Iterator

from matbench_defects.dataset.estimate import LabelEstimate, SpaceEstimate
from matbench_defects.labels.engine import engines

HOUR = 3600.0
"""What takes longer is said before, seconds."""
LARGE = 10e9
"""What is larger is said before, bytes, on disk or in memory."""
PROCESS_BYTES = 0.5e9
"""Memory of a process that builds or labels, before the first row: mostly libraries."""
SITE_BYTES = 400
"""Memory of one site of a labelled row, and of each of its labels; measured were at most 370."""
BUILD_SECONDS = 6e-5
"""What building takes for one site of a labelled row, seconds; measured on one core."""
SCREENED_A_SECOND = 1e6
"""Configurations that the quickest models predict a second on one core, streamed from the enumeration."""
INDEX_BYTES = 4
"""A configuration in the index that `enumerate` writes, about."""


def memory_bound(spaces: list[SpaceEstimate], labels: int) -> float:
    """Return what `label` and `build` hold in memory at most, bytes.

    The configurations that are labelled, and the index where it is small enough to be part of the dataset; however
    many configurations there are besides. Workers come on top, each with what its engine takes.

    Parameters
    ----------
    spaces : list of SpaceEstimate
        The spaces of a spec.
    labels : int
        How many kinds of label it asks for.
    """
    sites = sum(space.labelled * len(space.space.host_species) for space in spaces)
    return PROCESS_BYTES + sites * SITE_BYTES * (1 + labels) + sum(space.index_bytes for space in spaces)


def dataset_bytes(spaces: list[SpaceEstimate], labels: int) -> int:
    """Return about how large a dataset is before compression, bytes."""
    return sum(space.index_bytes + space.structure_bytes * max(1, labels) for space in spaces)


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
        left = label.wanted - label.present
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
    sites = sum(space.labelled * len(space.space.host_species) for space in spaces)
    if sites * BUILD_SECONDS > HOUR:
        yield f"`build`: about {sites * BUILD_SECONDS / HOUR:,.0f} h, labels not counted"
    every = sum(space.inequivalent for space in spaces)
    costs = ["over an hour"] * (every > HOUR * SCREENED_A_SECOND) + ["over 10 GB"] * (every * INDEX_BYTES > LARGE)
    if costs:
        yield (
            f"`enumerate` and a `screen` of all {every:.2g} configurations: {' and '.join(costs)}; screen a `--sample` "
            "or one `--content`"
        )


def _time(seconds: float) -> str:
    return "a second" if seconds == 1 else f"{seconds / 60:.0f} minutes"

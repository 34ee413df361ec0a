"""The lock of a dataset's version: digests of its spaces, selection, splits and labels, so that none changes unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matbench_defects.bounded import read_json
from matbench_defects.dataset.labelling import later_jobs
from matbench_defects.dataset.splits.assign import Parting
from matbench_defects.dataset.targets.column import Column
from matbench_defects.enumeration.counting import count_space
from matbench_defects.enumeration.selection import Selected
from matbench_defects.errors import InputError
from matbench_defects.files import digest_of_items, digest_of_lists, write_json
from matbench_defects.labels.asking import Jobs, some_at_a_time
from matbench_defects.labels.known import KnownLabels
from matbench_defects.labels.label import Label
from matbench_defects.labels.label_files import table_state, there_are_labels
from matbench_defects.labels.store import LabelStore, seconds_by_method, values_digest
from matbench_defects.spec.models import Spec

if TYPE_CHECKING:
    from matbench_defects.dataset.plan import Plan

Labels = LabelStore | KnownLabels
"""Labels by key: a store of them, or what a build found."""

FIXED = ("spaces", "selection", "splits")
"""What follows from the spec alone; labels may still be missing. What the table of labels cost is not compared."""


def lock_path(spec: Spec) -> Path:
    """Return where the lock of a spec lies: ``lock.json`` beside ``spec.yaml``."""
    path = Path(spec.document.marks[()].file)
    return path.with_name("lock.json" if path.name == "spec.yaml" else f"{path.stem}-lock.json")


def lock_of(planned: Plan, labels: Labels | None, partings: dict[str, Parting] | None = None) -> dict[str, Any]:
    """Return the lock of a dataset, computing no label.

    Parameters
    ----------
    planned : Plan
        The spec, checked and enumerated.
    labels : LabelStore or KnownLabels, optional
        The labels that are there; those that are not are counted.
    partings : dict of str to Parting, optional
        The part of each row in each split, where it is known already.
    """
    if partings is None:
        partings = planned.partings()
    ids = planned.rows.ids()
    return {
        "name": planned.spec.name,
        "version": planned.spec.version,
        "spaces": {name: _space(part) for name, part in planned.selected.items()},
        "selection": {
            name: {"rows": len(part.chosen), "digest": digest_of_items(part.ids())}
            for name, part in planned.selected.items()
        },
        "splits": _splits(partings, ids),
        "labels": _labels(planned, labels),
        **_columns(planned, ids),
    }


def _space(part: Selected) -> dict[str, Any]:
    space = part.space
    return {
        "host": space.digest(),
        "operations": len(space.group),
        **dict(zip(("configurations", "inequivalent"), count_space(space), strict=True)),
    }


def _splits(partings: dict[str, Parting], ids: list[str]) -> dict[str, Any]:
    order = sorted(range(len(ids)), key=ids.__getitem__)

    def parted(parts: list[str | None]) -> Iterator[tuple[str, str | None]]:
        return ((ids[i], parts[i]) for i in order)

    result = {}
    for name, parting in partings.items():
        found = digest_of_lists({fold: parted(parts) for fold, parts in parting.by_fold.items()})
        counted = {"folds": len(parting.by_fold)} if parting.folded else {}
        result[name] = counted | {"digest": found}
    return result


def _labels(planned: Plan, known: Labels | None) -> dict[str, Any]:
    every = planned.jobs.followed_by(planned.further_jobs())
    if known is not None:
        there = known if isinstance(known, KnownLabels) else KnownLabels(every, [known])
        every = every.followed_by(later_jobs(planned, there))
    result = {}
    for method in planned.methods:
        jobs = every.of(method.name)
        number = bad = 0

        def found(jobs: Jobs = jobs) -> Iterator[Label]:
            nonlocal number, bad
            for keys in some_at_a_time(jobs.keys() if known is not None else ()):
                for label in known.get_many(keys) if known is not None else ():
                    if label is not None:
                        number += 1
                        bad += not label.usable
                        yield label

        values = values_digest(found())
        result[method.name] = {"labels": number, "missing": len(jobs) - number, "discarded": bad, "digest": values}
    return result


def _columns(planned: Plan, ids: list[str]) -> dict[str, Any]:
    """Return a digest of the numbers of each target that is a column of a table; nothing where none is."""
    found = {}
    for name, target in planned.targets.items():
        if isinstance(target.computed, Column):
            numbers = target.computed.stated()
            said = [f"{id_} {numbers[id_]!r}" for id_ in sorted(ids) if id_ in numbers]
            found[name] = {"values": len(said), "digest": digest_of_items(said)}
    return {"columns": found} if found else {}


def _table(labels: Path) -> dict[str, Any]:
    """Return which files of labels these are and what they cost; so `check` need not open them."""
    seconds = {
        method: {"labels": len(each), "mean_seconds": round(sum(each) / len(each), 2)}
        for method, each in sorted(seconds_by_method(labels).items())
    }
    return {"sha256": table_state(labels), "methods": seconds}


def read_lock(path: Path) -> dict[str, Any] | None:
    """Return what a lock file says, None where there is none.

    Raises
    ------
    InputError
        If it is not a lock file.
    """
    if not path.exists():
        return None
    try:
        lock = read_json(path)
    except InputError as error:
        raise InputError(f"{error.message}; make it anew with `matbench-defects lock`", file=str(path)) from None
    if not isinstance(lock, dict) or not {"name", "version", "labels", *FIXED} <= set(lock):
        raise InputError("is not a lock file; write it again with `matbench-defects lock`", file=str(path))
    return lock


def write_lock(planned: Plan, labels: Path) -> tuple[Path, list[str], bool]:
    """Write the lock of a spec beside it.

    Parameters
    ----------
    planned : Plan
        The spec, checked and enumerated.
    labels : path
        The table of labels that comes with it; it need not exist.

    Returns
    -------
    path : path
        The lock file.
    changed : list of str
        What it says differently from before, one line each; empty where it did not change or is new.
    new : bool
        Whether there was none.
    """
    path = lock_path(planned.spec)
    before = read_lock(path)
    known = LabelStore(labels) if there_are_labels(labels) else None
    if known is not None and known.unmerged:
        with known.adding():  # a lock is of the table alone
            pass
    lock = lock_of(planned, known)
    if known is not None:
        lock["table"] = _table(labels)
    if lock != before:
        write_json(path, lock)
    return path, [] if before is None else list(differences(before, lock)), before is None


def differences(before: dict[str, Any], after: dict[str, Any], route: str = "") -> Iterator[str]:
    """Yield each value that two locks do not share, in one line."""
    for key in [*before, *(k for k in after if k not in before)]:
        here = f"{route}.{key}" if route else key
        if key not in after:
            yield f"{here} is gone"
        elif key not in before:
            yield f"{here} is new"
        elif isinstance(before[key], dict) and isinstance(after[key], dict):
            yield from differences(before[key], after[key], here)
        elif before[key] != after[key]:
            yield f"{here} was {before[key]}, is {after[key]}"


def check_lock(planned: Plan, store: LabelStore | None, partings: dict[str, Parting]) -> list[str] | None:
    """Compare what is about to be built with the lock of its version.

    Parameters
    ----------
    planned : Plan
        The spec, checked and enumerated.
    store : LabelStore, optional
        The labels that the build was given, without those that it computed itself.
    partings : dict of str to Parting
        The part of each row in each split.

    Returns
    -------
    list of str, or None
        How the labels differ for want of some, on either side; None where there is no lock of this version.

    Raises
    ------
    InputError
        If spaces, selection, splits or labels are others than those of the locked version.
    """
    path = lock_path(planned.spec)
    before = read_lock(path)
    if before is None or (before["name"], before["version"]) != (planned.spec.name, planned.spec.version):
        return None
    after = lock_of(planned, store, partings)
    refused = [line for part in FIXED for line in differences(before[part], after[part], part)]
    refused += differences(before.get("columns", {}), after.get("columns", {}), "columns")
    notes = []
    for name, found in after["labels"].items():
        locked = before["labels"].get(name)
        if locked == found:
            continue
        incomplete = locked is not None and (found["missing"] or locked["missing"])
        if incomplete and found["labels"] != locked["labels"]:
            total = found["labels"] + found["missing"]
            notes.append(f"{name}: given {found['labels']} of {total} labels, the lock covers {locked['labels']}")
        else:
            refused += differences(before["labels"].get(name, {}), found, f"labels.{name}")
    if refused:
        raise InputError(
            f"{planned.spec.name} {planned.spec.version} is locked, and this would change it ({'; '.join(refused[:3])}"
            f"{f'; and {len(refused) - 3} more' if len(refused) > 3 else ''}). Give the spec a new `version` and run "
            "`matbench-defects lock`, or take the change back",
            file=str(path),
        )
    return notes

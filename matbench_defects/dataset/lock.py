"""The lock of a dataset's version: digests of its spaces, selection, splits and labels, so that none changes unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matbench_defects.dataset.splits.assign import Parting
from matbench_defects.enumeration.counting import count_space
from matbench_defects.enumeration.selection import Selected
from matbench_defects.errors import InputError
from matbench_defects.files import digest, sha256_of_file, write_json
from matbench_defects.labels.store import Key, Label, LabelStore, seconds_by_method, there_are_labels, values_digest
from matbench_defects.spec.models import Spec

if TYPE_CHECKING:
    from matbench_defects.dataset.plan import Plan

Labels = LabelStore | dict[Key, Label]
"""Labels by key: a table of them, or what a build found."""

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
    labels : LabelStore or dict of Key to Label, optional
        The labels that are there; those that are not are counted.
    partings : dict of str to Parting, optional
        The part of each row in each split, where it is known already.
    """
    if partings is None:
        partings = planned.partings()
    ids = [row.id for row in planned.rows]
    return {
        "name": planned.spec.name,
        "version": planned.spec.version,
        "spaces": {name: _space(part) for name, part in planned.selected.items()},
        "selection": {
            name: {"rows": len(part.chosen), "digest": digest([row.id for row in part.rows])}
            for name, part in planned.selected.items()
        },
        "splits": {name: _split(parting, ids) for name, parting in partings.items()},
        "labels": _labels(planned, labels),
    }


def _space(part: Selected) -> dict[str, Any]:
    space = part.space
    return {
        "host": space.digest(),
        "operations": len(space.group),
        **dict(zip(("configurations", "inequivalent"), count_space(space), strict=True)),
    }


def _split(parting: Parting, ids: list[str]) -> dict[str, Any]:
    parted = {fold: sorted(zip(ids, parts, strict=True)) for fold, parts in parting.by_fold.items()}
    counted = {"folds": len(parted)} if parting.folded else {}
    return counted | {"digest": digest(parted)}


def _labels(planned: Plan, known: Labels | None) -> dict[str, Any]:
    every = [*planned.jobs, *planned.further_jobs()]
    there = {} if known is None else {job.key: label for job in every if (label := known.get(job.key)) is not None}
    every += planned.tightened_jobs(there)
    result = {}
    for method in planned.methods:
        jobs = [job for job in every if job.method.name == method.name]
        found = [] if known is None else [label for job in jobs if (label := known.get(job.key)) is not None]
        result[method.name] = {
            "labels": len(found),
            "missing": len(jobs) - len(found),
            "discarded": sum(not label.usable for label in found),
            "digest": values_digest(found),
        }
    return result


def _table(labels: Path) -> dict[str, Any]:
    """Return which file of labels this is and what they cost; so `check` need not open the file."""
    seconds = {
        method: {"labels": len(each), "mean_seconds": round(sum(each) / len(each), 2)}
        for method, each in sorted(seconds_by_method(labels).items())
    }
    return {"sha256": sha256_of_file(labels), "methods": seconds}


def read_lock(path: Path) -> dict[str, Any] | None:
    """Return what a lock file says, None where there is none.

    Raises
    ------
    InputError
        If it is not a lock file.
    """
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot be read: {error}; make it anew with `matbench-defects lock`", file=str(path)
        ) from None
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

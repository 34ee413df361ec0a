"""How noisy the values of targets are: two sets of attempts at the same rows, and the same relaxations carried on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.labelled_rows import LabelledRows
from matbench_defects.dataset.plan import Plan
from matbench_defects.dataset.targets import Labelled, LabelledConfiguration, ResolvedTarget
from matbench_defects.labels.attempts import attempts_by_id, attempts_of
from matbench_defects.labels.engine import Method
from matbench_defects.labels.job import Job
from matbench_defects.labels.label import Key, Label
from matbench_defects.labels.noise import further_attempts, tightened


def measured_noise(
    planned: Plan,
    found: Mapping[Key, Label],
    labelled: Mapping[str, Labelled],
    values: Mapping[str, Sequence[float | None]],
) -> dict[str, dict[str, Any]]:
    """Return the noise of each target whose label's noise the spec asks for, as plain data.

    The noise is the mean absolute difference of a and b divided by √2, a the value from the attempts of the label, b
    that from as many again. ``shift`` is the mean of a - c, c the value where the relaxation was carried on to a
    smaller threshold, with the same reference energies: for an energy, how far labels lie above their minima. Both
    have the unit of the target.

    Parameters
    ----------
    planned : Plan
        The spec.
    found : mapping of Key to Label
        Labels, and what was computed besides to measure their noise.
    labelled : mapping of str to Labelled
        The rows with each label.
    values : mapping of str to sequence of (float or None)
        The values of each target, in the order of the rows.

    Returns
    -------
    dict of str to dict
        By target: ``attempts``, ``rows``, ``noise``; ``tightened`` (rows), ``fmax`` (eV/Å), ``shift`` and
        ``median_shift``. A target is missing where nothing was computed for it.
    """
    result: dict[str, dict[str, Any]] = {}
    for method, noise, rows in planned.noisy:
        again = _usable(further_attempts(rows, method, noise), found, method)
        further = _usable(tightened(rows, method, noise, found), found, method)
        for name, target in planned.targets.items():
            if target.label != method.name or target.computed.compares_rows:
                continue
            measured = {row.id for row in rows}
            known = {id_: v for id_, v in zip(planned.rows.ids(), values[name], strict=False) if id_ in measured}
            first = _differences(target, labelled[method.name], rows, again, known)
            second = _differences(target, labelled[method.name], rows, further, known)
            if first:
                result[name] = {
                    "attempts": len(attempts_of(method)),
                    "rows": len(first),
                    "noise": round(float(np.mean(np.abs(first))) / math.sqrt(2), 9),
                }
            if second:
                result[name] = result.get(name, {}) | {
                    "tightened": len(second),
                    "fmax": noise.fmax,
                    "shift": round(float(np.mean(second)), 9),
                    "median_shift": round(float(np.median(second)), 9),
                }
    return result


def _usable(jobs: Sequence[Job], found: Mapping[Key, Label], method: Method) -> dict[str, Label]:
    """Return the lowest usable label of each configuration that some jobs are of."""
    tried = attempts_by_id((found[job.key] for job in jobs if job.key in found), keeps_left=method.keeps_left)
    return {id_: one.label for id_, one in tried.items() if one.label.usable}


def _differences(
    target: ResolvedTarget,
    labelled: Labelled,
    rows: Sequence[Configuration],
    others: Mapping[str, Label],
    known: Mapping[str, float | None],
) -> list[float]:
    """Return the value of each row less that with another label, where both are known."""
    asked = {row.id for row in rows} & set(others)
    if not asked:
        return []
    instead = {id_: others[id_] for id_ in asked}
    if isinstance(labelled.rows, LabelledRows):
        changed: Sequence[LabelledConfiguration] = labelled.rows.with_labels(instead)
    else:
        changed = [LabelledConfiguration.of(r, instead[r.id]) if r.id in asked else r for r in labelled.rows]
    values = target.computed.values(dataclasses.replace(labelled, rows=changed))
    found = {row.id: value for row, value in zip(changed, values, strict=True) if row.id in asked}
    return [a - b for id_ in sorted(asked) if (a := known.get(id_)) is not None and (b := found[id_]) is not None]

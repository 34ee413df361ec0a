"""What a label takes on this machine, from one timed energy of a configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.label_estimate import LabelEstimate
from matbench_defects.enumeration.sampling import sample
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Method, engines
from matbench_defects.labels.job import Job
from matbench_defects.labels.running import compute_label

CALLS = ((0.05, 50), (0.0, 100))
"""How many energies a relaxation to so many eV/Å is assumed to need. The shipped labels, relaxed to 0.05, took 13 to 86
steps in the mean of a domain, 47 in the middle; those to 0.01 that are there so far 21 to 100."""


def assumed_calls(method: Method) -> int:
    """Return how many energies a label is assumed to need."""
    if method.relax is None:
        return 1
    fmax = method.relax.fmax
    return next(calls for least, calls in CALLS if fmax >= least)


def timed_labels(spaces: Mapping[str, Space], labels: list[LabelEstimate]) -> list[LabelEstimate]:
    """Return the estimates with a time for each label of which none is there: one energy, timed here on one core.

    Of an engine for pathways, whose bands take as long as they take, nothing is timed.

    Parameters
    ----------
    spaces : mapping of str to Space
        The spaces of the spec; the energy is that of a configuration of the first that holds any, drawn with seed 0.
    labels : list of LabelEstimate
        What is to be timed.

    Raises
    ------
    InputError
        If an engine cannot be loaded, or does not give the energy.
    """
    return [label if label.seconds is not None else _timed(spaces, label) for label in labels]


def _timed(spaces: Mapping[str, Space], label: LabelEstimate) -> LabelEstimate:
    method = label.method
    if method.engine in engines and (method.of_pathways or engines.get(method.engine).labels != "structures"):
        return label
    space = next(iter(spaces.values()))
    (one,) = sample(space, 1, 0)
    alone = dataclasses.replace(method, relax=None)
    seconds = 0.0
    for start in (one.crystal, _moved(one.crystal)):  # the first energy compiles and allocates
        found = compute_label(Job(one.id, space.digest(), start, alone))
        if found.problem:
            raise InputError(f"label {method.name}: the energy of {one.id} could not be timed: {found.problem}")
        seconds = found.seconds
    return dataclasses.replace(label, seconds=seconds * assumed_calls(method), calls=assumed_calls(method))


def _moved(crystal: Crystal) -> Crystal:
    """Return a crystal with one atom moved by a hundredth of an Å: an engine may keep the energy of the same one."""
    positions = crystal.positions.copy()
    positions[0, 0] += 0.01
    return dataclasses.replace(crystal, positions=positions)

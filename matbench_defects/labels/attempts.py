"""Several relaxations of one configuration, each from another random start: the lowest is the label.

A relaxation from ideal positions keeps the symmetry that it starts with, and may end on a saddle point: LiNiO2 then
misses its Jahn-Teller distortion, and a vacancy in MoS2 lies 8 to 18 meV too high (measured with SevenNet-0).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.files import digest

if TYPE_CHECKING:
    from matbench_defects.labels.engine import Method
    from matbench_defects.labels.label import Key, Label

REFERENCE_ATTEMPTS = 5
"""Attempts at least for what others refer to: end members, reference phases and ideal hosts."""


def attempts_of(method: Method, *, refers: bool = False) -> range:
    """Return the numbers of the attempts that a label is the lowest of.

    Parameters
    ----------
    method : Method
        How it is labelled.
    refers : bool
        Whether other values refer to it, such as to an end member.
    """
    if method.relax is None or not method.relax.rattle:
        return range(1)
    return range(1, 1 + max(method.relax.attempts, REFERENCE_ATTEMPTS if refers else 1))


def rattled(crystal: Crystal, method: Method, key: Key) -> Crystal:
    """Return a structure with its atoms moved at random, the same way for every engine.

    Parameters
    ----------
    crystal : Crystal
        The ideal structure.
    method : Method
        Its relaxation says how far: the standard deviation of each Cartesian coordinate, Å.
    key : Key
        Configuration, host and number of the attempt: the seed.
    """
    assert method.relax is not None
    generator = np.random.default_rng(int(digest([key.id, key.host, key.attempt]), 16))
    moved = generator.normal(0.0, method.relax.rattle, crystal.positions.shape)
    if crystal.fixed is not None:
        moved[crystal.fixed] = 0.0
    return dataclasses.replace(crystal, positions=crystal.positions + moved)


@dataclass(frozen=True)
class Attempts:
    """What several attempts at one label came to.

    Parameters
    ----------
    label : Label
        The lowest that converged and kept its configuration; where none did, the first, whose problem says why.
    usable : int
        How many converged and kept it.
    total : int
        How many there were.
    lower_elsewhere : float or None
        How far the lowest attempt that became another configuration lies below the label, eV per cell; None where
        none lies below.
    reconstructed : str
        Where no attempt kept the configuration and the lowest counts all the same: what became of that.
    """

    label: Label
    usable: int
    total: int
    lower_elsewhere: float | None
    reconstructed: str = ""


def lowest_attempt(labels: Iterable[Label], *, keeps_left: bool = False) -> Attempts:
    """Return the lowest of several attempts at one label, and what became of the others.

    Parameters
    ----------
    labels : iterable of Label
        The attempts, at least one.
    keeps_left : bool
        Whether the lowest counts that left the configuration, where none kept it.
    """
    tried = sorted(labels, key=lambda label: label.key.attempt)
    usable = [label for label in tried if label.usable]
    if not usable:
        left = [label for label in tried if label.left]
        if not (keeps_left and left):
            return Attempts(tried[0], 0, len(tried), None)
        lowest = min(left, key=_energy)
        return Attempts(dataclasses.replace(lowest, problem=""), 0, len(tried), None, lowest.problem)
    best = min(usable, key=_energy)
    left = [label for label in tried if label.left and _energy(label) < _energy(best)]
    below = _energy(best) - min(map(_energy, left)) if left else None
    return Attempts(best, len(usable), len(tried), below)


def attempts_by_id(labels: Iterable[Label], *, keeps_left: bool = False) -> dict[str, Attempts]:
    """Return what the attempts at each label came to, by configuration or reference phase.

    Parameters
    ----------
    labels : iterable of Label
        All of one method.
    keeps_left : bool
        As for `lowest_attempt`.
    """
    tried: dict[str, list[Label]] = {}
    for label in labels:
        tried.setdefault(label.key.id, []).append(label)
    return {id_: lowest_attempt(labels, keeps_left=keeps_left) for id_, labels in tried.items()}


def _energy(label: Label) -> float:
    assert label.outcome is not None
    return label.outcome.energy

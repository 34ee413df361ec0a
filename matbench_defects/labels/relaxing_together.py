"""Relaxing several structures at once: each has an optimizer of its own, one call gives the forces of all.

A force call of a graph network on twelve atoms spends most of its time on handing out small operations. Several
structures as one graph share that. Nothing else differs from relaxing them one after another: the same optimizer of
ASE, the same test of convergence, the same limit of steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ase.calculators.calculator import Calculator

from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.ase_engine import optimizer_for, outcome_of
from matbench_defects.labels.engine import Outcome
from matbench_defects.spec.models import Relaxation

Properties = dict[str, Any]
"""What an ASE calculator calls its results: energy, forces, stress."""
Evaluate = Callable[[list[Any]], list[Properties]]
"""Returns the properties of each of several ``ase.Atoms``."""


class GivenProperties(Calculator):  # type: ignore[misc]
    """A calculator that computes nothing: it has the properties that it was given for the atoms as they are."""

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def give(self, atoms: Any, properties: Properties) -> None:
        """Take the properties of atoms."""
        self.atoms = atoms.copy()
        self.results = properties

    def calculate(self, *_: Any, **__: Any) -> None:
        """Refuse.

        Raises
        ------
        RuntimeError
            Always: the atoms are not those whose properties were given.
        """
        raise RuntimeError("the properties of these atoms were not given")


class _OneGradient:
    """What an optimizer moves; the gradient, which takes milliseconds where the cell relaxes, is made once a step."""

    def __init__(self, optimizable: Any) -> None:
        self._optimizable = optimizable
        self._gradient: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizable, name)

    def get_gradient(self) -> Any:
        if self._gradient is None:
            self._gradient = self._optimizable.get_gradient()
        return self._gradient.copy()

    def set_x(self, x: Any) -> None:
        self._gradient = None
        self._optimizable.set_x(x)


class _Structure:
    """One structure on its way to the minimum."""

    def __init__(self, place: int, crystal: Crystal, relax: Relaxation | None) -> None:
        self.place, self.atoms, self._relax = place, crystal.to_ase(), relax
        self.atoms.calc = GivenProperties()
        self._optimizer: Any = None
        if relax is not None:
            self._optimizer = optimizer_for(self.atoms, relax)
            self._optimizer.fmax = relax.fmax
            self._optimizer.optimizable = _OneGradient(self._optimizer.optimizable)

    def advance(self, properties: Properties) -> Outcome | None:
        """Take a step by what was found for the atoms as they are; return the outcome where there is none to take.

        This is ``ase.optimize.optimize.Dynamics.irun``, which cannot wait for forces between step and test.
        """
        self.atoms.calc.give(self.atoms, properties)
        if self._relax is None:
            return outcome_of(self.atoms, converged=True, steps=0)
        optimizer = self._optimizer
        converged = bool(optimizer.gradient_converged(optimizer.optimizable.get_gradient()))
        if converged or optimizer.nsteps >= self._relax.steps:
            return outcome_of(self.atoms, converged=converged, steps=int(optimizer.nsteps))
        optimizer.step()
        optimizer.nsteps += 1
        return None


def relax_together(
    crystals: Sequence[Crystal], relax: Relaxation | None, evaluate: Evaluate, atoms_at_once: int
) -> list[Outcome | Exception]:
    """Return what each of several crystals comes to, relaxed first if asked.

    Which structures share a call follows from the crystals and their order alone: one that has ended makes room for
    the next.

    Parameters
    ----------
    crystals : sequence of Crystal
        The structures.
    relax : Relaxation or None
        How to relax.
    evaluate : callable
        Gives the properties of several structures. Where it fails on several it is asked for each alone, so that one
        harms no other.
    atoms_at_once : int
        Most atoms that it is given, unless a single structure has more.

    Returns
    -------
    list of Outcome or Exception
        In the order of the crystals; in the place of an outcome what its calculation raised.
    """
    ended: dict[int, Outcome | Exception] = {}
    coming = deque(enumerate(crystals))
    in_hand: list[_Structure] = []
    room = atoms_at_once
    while coming or in_hand:
        while coming and (not in_hand or len(coming[0][1]) <= room):
            place, crystal = coming.popleft()
            try:
                in_hand.append(_Structure(place, crystal, relax))
                room -= len(crystal)
            except Exception as error:
                ended[place] = error
        for structure, found in zip(in_hand, _each(evaluate, in_hand), strict=True):
            outcome = found if isinstance(found, Exception) else _advanced(structure, found)
            if outcome is not None:
                ended[structure.place] = outcome
                room += len(structure.atoms)
        in_hand = [structure for structure in in_hand if structure.place not in ended]
    return [ended[place] for place in range(len(crystals))]


def _advanced(structure: _Structure, properties: Properties) -> Outcome | Exception | None:
    try:
        return structure.advance(properties)
    except Exception as error:
        return error


def _each(evaluate: Evaluate, structures: list[_Structure]) -> list[Properties | Exception]:
    """Return the properties of each structure, or what computing them raised."""
    try:
        return list(evaluate([structure.atoms for structure in structures]))
    except Exception as error:
        if len(structures) == 1:
            return [error]
        return [_each(evaluate, [structure])[0] for structure in structures]

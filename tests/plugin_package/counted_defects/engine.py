"""An engine that adds up atomic numbers."""

from __future__ import annotations

from ase.data import atomic_numbers

from matbench_defects.labels.engine import EngineSettings, Outcome, engines


class AtomicNumberSettings(EngineSettings):
    """Settings of the engine."""

    factor: float = -0.01
    """Energy of an atom over its atomic number, eV."""


@engines.register("atomic-numbers")
class AtomicNumbers:
    """An energy in proportion to the atomic numbers."""

    Settings = AtomicNumberSettings
    level_of_theory = "a sum of atomic numbers; no physics"
    labels = "structures"
    relaxation = "impossible"
    version = "counted-defects 0.3.0"

    def __init__(self, settings):
        self.settings = settings

    def compute(self, subject, relax):
        """Return the energy of a crystal."""
        energy = self.settings.factor * sum(atomic_numbers[symbol] for symbol in subject.species)
        return Outcome(energy, subject, None, None, None, True, 0)

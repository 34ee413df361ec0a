"""An engine that answers at once: an energy from the species, positions a little moved, always converged."""

from __future__ import annotations

import dataclasses
import zlib
from typing import ClassVar, Literal

import numpy as np

from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.engine import EngineSettings, Outcome, engines
from matbench_defects.spec.models import Relaxation


class InstantSettings(EngineSettings):
    """No settings; a class of this file's own, so that a worker that is sent a job imports this file."""


@engines.register("instant")
class Instant:
    """Nothing is computed: what is timed is everything else."""

    Settings: ClassVar[type[EngineSettings]] = InstantSettings
    level_of_theory = "none; numbers from a hash, for a test of scale"
    labels: ClassVar[Literal["structures"]] = "structures"
    relaxation: ClassVar[Literal["possible"]] = "possible"

    def __init__(self, settings: InstantSettings) -> None:
        self.version = "instant 1"

    def compute(self, crystal: Crystal, relax: Relaxation | None) -> Outcome:
        """Return an energy of about -4 eV per atom, the same for the same structure."""
        number = zlib.crc32(" ".join(crystal.species).encode() + crystal.positions.tobytes())
        moved = np.random.default_rng(number).normal(0.0, 0.02, crystal.positions.shape)
        energy = len(crystal) * (-4.0 + (number % 10_000) * 1e-5)
        relaxed = dataclasses.replace(crystal, positions=crystal.positions + moved, fixed=None)
        return Outcome(energy, relaxed, 0.005, None, None, converged=True, steps=1)

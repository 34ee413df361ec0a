"""One label to compute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.attempts import rattled
from matbench_defects.labels.engine import Method
from matbench_defects.labels.label import Key


@dataclass(frozen=True)
class Job:
    """One label to compute.

    Parameters
    ----------
    id : str
        The configuration, or ``reference:<name>``.
    host : str
        Digest of the ideal host.
    crystal : Crystal
        The ideal structure, the first that the configuration means.
    method : Method
        Engine, settings and relaxation.
    subject : object, optional
        What the engine is given where it is not the crystal, such as the hop of a pathway.
    origin : Configuration, optional
        The configuration, of which a relaxed label is checked to have stayed what it was.
    files : Path, optional
        Where an engine that keeps files puts those of this label.
    attempt : int
        From 1: which random start a relaxation has. 0: it starts from the ideal positions.
    """

    id: str
    host: str
    crystal: Crystal
    method: Method
    subject: Any = None
    origin: Configuration | None = None
    files: Path | None = None
    attempt: int = 0

    @property
    def key(self) -> Key:
        """What the label is looked up by."""
        return Key(self.id, self.method.digest(), self.host, self.attempt)

    @property
    def start(self) -> Crystal:
        """The structure that the calculation starts from: the ideal one, its atoms moved at random in an attempt."""
        relax = self.method.relax  # a label on another's structure has the number of its attempt, and is not moved
        moved = self.attempt and relax is not None and relax.rattle
        return rattled(self.crystal, self.method, self.key) if moved else self.crystal

    def given(self, of: str) -> Any:
        """Return what an engine is given that labels structures, pathways or rows."""
        if of == "rows":
            return self
        return self.start if self.subject is None else self.subject.starting_from(self.start)

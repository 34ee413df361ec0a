"""One label to compute."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from matbench_defects.crystal.hop import Hop
from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.attempts import rattled
from matbench_defects.labels.engine import Method, Row
from matbench_defects.labels.guards import Origin
from matbench_defects.labels.store import Key


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
        The ideal structure.
    method : Method
        Engine, settings and relaxation.
    hop : Hop, optional
        The hop, of a pathway; its first end point is the crystal.
    origin : Origin, optional
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
    hop: Hop | None = None
    origin: Origin | None = None
    files: Path | None = None
    attempt: int = 0

    @property
    def key(self) -> Key:
        """What the label is looked up by."""
        return Key(self.id, self.method.digest(), self.host, self.attempt)

    @property
    def start(self) -> Crystal:
        """The structure that the calculation starts from: the ideal one, its atoms moved at random in an attempt."""
        return rattled(self.crystal, self.method, self.key) if self.attempt else self.crystal

    def subject(self, of: str) -> Crystal | Hop | Row:
        """Return what an engine is given that labels structures, pathways or rows."""
        if of == "rows":
            return Row(self.id, self.crystal)
        return self.start if self.hop is None else dataclasses.replace(self.hop, first=self.start)

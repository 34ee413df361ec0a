"""One label to compute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.hop import Hop
from matbench_defects.crystal.structure import Crystal
from matbench_defects.labels.engine import Method
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
    origin : Configuration, optional
        The configuration, of which a relaxed label is checked to have stayed what it was.
    files : Path, optional
        Where an engine that keeps files puts those of this label.
    """

    id: str
    host: str
    crystal: Crystal
    method: Method
    hop: Hop | None = None
    origin: Configuration | None = None
    files: Path | None = None

    @property
    def key(self) -> Key:
        """What the label is looked up by."""
        return Key(self.id, self.method.digest(), self.host)

    def subject(self, of: str) -> Crystal | Hop | Job:
        """Return what an engine is given that labels structures, pathways or rows."""
        if of == "rows":
            return self
        return self.crystal if self.hop is None else self.hop

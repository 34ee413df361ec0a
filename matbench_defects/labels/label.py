"""One label: what was found for one configuration, how, and whether it can be used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

from matbench_defects.errors import one_line
from matbench_defects.labels.engine import Outcome

LEFT = ("left its configuration", "relaxed into another configuration")
"""What the problem of a relaxation says that did not keep its configuration."""


DIGEST = 16
"""Bytes of a key's digest: two of a million keys share one with a chance of 1e-27."""


class Key(NamedTuple):
    """What a label is looked up by."""

    id: str
    """The configuration, or ``reference:<name>`` for a reference phase."""
    method: str
    """Digest of engine, settings and relaxation."""
    host: str
    """Digest of the ideal host: an id stands for the same positions only with the same host."""
    attempt: int = 0
    """From 1: which random start the relaxation had. 0: it started from the ideal positions."""

    def digest(self) -> bytes:
        """Return 16 bytes that stand for the key where many are held."""
        text = f"{self.id}\0{self.method}\0{self.host}\0{self.attempt}"
        return hashlib.blake2b(text.encode(), digest_size=DIGEST).digest()


@dataclass(frozen=True)
class Label:
    """One computed label and where it came from.

    Parameters
    ----------
    key : Key
        Configuration, method and host.
    engine_version : str
        The package and its version.
    level_of_theory : str
        What the energy approximates, and by which means.
    description : dict
        Engine, settings and relaxation as plain data.
    outcome : Outcome or None
        What was found; None where the calculation failed.
    problem : str
        Why the label cannot be used; empty for a good one.
    seconds : float
        Wall time on one core.
    """

    key: Key
    engine_version: str
    level_of_theory: str
    description: dict[str, Any]
    outcome: Outcome | None
    problem: str
    seconds: float

    def __post_init__(self) -> None:
        # A calculator says what it likes, with colours and line ends; it stands in tables, logs and cards.
        object.__setattr__(self, "problem", one_line(self.problem))

    @property
    def usable(self) -> bool:
        """Whether the label is there and nothing is wrong with it."""
        return self.outcome is not None and not self.problem

    @property
    def left(self) -> bool:
        """Whether the relaxation converged, but to another configuration than it started from."""
        return self.outcome is not None and self.outcome.converged and any(words in self.problem for words in LEFT)

    @property
    def unchecked(self) -> bool:
        """Whether it relaxed and was not compared with its configuration, as in tables of old versions."""
        relaxed = self.outcome is not None and self.description.get("relax") is not None
        return relaxed and self.outcome is not None and self.outcome.displacement is None

    @property
    def failed(self) -> bool:
        """Whether the calculation came to nothing or did not converge, so that another try may do better."""
        return bool(self.problem) and (self.outcome is None or not self.outcome.converged)

"""Which configurations published structures are, and the rows that come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.enumeration.identify import identify
from matbench_defects.exchange.source import Published, PublishedStructure

Found = tuple[Configuration, float | None]
"""A configuration that a structure is, and how far its atoms lie from their sites at most, Å."""

LARGEST = 1.0
"""An atom farther than this from its site, Å, is taken for another one's: half of a bond is nobody's."""


@dataclass(frozen=True)
class Remark:
    """What was noticed about one published structure.

    Parameters
    ----------
    structure : str
        What the set calls it.
    kind : {"not mapped", "no label", "duplicate", "note"}
        Whether it is no configuration, has no value to give, stands behind a better one, or is in the table with
        something to know.
    id : str
        The configuration, where it is one.
    reason : str
        Why.
    """

    structure: str
    kind: str
    id: str
    reason: str


@dataclass(frozen=True)
class Mapped:
    """A published set laid over the configurations of spaces.

    Parameters
    ----------
    rows : list of dict
        One row a configuration, sorted by id: identity, the structure's name, largest displacement, labels.
    remarks : list of Remark
        What is not there or must be known.
    structures : int
        How many structures were read.
    """

    rows: list[dict[str, Any]]
    remarks: list[Remark]
    structures: int

    @property
    def mapped(self) -> int:
        """How many structures are some configuration."""
        return self.structures - len({r.structure for r in self.remarks if r.kind == "not mapped"})


def map_published(
    published: Published, spaces: dict[str, Space], progress: Callable[[int, int], None] | None = None
) -> Mapped:
    """Find the configuration of every structure of a published set.

    Parameters
    ----------
    published : Published
        The set.
    spaces : dict of str to Space
        The spaces; a structure that several of them hold, such as an ideal host, has a row for each.
    progress : callable, optional
        Called with how many structures are done and how many there are.

    Returns
    -------
    Mapped
        Of several structures that are one configuration the one with the lowest ``energy`` stays, or the first.
    """
    best: dict[str, dict[str, Any]] = {}
    remarks: list[Remark] = []
    done = 0
    for structure in published.structures:
        found, reason = _find(structure, spaces)
        labelled = any(value is not None for value in structure.values.values())
        for configuration, displacement in found if labelled else []:
            row = _row(structure, configuration, displacement)
            other = best.get(row["id"])
            if other is None:
                best[row["id"]] = row
                continue
            better, worse = (row, other) if _energy(row) < _energy(other) else (other, row)
            best[row["id"]] = better
            off = _energy(worse) - _energy(better)
            behind = f"is the same configuration, {off:.4f} eV lower" if off > 0 else "is the same configuration"
            remarks.append(Remark(worse["structure"], "duplicate", row["id"], f"{better['structure']} {behind}"))
        if not found:
            remarks.append(Remark(structure.name, "not mapped", "", reason))
        elif not labelled:
            remarks.append(Remark(structure.name, "no label", found[0][0].id, "it has no value in any column"))
        elif structure.note:
            remarks.append(Remark(structure.name, "note", found[0][0].id, structure.note))
        done += 1
        if progress is not None:
            progress(done, published.count)
    return Mapped([best[key] for key in sorted(best)], remarks, done)


def _energy(row: dict[str, Any]) -> float:
    energy = row.get("energy")
    return float("inf") if energy is None else float(energy)


def _find(structure: PublishedStructure, spaces: dict[str, Space]) -> tuple[list[Found], str]:
    if structure.crystal is None or structure.problem:
        return [], structure.problem
    if structure.space and structure.space not in spaces:
        return [], f"the spec has no space {structure.space}"
    found, reasons = [], []
    for name, space in spaces.items():
        if structure.space not in ("", name):
            continue
        identified = identify(space, structure.crystal, LARGEST)
        reason = identified.reason
        if identified.configuration is not None:
            meant = (space.meant or {}).get(identified.configuration.content, "")
            if structure.content and meant and structure.content != meant:
                reason = f"the set calls it {structure.content}, its atoms are {meant}"
            else:
                found.append((identified.configuration, identified.displacement))
        if reason:
            reasons.append(f"{name}: {reason}")
    return found, "; ".join(reasons)


def _row(structure: PublishedStructure, configuration: Configuration, displacement: float | None) -> dict[str, Any]:
    space, content = configuration.space, configuration.content
    return {
        "id": configuration.id,
        "host": space.digest(),
        "space": space.name,
        "content": space.content_name(content),
        "content_type": (space.meant or {}).get(content, ""),
        "multiplicity": configuration.multiplicity,
        "structure": structure.name,
        "displacement": displacement,
        **structure.values,
    }

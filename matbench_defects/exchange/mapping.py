"""Which configurations published structures are, and the rows that come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matbench_defects.columns import Quantity
from matbench_defects.dataset.finding import Finder, check_limits
from matbench_defects.enumeration.identified import Identified
from matbench_defects.enumeration.identify import STRAIN
from matbench_defects.exchange.source import Published, PublishedStructure

DISPLACEMENT = 1.0
"""An atom farther than this from its site, Å, is taken for another one's: half of a bond is nobody's."""


@dataclass(frozen=True)
class Remark:
    """What was noticed about one published structure.

    Parameters
    ----------
    structure : str
        What the set calls it.
    kind : {"not mapped", "ambiguous", "no label", "duplicate", "note"}
        Whether it is no configuration, may be several, has no value to give, is the same configuration as another, or
        is in the table with something to know.
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
        """How many structures are one configuration."""
        return self.structures - sum(r.kind in ("not mapped", "ambiguous") for r in self.remarks)


def map_published(
    published: Published,
    finder: Finder,
    progress: Callable[[int, int], None] | None = None,
    *,
    displacement: float = DISPLACEMENT,
    strain: float = STRAIN,
) -> Mapped:
    """Find the configuration of every structure of a published set.

    Parameters
    ----------
    published : Published
        The set.
    finder : Finder
        Finds them among the configurations of a spec; under the first rules a structure that several spaces hold, such
        as an ideal host, has a row for each.
    progress : callable, optional
        Called with how many structures are done and how many there are.
    displacement : float
        An atom may lie so far from its site, Å.
    strain : float
        A cell may be so much longer or shorter than the ideal one in any direction, relatively.

    Returns
    -------
    Mapped
        Of several structures that are one configuration the one with the lowest ``energy`` stays, or the first.

    Raises
    ------
    InputError
        If such a displacement or strain cannot be allowed.
    """
    check_limits(displacement, strain)
    best: dict[str, dict[str, Any]] = {}
    remarks: list[Remark] = []
    done = 0
    for structure in published.structures:
        found = _find(structure, finder, displacement, strain)
        labelled = any(value is not None for value in structure.values.values())
        if found.id is None:
            ids = " ".join(one.id or "" for one in found.candidates)
            kind = "ambiguous" if found.candidates else "not mapped"
            remarks.append(Remark(structure.name, kind, ids, found.reason))
        elif not labelled:
            remarks.append(Remark(structure.name, "no label", found.id, "it has no value in any column"))
        else:
            values = _of_one_copy(structure.values, published.quantities, found.copies)
            for one in (found, *found.same):
                remarks += _kept(best, _row(structure, one, values))
            for note in filter(None, (structure.note, _scaled(found.copies), _exchanged(found))):
                remarks.append(Remark(structure.name, "note", found.id, note))
        done += 1
        if progress is not None:
            progress(done, published.count)
    return Mapped([best[key] for key in sorted(best)], remarks, done)


def _kept(best: dict[str, dict[str, Any]], row: dict[str, Any]) -> list[Remark]:
    """Keep a row if it is the best of its configuration, and say of both where another one is the same."""
    other = best.setdefault(row["id"], row)
    if other is row:
        return []
    better, worse = (row, other) if _energy(row) < _energy(other) else (other, row)
    best[row["id"]] = better
    off = _energy(worse) - _energy(better)
    by = f", {off:.4f} eV lower" if 0 < off < float("inf") else ""
    return [
        Remark(
            worse["structure"],
            "duplicate",
            row["id"],
            f"{better['structure']} is the same configuration{by}, and is kept ({_apart(worse)} and {_apart(better)})",
        ),
        Remark(better["structure"], "duplicate", row["id"], f"is kept of this and {worse['structure']}"),
    ]


def _apart(row: dict[str, Any]) -> str:
    return f"{row['displacement']:.2f} Å"


def _energy(row: dict[str, Any]) -> float:
    energy = row.get("energy")
    return float("inf") if energy is None else float(energy)


def _of_one_copy(
    values: dict[str, float | None], quantities: Mapping[str, Quantity], copies: int
) -> dict[str, float | None]:
    """Return labels of a structure whose cell holds a configuration's several times: what is per cell is divided."""
    return {
        name: value / copies if value is not None and name in quantities and quantities[name].per == "cell" else value
        for name, value in values.items()
    }


def _scaled(copies: int) -> str:
    return f"its cell repeats a smaller one {copies} times; what is per cell is divided by that" if copies > 1 else ""


def _exchanged(found: Identified) -> str:
    species = " and ".join(found.exchanged)
    return (
        f"it is the configuration with {species} exchanged, whose values the spec says are the same" if species else ""
    )


def _find(structure: PublishedStructure, finder: Finder, displacement: float, strain: float) -> Identified:
    if structure.crystal is None or structure.problem:
        return Identified(None, structure.problem)
    if structure.space and structure.space not in finder.spaces:
        return Identified(None, f"the spec has no space {structure.space}")
    among = [structure.space] if structure.space else []
    found = finder.find(structure.crystal, displacement=displacement, strain=strain, among=among)
    if found.configuration is not None and structure.content:
        meant = (found.configuration.space.meant or {}).get(found.configuration.content, "")
        if meant and structure.content != meant:
            return Identified(None, f"the set calls it {structure.content}, its atoms are {meant}")
    return found


def _row(structure: PublishedStructure, found: Identified, values: dict[str, float | None]) -> dict[str, Any]:
    assert found.configuration is not None
    space, content = found.configuration.space, found.configuration.content
    return {
        "id": found.id,
        "host": space.digest(),
        "space": space.name,
        "content": space.content_name(content),
        "content_type": (space.meant or {}).get(content, ""),
        "multiplicity": found.configuration.multiplicity,
        "structure": structure.name,
        "displacement": found.displacement,
        "strain": found.strain,
        **values,
    }

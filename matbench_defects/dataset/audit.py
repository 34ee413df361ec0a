"""The audit of a split: what is on which side, and how alike the sides are. A split that leaks is refused."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.identity import numbered, structure_keys
from matbench_defects.dataset.parts import PARTS
from matbench_defects.dataset.similarity import Similarity
from matbench_defects.dataset.splits.assign import Parting
from matbench_defects.dataset.splits.grouping import value_of
from matbench_defects.errors import InputError

FITTED = ("train", "validation")
"""The parts that a model is fitted on."""


class Audit:
    """Compares the sides of splits of one dataset.

    Parameters
    ----------
    rows : iterable of dict
        The rows, with ``id``, ``space``, ``content`` and ``occupation``; gone through once.
    configurations : sequence of Configuration
        The same rows as splits see them.
    spaces : dict of str to Space
        The spaces by name.
    references : collection of str
        Ids of the rows that the values of others refer to.
    blind : bool
        Whether rows that differ in oxidation states alone are one, since they share their label.
    """

    def __init__(
        self,
        rows: Iterable[dict[str, Any]],
        configurations: Sequence[Configuration],
        spaces: dict[str, Space],
        references: Collection[str] = (),
        *,
        blind: bool = False,
    ) -> None:
        self._configurations = configurations
        self._references = references
        members: dict[str, list[int]] = {name: [] for name in spaces}
        self._named: list[str] = []
        occupations: dict[str, list[bytes]] = {name: [] for name in spaces}

        def recomputed() -> Iterator[Configuration]:
            for i, row in enumerate(rows):
                space = spaces[row["space"]]
                members[space.name].append(i)
                self._named.append(sys.intern(f"{space.name}:{row['content']}"))
                occupations[space.name].append(row["occupation"])
                yield Configuration(space, np.frombuffer(row["occupation"], dtype=np.uint8))

        # Recomputed from the occupations: an id that stands for another configuration would be found.
        found = structure_keys(recomputed(), spaces.values(), blind=blind)
        self._orbits = numbered(found) if found else np.zeros(0, dtype=np.int64)
        self._place = np.zeros(len(found), dtype=np.int64)
        self._members = {name: np.array(places, dtype=np.int64) for name, places in members.items()}
        for places in self._members.values():
            self._place[places] = np.arange(len(places))
        self._similarity = {
            name: Similarity(spaces[name], np.frombuffer(b"".join(held), dtype=np.uint8).reshape(len(held), -1))
            for name, held in occupations.items()
            if held
        }

    def of(self, parting: Parting, keep_apart: Sequence[str] = ()) -> dict[str, Any]:
        """Return what a reader must know of a split.

        Parameters
        ----------
        parting : Parting
            The part of each row.
        keep_apart : sequence of str
            Groups no value of which may be both tested and fitted on.

        Returns
        -------
        dict
            Rows per part, the number of orbits found in two parts, and how alike test and training rows are; of a split
            without folds the contents per part as well, and of one with folds all that for each fold.

        Raises
        ------
        InputError
            If an orbit is in two parts, a value that is to be kept apart is on both sides, or a row is tested whose
            label is in the values that are learnt.
        """
        found: dict[str, Any] = {"description": parting.description, "kept apart": list(keep_apart)}
        if parting.copies:
            found["copies left out"] = parting.copies
        if not parting.folded:
            whole = self._of(parting.by_fold[""], keep_apart, "")
            return found | {"rows": whole.pop("rows"), "contents": self._contents(parting.by_fold[""])} | whole
        return found | {"folds": {f: self._of(parts, keep_apart, f) for f, parts in parting.by_fold.items()}}

    def _of(self, parts: list[str | None], keep_apart: Sequence[str], fold: str) -> dict[str, Any]:
        of_fold = f" of fold {fold}" if fold else ""
        leaking = self._in_two_parts(parts)
        if leaking:
            others = f" and {len(leaking) - 1} more are" if len(leaking) > 1 else " is"
            raise InputError(f"{self._configurations[leaking[0]].id}{others} in two parts{of_fold}")
        if self._references:
            referred = [c.id for c, p in zip(self._configurations, parts, strict=True) if p == "test"]
            if tested := sorted(set(referred) & set(self._references)):
                raise InputError(f"{tested[0]} is tested{of_fold}, but values that are learnt refer to it")
        check_kept_apart(self._configurations, parts, keep_apart, fold)
        coded = np.array(parts, dtype=object)
        members = {p: np.flatnonzero(coded == p) for p in PARTS}
        return {
            "rows": {p: len(m) for p, m in members.items()} | {"left out": sum(p is None for p in parts)},
            "orbits in two parts": len(leaking),
            "test against train": self._nearest(members["train"], members["test"]),
        }

    def _contents(self, parts: list[str | None]) -> dict[str, dict[str, int]]:
        return {
            p: dict(sorted(Counter(n for n, q in zip(self._named, parts, strict=True) if q == p).items()))
            for p in PARTS
        }

    def _in_two_parts(self, parts: list[str | None]) -> list[int]:
        """Return the rows whose orbit has been met in another part before."""
        if not len(self._orbits) or int(self._orbits.max()) == len(self._orbits) - 1:
            return []  # no orbit comes twice
        sides: dict[int, str] = {}
        return [
            i
            for i, (orbit, part) in enumerate(zip(self._orbits.tolist(), parts, strict=True))
            if part is not None and sides.setdefault(orbit, part) != part
        ]

    def _nearest(self, train: NDArray[np.int64], test: NDArray[np.int64]) -> dict[str, Any]:
        """Count, for each test row, the sites that differ from the most similar training row of the same space."""
        fewest: list[int] = []
        for name, similarity in self._similarity.items():
            asked, known = (self._place[side[np.isin(side, self._members[name])]] for side in (test, train))
            if len(asked) and len(known):
                fewest += similarity.nearest(asked.tolist(), known)
        if not fewest:
            return {}
        return {
            "rows compared": len(fewest),
            "sites that differ from the nearest training row": {str(k): v for k, v in sorted(Counter(fewest).items())},
        }


def check_kept_apart(
    configurations: Sequence[Configuration], parts: Sequence[str | None], keep_apart: Sequence[str], fold: str = ""
) -> None:
    """Refuse a split that tests what it is fitted on.

    Parameters
    ----------
    configurations : sequence of Configuration
        The rows.
    parts : sequence of str or None
        The part of each.
    keep_apart : sequence of str
        Groups no value of which may be both tested and fitted on.
    fold : str
        The fold, for messages.

    Raises
    ------
    InputError
        If a value is on both sides.
    """
    for group in keep_apart:
        tested, fitted = set(), set()
        for row, part in zip(configurations, parts, strict=True):
            if part == "test":
                tested.add(value_of(group, row))
            elif part in FITTED:
                fitted.add(value_of(group, row))
        if shared := sorted(tested & fitted):
            shown = ", ".join(shared[:3]) + (f" and {len(shared) - 3} more" if len(shared) > 3 else "")
            of_fold = f" of fold {fold}" if fold else ""
            raise InputError(f"keeps {group} apart, but{of_fold} both tests and is fitted on {shown}")

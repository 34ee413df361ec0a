"""The part of every row in every split, and the column that holds it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.identity import numbered, structure_keys
from matbench_defects.dataset.parts import PARTS
from matbench_defects.dataset.splits import SplitOperator
from matbench_defects.dataset.splits.grouping import value_of
from matbench_defects.spec.models import Spec

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Parting:
    """Where the rows of a dataset lie in one split.

    Parameters
    ----------
    name : str
        The split.
    description : str
        One sentence on how it was made.
    by_fold : dict of str to list
        Of each fold, the part of each row, None for a row that is left out. A split without folds has one entry, under
        the empty name.
    copies : int
        How many rows, of all folds together, are left out because another row is the same structure.
    """

    name: str
    description: str
    by_fold: dict[str, list[str | None]]
    copies: int = 0

    @property
    def folded(self) -> bool:
        """Whether the split has folds."""
        return "" not in self.by_fold

    @property
    def type(self) -> pa.DataType:
        """The type of the split's column: a part, or a part for each fold by the fold's name."""
        import pyarrow as pa  # `check` does without

        return pa.struct([pa.field(f, pa.string()) for f in self.by_fold]) if self.folded else pa.string()

    def take(self, kept: Sequence[bool]) -> Parting:
        """Return the same parting of some of the rows."""
        return dataclasses.replace(
            self, by_fold={fold: list(itertools.compress(parts, kept)) for fold, parts in self.by_fold.items()}
        )

    def value(self, place: int) -> str | dict[str, str | None] | None:
        """Return the value of one row in the split's column."""
        if not self.folded:
            return self.by_fold[""][place]
        return {fold: parts[place] for fold, parts in self.by_fold.items()}


def part_rows(
    spec: Spec,
    operators: dict[str, SplitOperator],
    rows: Sequence[Configuration],
    references: Collection[str] = (),
) -> dict[str, Parting]:
    """Return where rows lie in each split of a spec.

    Where two spaces hold the same structure and a split puts one into a part that models are fitted on, the other is
    left out of any other part; so are rows that share a calculation, since a label merges oxidation states. A row that
    values of others refer to trains in every fold, for what models learn from would hold its label anyway; where a
    split keeps something apart that is tested, such a row is left out.

    Parameters
    ----------
    spec : Spec
        The spec, for messages.
    operators : dict of str to SplitOperator
        Its splits.
    rows : sequence of Configuration
        Every row of the dataset.
    references : collection of str
        Ids of the rows that values of others refer to.

    Raises
    ------
    InputError
        Naming file and line, if the rows cannot be parted as a split asks.
    """
    blind = any(label.oxidation_states == "merged" for label in spec.labels)
    keys = numbered(structure_keys(rows, blind=blind)) if operators and len(rows) else np.zeros(0, dtype=np.int64)
    result = {}
    for name, operator in operators.items():
        with spec.at(("splits", name), keep_file=True):
            by_fold = {fold: operator.parts(rows, fold) for fold in operator.folds() or [""]}
        apart = spec.splits[name].keep_apart if name in spec.splits else []
        by_fold = {fold: _trained(rows, parts, references, apart) for fold, parts in by_fold.items()}
        kept = {fold: _without_copies(keys, parts) for fold, parts in by_fold.items()}
        copies = sum(p != q for fold in by_fold for p, q in zip(by_fold[fold], kept[fold], strict=True))
        result[name] = Parting(name, operator.describe(), kept, copies)
    return result


def _trained(
    rows: Sequence[Configuration], parts: list[str | None], references: Collection[str], apart: Sequence[str]
) -> list[str | None]:
    """Put each row that others refer to into the training part, or leave it out where that would not keep apart."""
    if not references:
        return parts
    others = [(row, part) for row, part in zip(rows, parts, strict=True) if row.id not in references]
    tested = {(group, value_of(group, row)) for row, part in others if part == "test" for group in apart}
    result: list[str | None] = []
    for row, part in zip(rows, parts, strict=True):
        if row.id not in references:
            result.append(part)
        else:
            result.append(None if any((group, value_of(group, row)) in tested for group in apart) else "train")
    return result


def _without_copies(keys: NDArray[np.int64], parts: list[str | None]) -> list[str | None]:
    """Leave out each row whose structure is in another part, one that comes before its own in the order of `PARTS`.

    Equal structures have equal numbers as their keys.
    """
    if not len(keys) or int(keys.max()) == len(keys) - 1:
        return parts  # no structure comes twice
    ranks = np.array([len(PARTS) if part is None else PARTS.index(part) for part in parts])
    first = np.full(len(keys), len(PARTS))
    np.minimum.at(first, keys, ranks)
    return [part if kept else None for part, kept in zip(parts, (ranks == first[keys]).tolist(), strict=True)]

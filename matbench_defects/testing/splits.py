"""What every split has to keep: no leak, and no row moved by order or growth."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.splits import SplitOperator, splits_of
from matbench_defects.dataset.splits.assign import part_rows
from matbench_defects.dataset.splits.grouping import value_of
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Spec

ROCK_SALT = """
name: rock-salt
version: 1.0.0
title: Two dopants in MgO
parent:
  spacegroup: Fm-3m
  lattice: {a: 4.2}
  sites: {Mg: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: made up}
supercell: [1, 1, 1]
spaces:
  ca:
    groups: {dopant: Ca}
    sublattices: {Mg: {Ca: 0..3, Mg: rest}, O: {vacancy: 0..2, O: rest}}
  sr:
    groups: {dopant: Sr}
    sublattices: {Mg: {Mg: rest, Sr: 0..2}, O: {vacancy: 0..2, O: rest}}
"""
FEW = 100
"""Of no more rows than these every symmetry image is compared."""


def images(row: Configuration) -> frozenset[tuple[str, ...]]:
    """Return every image of a row's structure, as what sits on each site of the supercell, by brute force."""
    species = np.array([s or "-" for s in row.space.site_species(row.occupation)])
    variable = row.space.variable_sites
    found = set()
    for operation in row.space.group:
        image = species.copy()
        image[variable] = species[variable][operation]
        found.add(tuple(image.tolist()))
    return frozenset(found)


def no_leak(operator: SplitOperator, rows: Sequence[Configuration], spec: Spec, keep_apart: Sequence[str] = ()) -> None:
    """Check that no structure, and no value of a group that is kept apart, is both tested and fitted on.

    Parameters
    ----------
    operator : SplitOperator
        The split.
    rows : sequence of Configuration
        Every row.
    spec : Spec
        Their spec.
    keep_apart : sequence of str
        Groups, such as ``dopant``.
    """
    of_row = [images(row) for row in rows] if len(rows) < FEW else []
    for fold, parts in part_rows(spec, {"mine": operator}, rows)["mine"].by_fold.items():
        assert set(parts) <= {"train", "validation", "test", None}, f"no part: {set(parts)}"
        assert "train" in parts and "test" in parts, f"fold '{fold}' has nothing to fit on, or nothing to test"
        for group in keep_apart:
            tested = {value_of(group, row) for row, part in zip(rows, parts, strict=True) if part == "test"}
            fitted = {value_of(group, r) for r, p in zip(rows, parts, strict=True) if p in ("train", "validation")}
            assert not tested & fitted, f"of fold '{fold}' {group} {tested & fitted} are tested and fitted on"
        sides: dict[frozenset[tuple[str, ...]], str] = {}
        for image, part in zip(of_row, parts, strict=False):
            if part is not None:
                assert sides.setdefault(image, part) == part, f"of fold '{fold}' a structure is in two parts"


def order_and_growth_move_no_row(
    operator: SplitOperator, rows: Sequence[Configuration], *, whole: bool = False, examples: int = 8, seed: int = 0
) -> None:
    """Check that a row's part depends neither on the order of the rows nor on which others there are.

    Parameters
    ----------
    operator : SplitOperator
        The split.
    rows : sequence of Configuration
        Every row.
    whole : bool
        Whether all rows have to be there, as for a split that says how many go where; then only their order changes.
    examples : int
        How many random choices are tried.
    seed : int
        Seed of the choices.
    """
    random = np.random.default_rng(seed)
    for fold in operator.folds() or [""]:
        expected = dict(zip((row.id for row in rows), operator.parts(rows, fold), strict=True))
        for _ in range(examples):
            count = len(rows) if whole else int(random.integers(1, min(len(rows), 60) + 1))
            some = [rows[i] for i in random.permutation(len(rows))[:count]]
            found = dict(zip((row.id for row in some), operator.parts(some, fold), strict=True))
            moved = [name for name, part in found.items() if expected[name] != part]
            assert not moved, f"in other company or order another part gets {', '.join(moved[:5])}"


def folds_have_names(operator: SplitOperator) -> None:
    """Check that no two folds are called alike, and that the split says in words what it does."""
    folds = operator.folds()
    assert len(set(folds)) == len(folds), f"two folds are called alike: {folds}"
    assert operator.describe().endswith("."), "its description is no sentence"


def check_split(by: str, settings: dict[str, Any], *, keep_apart: Sequence[str] = (), whole: bool = False) -> None:
    """Check that a split keeps the contract of splits, on rock salt with two dopants and vacancies.

    Parameters
    ----------
    by : str
        The registered name, with a dot and what it acts on where it needs that, as a spec says it: ``content.Ca``.
    settings : dict
        Its settings, as a spec says them.
    keep_apart : sequence of str
        Groups that it keeps apart, such as ``dopant``.
    whole : bool
        As in `order_and_growth_move_no_row`.

    Raises
    ------
    AssertionError
        Saying which row is where it must not be.
    InputError
        If the settings do not suit.

    Examples
    --------
    >>> from matbench_defects.testing import check_split
    >>> check_split("random", {"train": 0.5, "test": 0.5})
    """
    import json

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        split = json.dumps({"by": by, **settings, "keep_apart": list(keep_apart)})  # JSON is YAML
        path.write_text(f"{ROCK_SALT}splits:\n  mine: {split}\n", encoding="utf-8")
        spec = load_spec(path)
        spaces = build_spaces(spec)
        operator = splits_of(spec, spaces)["mine"]
    rows = [row for space in spaces.values() for row in enumerate_configurations(space)]
    no_leak(operator, rows, spec, keep_apart)
    order_and_growth_move_no_row(operator, rows, whole=whole)
    folds_have_names(operator)

"""Opening a built dataset and checking that it is what it says. Needs pyarrow, never torch or pymatgen."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from matbench_defects.bounded import read_json, read_parquet
from matbench_defects.columns import Quantity, check_quantity
from matbench_defects.dataset.parts import PARTS
from matbench_defects.dataset.told_by_card import check_against_card
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import digest, sha256_of_file
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Spec

FORMAT = 1
"""Version of the folder's layout."""
MANIFEST = "manifest.json"
"""The file that lists all others, with their digests."""
LARGEST_MANIFEST = 20_000_000
"""Bytes of a manifest that are read."""
DIGEST = "digest"
"""The manifest's digest of everything else that it says."""
WHOLE = "full"
"""What is not parted, as `datasets` sees it; ``all`` is a word that it keeps for itself."""


def noise_words(target: Mapping[str, Any]) -> str:
    """Return what is known of the noise of a target's labels, in sentences; nothing where it was not measured.

    Parameters
    ----------
    target : mapping
        What the manifest says of the target.
    """
    measured = target.get("noise") or {}
    unit = " per ".join(filter(None, [target.get("unit", ""), target.get("per", "")]))
    text = ""
    if "noise" in measured:
        text = (
            f"Noise of the labels: {measured['noise']:.2g} {unit} (two sets of {measured['attempts']} attempts at "
            f"{measured['rows']} rows)."
        )
    if "shift" in measured:
        text += (
            f" Carried on to {measured['fmax']:g} eV/Å, {measured['tightened']} labels change by "
            f"{-measured['shift']:.2g} {unit} in the mean, {-measured['median_shift']:.2g} in the median."
        )
    return text.strip()


def split_column(split: str) -> str:
    """Return the column that holds the part of each row in a split."""
    return f"split_{split.replace('-', '_')}"


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk.

    Parameters
    ----------
    folder : path
        The folder that was built.
    manifest : dict
        What ``manifest.json`` says: name, version, digests, labels, targets, splits.
    """

    folder: Path
    manifest: dict[str, Any]

    def __repr__(self) -> str:
        labelled = sum(space["labelled"] for space in self.manifest.get("spaces", {}).values())
        return f"<Dataset {self.name} {self.version}: {labelled:,} labelled, targets {', '.join(self.targets)}>"

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return str(self.manifest["name"])

    @property
    def version(self) -> str:
        """Version of the dataset."""
        return str(self.manifest["version"])

    @functools.cached_property
    def structures(self) -> pa.Table:
        """The labelled selection, one row a configuration, sorted by id."""
        columns = ["id", *map(split_column, self.splits), *self.targets]
        return self._read("data/structures/", columns).sort_by("id")

    @functools.cached_property
    def index(self) -> pa.Table:
        """Every inequivalent configuration: id, content, placed sites (`streaming.read_occupations`), multiplicity."""
        return self._read("data/index/", ["id", "content", "placed", "multiplicity"])

    @functools.cached_property
    def spec(self) -> Spec:
        """The spec that the dataset was built from."""
        return load_spec(self.folder / "spec.yaml")

    def _read(self, prefix: str, columns: list[str]) -> pa.Table:
        tables: list[pa.Table] = []
        for name in sorted(self.manifest["files"]):
            if name.startswith(prefix) and name.endswith(".parquet"):
                path = self.folder / name
                tables.append(read_parquet(path))
                if missing := [column for column in columns if column not in tables[-1].schema.names]:
                    raise InputError(f"lacks the columns {', '.join(missing)}", file=str(path))
                if not tables[-1].schema.equals(tables[0].schema):
                    raise InputError("has other columns than the files beside it", file=str(path))
        if not tables:
            raise InputError(f"lists no Parquet file in {prefix}", file=str(self.folder / MANIFEST))
        return pa.concat_tables(tables)

    @property
    def targets(self) -> list[str]:
        """Names of the targets."""
        return list(self.manifest["targets"])

    @property
    def splits(self) -> list[str]:
        """Names of the splits."""
        return list(self.manifest["splits"])

    @property
    def unverified(self) -> list[str]:
        """Names of the parents, reference phases and schemes whose source nobody of this project has checked."""
        return list(self.manifest.get("unverified", []))

    def folds(self, split: str) -> list[str]:
        """Return the folds of a split, nothing for one without.

        Raises
        ------
        InputError
            If the dataset has no such split.
        """
        if split not in self.splits:
            raise InputError(f"{self.name} has no split '{split}'; {nearest(split, self.splits)}")
        column = self.structures.schema.field(split_column(split)).type
        return [field.name for field in column] if pa.types.is_struct(column) else []

    def quantity(self, target: str) -> Quantity:
        """Return unit, divisor and reference state of a target.

        Raises
        ------
        InputError
            If the dataset has no such target, or the column's unit is not the one that the manifest states.
        """
        if target not in self.targets:
            raise InputError(f"{self.name} has no target '{target}'; {nearest(target, self.targets)}")
        field = self.structures.schema.field(target)
        said = self.manifest["targets"][target]
        if "unit" in said:
            expected = Quantity(*(said.get(key, "") for key in ("unit", "per", "reference")))
            check_quantity(field, expected, str(self.folder))
        quantity = Quantity.of(field)
        if quantity is None:
            raise InputError("the column states no unit", file=str(self.folder), field=target)
        return quantity

    def check_learnable(self, target: str) -> None:
        """Refuse a target that holds numbers of other rows' labels, tested ones among them.

        Raises
        ------
        InputError
            If there is no such target, or its values compare rows.
        """
        self.quantity(target)
        if self.manifest["targets"][target].get("compares_rows"):
            raise InputError(
                f"{target} follows from the labels of all rows together, tested ones included, so no model may learn "
                "it; predict the energy that it is computed from"
            )

    def noise(self, target: str) -> float | None:
        """Return the noise of a target's labels in its unit, None where it was not measured.

        The mean absolute difference of the values from two sets of attempts, divided by √2.
        """
        found = (self.manifest["targets"].get(target) or {}).get("noise", {}).get("noise")
        return float(found) if isinstance(found, int | float) else None

    def part(
        self, split: str, parts: str | Iterable[str], target: str | None = None, *, fold: str | None = None
    ) -> pa.Table:
        """Return the rows of one or several parts of a split, sorted by id.

        Parameters
        ----------
        split : str
            Name of the split.
        parts : str or iterable of str
            ``train``, ``validation``, ``test``.
        target : str, optional
            Rows without a value of this target are left out.
        fold : str, optional
            Name of a fold, for a split that has folds.

        Raises
        ------
        InputError
            If the dataset has no such split or target, or the split no such part or fold.
        """
        folds = self.folds(split)
        column = self.structures[split_column(split)]
        if fold is not None and fold not in folds:
            known = nearest(fold, folds) if folds else "it has no folds"
            raise InputError(f"the split '{split}' has no fold '{fold}'; {known}")
        if folds:
            if fold is None:
                raise InputError(f"the split '{split}' has {len(folds)} folds; say which: {', '.join(folds)}")
            column = pc.struct_field(column, folds.index(fold))
        names = [parts] if isinstance(parts, str) else list(parts)
        for name in names:
            if name not in PARTS:
                raise InputError(f"a split has no part '{name}'; {nearest(name, PARTS)}")
        if target is not None and target not in self.structures.column_names:
            raise InputError(f"{self.name} has no target '{target}'; {nearest(target, self.targets)}")
        wanted = pa.array(names, pa.string())
        rows = pc.is_in(column, value_set=wanted)
        if target is not None:
            rows = pc.and_(rows, pc.is_valid(self.structures[target]))
        return self.structures.filter(rows)


def open_dataset(folder: str | Path, *, verify: bool = True) -> Dataset:
    """Open a built dataset.

    Parameters
    ----------
    folder : path-like
        The folder.
    verify : bool
        Whether every file's SHA-256 is compared with the manifest.

    Raises
    ------
    InputError
        If the folder is not a dataset, is of another format, a file is missing or altered, or the card tells of other
        files or rows than the manifest lists.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if verify:
        for name, expected in manifest["files"].items():
            file = folder / name
            if not file.is_file():
                raise InputError("is missing; build or download the dataset again", file=str(file))
            if sha256_of_file(file) != expected:
                raise InputError("is not the file that manifest.json lists (its SHA-256 differs)", file=str(file))
        check_against_card(folder, manifest["files"])
    return Dataset(folder, manifest)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read what a dataset's manifest says, and check that it is one and has not been changed.

    Raises
    ------
    InputError
        If there is none, it is of another format, what it says is not what it said when it was written, or it lists
        files outside the dataset.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise InputError("is not a dataset: it has no manifest.json", file=str(folder))
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"is not a manifest of format {FORMAT}", file=str(path))
    for field, kind in (("name", str), ("version", str), ("files", dict), ("targets", dict), ("splits", list | dict)):
        if not isinstance(manifest.get(field), kind):
            raise InputError("is missing, or is not what `build` writes there", file=str(path), field=field)
    for name in manifest["files"]:
        steps = PurePosixPath(name).parts
        if not steps or PurePosixPath(name).is_absolute() or ".." in steps or set(name) & set("\\:\0"):
            raise InputError(f"lists '{name}', which is not within the dataset", file=str(path))
    # Those of earlier versions have none.
    if DIGEST in manifest and manifest[DIGEST] != manifest_digest(manifest):
        raise InputError("is not what `build` wrote: its digest of itself differs", file=str(path))
    return manifest


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """Return a digest of everything that a manifest says, but of itself."""
    return digest({key: value for key, value in manifest.items() if key != DIGEST})

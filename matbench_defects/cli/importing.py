"""What `import` and `compare-labels` do and show."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.errors import InputError
from matbench_defects.exchange.comparison import (
    PER_SITE,
    compare_dataset,
    compare_values,
    formation_energies_per_site,
)
from matbench_defects.exchange.mapping import Mapped, map_published
from matbench_defects.exchange.published_table import read_published, write_published
from matbench_defects.exchange.source import format_settings, formats
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec


def import_published(
    format_: str,
    source: Path,
    spec: str | None,
    out: Path,
    given: dict[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Mapped, Path]:
    """Read a published set, find the configuration of each structure and write those that are one.

    Parameters
    ----------
    format_ : str
        Name of a registered format.
    source : path
        The file or folder.
    spec : str or None
        A spec file, a folder that holds one, or a shipped name; None means the one that the format is of.
    out : path
        The Parquet file.
    given : dict
        Settings of the format.
    progress : callable, optional
        Called with how many structures are done and how many there are.

    Returns
    -------
    mapped : Mapped
        What was found.
    report : path
        The CSV file that says what is not in the table, and why.
    """
    settings = format_settings(format_, given)
    kind = formats.get(format_)
    spec = spec or kind.spec
    if spec is None:
        raise InputError(f"'{format_}' serves any spec; say which one with --spec")
    spaces = build_spaces(load_spec(spec))
    published = kind(settings).read(source)
    mapped = map_published(published, spaces, progress)
    return mapped, write_published(out, mapped, published.quantities, settings)


def show_mapped(mapped: Mapped, out: Path, report: Path, console: Console) -> None:
    """Show how many structures are configurations, and the reasons of those that are not."""

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    say(f"{mapped.mapped} of {mapped.structures} structures are configurations; {len(mapped.rows)} rows in {out}")
    counts = Counter((r.kind, r.reason) for r in mapped.remarks if r.kind != "duplicate")
    for (kind, reason), count in itertools.islice(counts.most_common(), 10):
        say(f"  {count} {kind}: {reason}")
    duplicates = sum(r.kind == "duplicate" for r in mapped.remarks)
    if duplicates:
        say(f"  {duplicates} are configurations that others are already; the lowest energy stays")
    if mapped.remarks:
        say(f"Each of them stands in {report}")


def show_comparison(ours: str, name: str, published: Path, column: str, labels: Path | None, console: Console) -> None:
    """Show how far a target of a dataset, or the formation energies of a spec's label, are from published values.

    Parameters
    ----------
    ours : str
        A built dataset, or a spec.
    name : str
        A target of the dataset, or a label of the spec, whose formation energies per defect site are taken.
    published : path
        What `import_published` wrote.
    column : str
        The published column.
    labels : path or None
        The labels of the spec; those beside it where left out.
    console : rich.console.Console
        Where it is shown: as lines that a spec's `comparisons` can take over.
    """
    table = read_published(published)
    if (Path(ours) / "manifest.json").is_file():
        dataset = open_dataset(ours)
        found = compare_dataset(dataset, name, table, column)
        unit = dataset.quantity(name).shown_unit if name in dataset.targets else ""
    else:
        known = labels or find_spec(ours).parent / "labels.parquet"
        if not known.is_file():
            raise InputError("there are no labels; `matbench-defects label` computes them", file=str(known))
        values = formation_energies_per_site(load_spec(ours), name, known)
        found = compare_values(values, PER_SITE, table, column)
        unit = PER_SITE.shown_unit
    sources = sorted(set(table["source"].to_pylist()))
    comparison = {
        "label": name,
        "against": f"{found.rows} configurations with {column} of {'; '.join(sources)}",
        "rows": found.rows,
        "mae": round(found.mae, 4),
        "unit": unit,
        "spearman": round(found.spearman, 3),
        "note": f"Mean difference {found.mean_difference:+.3f} {unit}.",
    }
    console.print(yaml.safe_dump([comparison], sort_keys=False, allow_unicode=True, width=120), end="", markup=False)

"""Published labels: mapped onto the configurations of a spec, and compared with our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.bounded import LARGEST_PARQUET, check_plain
from matbench_defects.dataset.finding import Finder, check_limits
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.enumeration.identify import STRAIN
from matbench_defects.errors import InputError
from matbench_defects.exchange.comparison import (
    PER_SITE,
    Agreement,
    compare_dataset,
    compare_values,
    formation_energies_per_site,
)
from matbench_defects.exchange.mapping import DISPLACEMENT, Mapped, map_published
from matbench_defects.exchange.published_table import read_published, write_published
from matbench_defects.exchange.source import NOT_STATED, format_settings, formats
from matbench_defects.labels.label_files import labels_beside, there_are_labels
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec


def import_published(
    format_: str,
    source: Path,
    spec: str | None,
    out: Path,
    given: dict[str, Any],
    progress: Callable[[int, int], None] | None = None,
    *,
    displacement: float = DISPLACEMENT,
    strain: float = STRAIN,
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
    displacement : float
        An atom may lie so far from its site, Å.
    strain : float
        A cell may be so much longer or shorter than the ideal one in any direction, relatively.

    Returns
    -------
    mapped : Mapped
        What was found.
    report : path
        The CSV file that says what is not in the table, and why.
    """
    if source.exists() and not source.is_dir():
        check_plain(source, LARGEST_PARQUET)  # before anything is asked for
    settings = format_settings(format_, given)
    kind = formats.get(format_)
    spec = spec or kind.spec
    if spec is None:
        raise InputError(f"'{format_}' serves any spec; say which one with --spec")
    check_limits(displacement, strain)
    finder = Finder(load_spec(spec))
    published = kind(settings).read(source)
    if settings.level_of_theory == NOT_STATED and published.level_of_theory:
        settings = settings.model_copy(update={"level_of_theory": published.level_of_theory})
    mapped = map_published(published, finder, progress, displacement=displacement, strain=strain)
    return mapped, write_published(out, mapped, published.quantities, settings)


@dataclass(frozen=True)
class LabelComparison:
    """How far a target or label is from published values, in the words of a spec's `comparisons`.

    Parameters
    ----------
    label : str
        The target of the dataset, or the label of the spec.
    against : str
        What it was compared with.
    agreement : Agreement
        Over the configurations that have both.
    unit : str
        Unit of the differences.
    """

    label: str
    against: str
    agreement: Agreement
    unit: str

    def entry(self) -> dict[str, Any]:
        """Return what a spec's `comparisons` can take over."""
        found = self.agreement
        return {
            "label": self.label,
            "against": self.against,
            "rows": found.rows,
            "mae": round(found.mae, 4),
            "unit": self.unit,
            "spearman": round(found.spearman, 3),
            "note": f"Mean difference {found.mean_difference:+.3f} {self.unit}.",
        }


def compare_labels(
    ours: str, name: str, published: Path, column: str = "formation_energy_per_site", labels: Path | None = None
) -> LabelComparison:
    """Say how far a target of a dataset, or the formation energies of a spec's label, are from published values.

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
    labels : path, optional
        The labels of the spec; those beside it where left out.

    Raises
    ------
    InputError
        If a column or label is missing, the two are not the same quantity, or fewer than two configurations have both.
    """
    table = read_published(published)
    if (Path(ours) / "manifest.json").is_file():
        dataset = open_dataset(ours)
        found = compare_dataset(dataset, name, table, column)
        unit = dataset.quantity(name).shown_unit if name in dataset.targets else ""
    else:
        known = labels or labels_beside(find_spec(ours))
        if not there_are_labels(Path(known)):
            raise InputError("there are no labels; `matbench-defects label` computes them", file=str(known))
        values = formation_energies_per_site(load_spec(ours), name, known)
        found = compare_values(values, PER_SITE, table, column)
        unit = PER_SITE.shown_unit
    sources = sorted(set(table["source"].to_pylist()))
    return LabelComparison(name, f"{found.rows} configurations with {column} of {'; '.join(sources)}", found, unit)

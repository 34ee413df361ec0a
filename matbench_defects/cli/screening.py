"""What `screen` does: fit a model on what has a label, predict everything, write the best and a histogram."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console

from matbench_defects.cli.progress import Progress
from matbench_defects.cli.tables import show_table
from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.discovery.screening import Scope, Screened, screen
from matbench_defects.errors import InputError
from matbench_defects.files import atomic_folder, check_replaceable, write_json
from matbench_defects.hub.find import labelled_dataset
from matbench_defects.models.model import Background, Rows, make_model
from matbench_defects.plotting import COLOURS, canvas

SHOWN = 10
"""Rows of the table that are shown."""

Part = tuple[Rows, NDArray[np.float64]]


def run_screen(
    given: str,
    model: str,
    out: Path,
    scope: Scope,
    *,
    target: str | None,
    split: str | None,
    fold: str | None,
    seed: int,
    device: str,
    console: Console,
    progress: Progress,
    **kept: Any,
) -> None:
    """Fit a model, screen with it, write a folder and show what was found.

    Parameters
    ----------
    given : str
        The folder of a dataset, or a spec.
    model : str
        A registered model.
    out : path
        Gets ``top.parquet``, ``top.csv``, ``histogram.parquet``, ``histogram.png`` and ``screen.json``.
    scope : Scope
        What is screened.
    target : str or None
        What is predicted; the first target of the dataset where left out.
    split, fold : str or None
        The model is fitted on the training and validation parts of this split; on every labelled row where left out.
    seed : int
        The model's.
    device : str
        ``cpu`` or ``cuda``.
    console : rich.console.Console
        Where it is shown.
    progress : callable
        Given a title, a context manager that gives a function of done and total.
    **kept
        Passed on to `screen`: ``top``, ``highest``, ``each_content``, ``executor``.
    """
    check_replaceable(out, "screen.json", "a screening", "another --out")
    dataset = labelled_dataset(given)
    target = target or dataset.targets[0]
    quantity = dataset.quantity(target)
    background = Background(dataset.spec, target, quantity)
    fitted, held = _training(dataset, background, split, fold)
    made = make_model(model, seed=seed, device=device)
    console.print(f"{model} is fitted on {len(fitted[0])} rows of {dataset.name}@{dataset.version}", markup=False)
    start = time.perf_counter()
    made.fit(*fitted, held)
    seconds = time.perf_counter() - start
    with progress("configurations") as show:
        found = screen(made, background, scope, progress=show, **kept)
    record = {
        "dataset": f"{dataset.name}@{dataset.version}",
        "target": target,
        "unit": quantity.shown_unit,
        "reference": quantity.reference,
        "model": model,
        "seed": seed,
        "device": device,
        "training_rows": len(fitted[0]) + (len(held[0]) if held else 0),
        "training_seconds": round(seconds, 3),
        "scope": {name: value for name, value in vars(scope).items() if value},
        "configurations": found.configurations,
        "seconds": round(found.seconds, 3),
        "configurations_per_second": round(found.rate, 1),
        "structures_built": found.needs_structures,
        "peak_memory_bytes": found.memory,
    }
    with atomic_folder(out) as folder:
        _write_top(found, quantity, folder)
        _write_histogram(found, quantity, folder)
        _draw(found, target, quantity, folder / "histogram.png")
        write_json(folder / "screen.json", record)
    _show(found, quantity, out, console)


def _training(
    dataset: Dataset, background: Background, split: str | None, fold: str | None
) -> tuple[Part, Part | None]:
    target = background.target

    def part(table: pa.Table) -> Part:
        return Rows.of(table, background), table[target].to_numpy()

    if split is None:
        every = dataset.structures.filter(dataset.structures[target].is_valid())
        fitted, held = part(every), None
    else:
        fitted = part(dataset.part(split, "train", target, fold=fold))
        validation = part(dataset.part(split, "validation", target, fold=fold))
        held = validation if len(validation[0]) else None
    if not len(fitted[0]):
        raise InputError(f"{dataset.name} has no row with a value of {target} to fit on")
    return fitted, held


def _write_top(found: Screened, quantity: Quantity, folder: Path) -> None:
    schema = pa.schema(
        [
            pa.field("space", pa.string(), nullable=False),
            pa.field("id", pa.string(), nullable=False),
            pa.field("content", pa.string(), nullable=False),
            Quantity("1", description="number of symmetry-equivalent configurations").field("multiplicity", pa.int64()),
            quantity.field("prediction"),
            quantity.field("deviation"),
        ]
    )
    table = pa.Table.from_pylist(found.best, schema=schema)
    pq.write_table(table, folder / "top.parquet", compression="zstd")
    pyarrow.csv.write_csv(table, folder / "top.csv")


def _write_histogram(found: Screened, quantity: Quantity, folder: Path) -> None:
    pieces = []
    schema = pa.schema(
        [
            pa.field("space", pa.string(), nullable=False),
            quantity.field("lower"),
            quantity.field("upper"),
            Quantity("1", description="inequivalent configurations").field("configurations", pa.int64()),
            Quantity("1", description="configurations, equivalent ones counted each").field("decorations", pa.int64()),
        ]
    )
    for name, histogram in found.histograms.items():
        edges, counts = histogram.edges, histogram.counts
        columns = [pa.repeat(name, len(counts)), edges[:-1], edges[1:], counts[:, 0], counts[:, 1]]
        pieces.append(pa.table(columns, schema=schema))
    pq.write_table(pa.concat_tables(pieces), folder / "histogram.parquet", compression="zstd")


def _draw(found: Screened, target: str, quantity: Quantity, path: Path) -> None:
    with canvas(path, 6.0, 3.6) as axes:
        for number, (name, histogram) in enumerate(found.histograms.items()):
            colour = COLOURS[number % len(COLOURS)]
            total = histogram.counts[:, 0].sum()
            shares = histogram.counts[:, 0] / (total * histogram.width)
            axes.stairs(shares, histogram.edges, color=colour, fill=True, alpha=0.35)
            axes.stairs(shares, histogram.edges, color=colour, label=f"{name}, {total:,}")
        axes.set_title(f"Predicted {target.replace('_', ' ')}")
        axes.set_xlabel(quantity.shown_unit)
        axes.set_ylabel(f"share of the configurations per {quantity.unit}")
        axes.set_ylim(bottom=0)
        if len(found.histograms) <= 2 * len(COLOURS):
            axes.legend()


def _show(found: Screened, quantity: Quantity, out: Path, console: Console) -> None:
    rows = []
    for row in found.best[:SHOWN]:
        spread = "" if row["deviation"] is None else f" ± {row['deviation']:.2g}"
        rows.append([row["id"], f"{row['multiplicity']:,}", f"{row['prediction']:.5f}{spread}"])
    show_table(console, ["id", "multiplicity", f"prediction, {quantity.shown_unit}"], rows)
    built = ", structures built one by one" if found.needs_structures else ""
    console.print(
        f"{found.configurations:,} configurations in {found.seconds:.1f} s{built}: {found.rate * 60:,.0f} a minute; "
        f"at most {found.memory / 1e6:,.0f} MB of memory. {len(found.best)} best and a histogram in {out}",
        markup=False,
        soft_wrap=True,
    )

"""Screening as a whole: fit a model on what has a label, predict everything, write the best and a histogram."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.discovery.screening import Scope, Screened, screen
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import Executor
from matbench_defects.files import atomic_folder, check_replaceable, write_json
from matbench_defects.models.model import make_model
from matbench_defects.models.rows import Background, Rows
from matbench_defects.plotting import COLOURS, canvas

Part = tuple[Rows, NDArray[np.float64]]


@dataclass(frozen=True)
class ScreenOptions:
    """What is screened, what the model is fitted on, and what is kept.

    Parameters
    ----------
    target : str, optional
        What is predicted; the first target of the dataset where left out.
    split, fold : str, optional
        The model is fitted on the training and validation parts of this split; on every labelled row where left out.
    spaces, contents : sequence of str
        Only these spaces and contents, such as ``Li6Va6``; all where empty.
    sample : int, optional
        Only so many configurations, drawn uniformly at random.
    top : int
        How many of the best are kept.
    highest : bool
        Whether high predictions are the best, not low ones.
    each_content : bool
        Whether the best of each content are kept, instead of the best of all.
    seed : int
        Seed of the model and of the draw.
    device : str
        ``cpu`` or ``cuda``.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.ScreenOptions(contents=["Li6Va6"], top=5).highest
    False
    """

    target: str | None = None
    split: str | None = None
    fold: str | None = None
    spaces: Sequence[str] = ()
    contents: Sequence[str] = ()
    sample: int | None = None
    top: int = 100
    highest: bool = False
    each_content: bool = False
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("spaces", "contents"):
            if isinstance(getattr(self, name), str):
                raise InputError(f"`{name}` is a list of names, not '{getattr(self, name)}'")
        if self.fold is not None and self.split is None:
            raise InputError(f"`fold` is '{self.fold}', but no `split` is given that it is one of")
        for name, least in (("top", 1), ("sample", 1), ("seed", 0)):
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise InputError(f"`{name}` is {getattr(self, name)}, but must be at least {least}")

    @property
    def scope(self) -> Scope:
        """What of the spaces is screened."""
        return Scope(tuple(self.spaces), tuple(self.contents), self.sample, self.seed)


@dataclass(frozen=True)
class Screening:
    """A finished screening.

    Parameters
    ----------
    found : Screened
        The best configurations, histograms, numbers and times.
    quantity : Quantity
        What was predicted.
    folder : path
        Holds ``top.parquet``, ``top.csv``, ``histogram.parquet``, ``histogram.png`` and ``screen.json``.
    """

    found: Screened
    quantity: Quantity
    folder: Path

    def __repr__(self) -> str:
        best = self.found.best[0] if self.found.best else None
        shown = "" if best is None else f", best {best['id']} {best['prediction']:.5f} {self.quantity.shown_unit}"
        return f"<Screening of {self.found.configurations:,} configurations{shown}>"


def check_screening_folder(out: Path) -> None:
    """Refuse a folder that holds something other than a screening.

    Raises
    ------
    InputError
        If it does.
    """
    check_replaceable(out, "screen.json", "a screening", "another --out")


def screen_dataset(
    dataset: Dataset,
    model: str,
    out: Path,
    options: ScreenOptions,
    *,
    executor: Executor | None = None,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Screening:
    """Fit a model, screen with it and write a folder.

    Parameters
    ----------
    dataset : Dataset
        What has a label; its spec says what there is to predict.
    model : str
        A registered model.
    out : path
        The folder that is written.
    options : ScreenOptions
        What is screened and kept.
    executor : Executor, optional
        Where predictions are computed; in this process where left out.
    say : callable, optional
        Called with a line before the model is fitted.
    progress : callable, optional
        Called with the number of finished configurations and of all.

    Raises
    ------
    InputError
        If `out` holds something else, or a model, target, space or content is not known.
    """
    check_screening_folder(out)
    target = options.target or dataset.targets[0]
    quantity = dataset.quantity(target)
    dataset.check_learnable(target)
    background = Background.of(dataset, target)
    fitted, held = _training(dataset, background, options.split, options.fold)
    made = make_model(model, seed=options.seed, device=options.device)
    if say:
        say(f"{model} is fitted on {len(fitted[0])} rows of {dataset.name}@{dataset.version}")
    start = time.perf_counter()
    made.fit(*fitted, held)
    seconds = time.perf_counter() - start
    found = screen(
        made,
        background,
        options.scope,
        top=options.top,
        highest=options.highest,
        each_content=options.each_content,
        executor=executor,
        progress=progress,
    )
    record = {
        "dataset": f"{dataset.name}@{dataset.version}",
        "target": target,
        "unit": quantity.shown_unit,
        "reference": quantity.reference,
        "model": model,
        "seed": options.seed,
        "device": options.device,
        "training_rows": len(fitted[0]) + (len(held[0]) if held else 0),
        "training_seconds": round(seconds, 3),
        "scope": {name: value for name, value in vars(options.scope).items() if value},
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
    return Screening(found, quantity, out)


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
    unit = quantity.shown_unit
    heads = {name: f"{name} [{unit}]" for name in ("prediction", "deviation")}
    pyarrow.csv.write_csv(table.rename_columns([heads.get(n, n) for n in table.column_names]), folder / "top.csv")


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

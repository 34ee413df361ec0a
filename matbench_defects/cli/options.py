"""What commands share: where they print, progress, options."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from matbench_defects.cli.progress import show_progress
from matbench_defects.errors import InputError, NotServedError, one_line

console = Console(highlight=False)
if not console.is_terminal and "COLUMNS" not in os.environ:
    console.width = 120  # a log file has no width; tables need some
progress = partial(show_progress, console)
quietly = partial(show_progress, Console(stderr=True, highlight=False), lines=False)
"""The same for commands whose output is read by others: on standard error, and in a file only every 30 seconds."""

SpecArgument = Annotated[str, typer.Argument(help="A spec file, a folder that holds spec.yaml, or a shipped name.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores if left out.")]
ClusterOption = Annotated[
    Path | None,
    typer.Option("--cluster", metavar="YAML", help="Compute on the Dask cluster that this file names."),
]
Displacement = Annotated[float, typer.Option(help="So far an atom may lie from its site, Å.")]
Strain = Annotated[
    float,
    typer.Option(help="So much longer or shorter a cell may be than the ideal one in any direction; 0.12 is 12 %."),
]
DatasetOption = Annotated[
    Path | None, typer.Option("--dataset", help="A built dataset; the shipped spec is built if left out.")
]
MODEL_HELP = (
    "A registered model; a class of your own file: path/to/file.py:Class; or an ASE calculator without fitting: "
    "ase:module.Class, ase:NAME of your own list"
)
ModelsOption = Annotated[list[str], typer.Option("--model", help=f"{MODEL_HELP}; several times for several.")]
DeviceOption = Annotated[str, typer.Option(help="cpu or cuda.")]


def report(problems: list[InputError], *, produced: int = 0) -> None:
    """Say what was refused while the rest went on, and end with exit code 2 where something is wrong.

    That a model cannot serve a task is no mistake where anything else was produced.
    """
    for problem in problems:
        print(f"{'not served' if isinstance(problem, NotServedError) else 'refused'}: {problem}", file=sys.stderr)
    if any(not isinstance(problem, NotServedError) for problem in problems) or (problems and not produced):
        raise SystemExit(2)


def say(text: str) -> None:
    """Print lines as they are, however long; what a terminal would carry out is written as an escape."""
    console.print("\n".join(map(one_line, text.split("\n"))), markup=False, soft_wrap=True)


def shown_time(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""The command line: parse, call, show. Nothing imports it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from matbench_defects.errors import InputError

app = typer.Typer(
    help="Datasets and benchmarks for disordered, doped and defective crystals, from one YAML spec.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console()
SpecArgument = Annotated[str, typer.Argument(help="A spec file, a folder that holds spec.yaml, or a shipped name.")]


@app.callback()
def _main() -> None:
    """Nothing is shared between the commands; this keeps each under its own name."""


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, and now and then a line where the output is a file."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if not console.is_terminal and total and done % max(1, total // 10) == 0:
                print(f"{title}: {done} of {total}", flush=True)

        yield show


@app.command()
def label(
    spec: SpecArgument,
    out: Annotated[Path | None, typer.Option(help="Where labels are kept; beside the spec if left out.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores if left out.")] = None,
) -> None:
    """Compute the labels that a spec asks for and has not yet; stop it at any time and go on later."""
    from matbench_defects.labels.jobs import jobs_of, select
    from matbench_defects.labels.running import run_jobs
    from matbench_defects.labels.store import LabelStore
    from matbench_defects.shipped import find_spec
    from matbench_defects.spec.loading import load_spec

    loaded = load_spec(spec)
    jobs = jobs_of(loaded, select(loaded))
    store = LabelStore(out or find_spec(spec).parent / "labels.parquet")
    with _progress("labels") as show:
        labels = run_jobs(jobs, [store], workers=workers, progress=show)
    bad = [found for found in labels.values() if not found.usable]
    console.print(f"{len(labels)} labels in {store.path}, {len(bad)} of them with a problem")
    for found in bad[:10]:
        console.print(f"  {found.key.id}: {found.problem}", markup=False)


def main() -> None:
    """Run the command line; a mistake in the input is one message and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"matbench-defects: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("matbench-defects: interrupted; what was finished is kept", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()

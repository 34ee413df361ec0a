"""The command line: parse, call, show. Nothing imports it."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

# Looking for plugins of pydantic among all installed packages takes a twentieth of what `check` takes; none is used.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import typer

from matbench_defects import __version__
from matbench_defects.command_line import datasets, leaderboard, models, specs
from matbench_defects.command_line.options import Workers, console, progress
from matbench_defects.errors import InputError

app = typer.Typer(
    help="Datasets and benchmarks for disordered, doped and defective crystals, from one YAML spec.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for part in (specs, datasets, models, leaderboard):
    app.add_typer(part.commands)


class Listed(StrEnum):
    """What `list` can list."""

    specs = "specs"
    tasks = "tasks"
    models = "models"
    engines = "engines"
    metrics = "metrics"
    splits = "splits"
    policies = "policies"
    quantities = "quantities"
    formats = "formats"


def _version(asked: bool) -> None:
    if asked:
        print(f"matbench-defects {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Nothing is shared between the commands."""


@app.command("list")
def list_(what: Annotated[Listed, typer.Argument(help="What to list.")]) -> None:
    """List what is there: shipped specs and tasks, and everything that is registered."""
    from matbench_defects.commands.showing import show_list

    show_list(what.value, console)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("demo"),
    workers: Workers = None,
) -> None:
    """Go the whole road once on LiNiO2: enumerate, label live, build, train, compare, publish a page. Some minutes."""
    from matbench_defects.commands.demo import run_demo

    run_demo(out, console, progress, workers)


def main() -> None:
    """Run the command line; a mistake in the input is one message and exit code 2."""
    # Threads that spin while they wait made training ten times slower on a core that another process wanted too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
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

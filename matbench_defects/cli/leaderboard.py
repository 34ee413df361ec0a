"""Commands of submissions and of the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matbench_defects.cli.options import (
    DatasetOption,
    console,
    report,
)

commands = typer.Typer()
leaderboard = typer.Typer(help="Score submissions and build the static site.", no_args_is_help=True)
commands.add_typer(leaderboard, name="leaderboard")


@commands.command()
def submit(
    folder: Annotated[Path, typer.Argument(help="A result of `evaluate`, or a submission to check.")],
    author: Annotated[list[str] | None, typer.Option("--author", help="Give it several times for several.")] = None,
    out: Annotated[Path, typer.Option(help="Where submissions lie.")] = Path("leaderboard/submissions"),
    code: Annotated[str | None, typer.Option(help="Address of the code.")] = None,
    paper: Annotated[str | None, typer.Option(help="DOI or address of the paper.")] = None,
    license_: Annotated[str, typer.Option("--license", help="Licence of the predictions (SPDX).")] = "CC-BY-4.0",
    training_overlap: Annotated[
        str, typer.Option(help="Test configurations among all training data: none, structures or unknown.")
    ] = "unknown",
    dataset: DatasetOption = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing: check offline, exactly as CI does.")] = False,
) -> None:
    """Turn a result into a submission, or check one."""
    from matbench_defects.cli.submitting import submit as run

    said = {"authors": author or [], "code": code, "paper": paper, "license": license_}
    message = run(folder, out, dataset=dataset, check=check, training_overlap=training_overlap, **said)
    console.print(message, markup=False, soft_wrap=True)


@leaderboard.command("build")
def leaderboard_build(
    out: Annotated[Path, typer.Option(help="The site's folder.")] = Path("site"),
    submissions: Annotated[Path, typer.Option(help="Where submissions lie.")] = Path("leaderboard/submissions"),
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; several times for several. All if left out.")
    ] = None,
) -> None:
    """Score every submission from its predictions and write the static site."""
    from matbench_defects.cli.submitting import build_leaderboard

    problems = build_leaderboard(out, submissions, task)
    console.print(f"The leaderboard is {out / 'index.html'}", markup=False, soft_wrap=True)
    report(problems)


@leaderboard.command("score-request")
def leaderboard_score_request(
    head: Annotated[Path, typer.Option(help="The folder of submissions as the request would leave it.")],
    base: Annotated[Path, typer.Option(help="The trusted submissions.")] = Path("leaderboard/submissions"),
    comment: Annotated[Path | None, typer.Option(help="A Markdown file for what there is to say.")] = None,
) -> None:
    """Check a request's submissions and score them beside the base's; nothing but the two files is ever opened."""
    from matbench_defects.cli.requesting import show_request

    if not show_request(base, head, comment, console):
        raise SystemExit(2)


@leaderboard.command("rescore")
def leaderboard_rescore(
    submissions: Annotated[Path, typer.Option(help="Where submissions lie.")] = Path("leaderboard/submissions"),
    scores: Annotated[Path, typer.Option(help="The recorded scores.")] = Path("leaderboard/scores.json"),
    write: Annotated[bool, typer.Option("--write", help="Record the new scores.")] = False,
) -> None:
    """Score every submission anew and say which recorded score moved, by how much and why; exit code 1 if one did."""
    from matbench_defects.cli.requesting import show_moved

    if not show_moved(submissions, scores, write, console):
        raise SystemExit(1)

"""Submissions and the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import matbench_defects as md
from matbench_defects.cli.app import LEADERBOARD, app, command
from matbench_defects.cli.options import DatasetOption, console, progress, quietly, report, say
from matbench_defects.files import write_text

SUBMISSIONS = Path("leaderboard/submissions")
"""Where the repository of the public leaderboard has them."""

leaderboard = typer.Typer(help="Score submissions and build the static site.", no_args_is_help=True)


@command(LEADERBOARD)
def submit(
    folder: Annotated[Path, typer.Argument(help="A result of `evaluate`, or a submission to check.")],
    author: Annotated[list[str] | None, typer.Option("--author", help="Give it several times for several.")] = None,
    out: Annotated[Path, typer.Option(help="Where submissions lie.")] = SUBMISSIONS,
    code: Annotated[str | None, typer.Option(help="Address of the code.")] = None,
    paper: Annotated[str | None, typer.Option(help="DOI or address of the paper.")] = None,
    license_: Annotated[str, typer.Option("--license", help="Licence of the predictions (SPDX).")] = "CC-BY-4.0",
    training_overlap: Annotated[
        str, typer.Option(help="Test configurations among all training data: none, structures or unknown.")
    ] = "unknown",
    name: Annotated[
        str | None,
        typer.Option(help="Name of the model, where that of the result is a baseline's or others'."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The task's file, where neither the result's folder says it nor it is shipped.")
    ] = None,
    dataset: DatasetOption = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing: check offline, exactly as CI does.")] = False,
) -> None:
    """Turn a result into a submission, or check one."""
    folder = folder.absolute()
    about = folder.parent.name
    said: dict[str, Any] = {"task": task, "dataset": dataset, "code": code, "paper": paper, "license": license_}
    said |= {"training_overlap": training_overlap, "name": name}
    if (folder / "submission.yaml").exists():
        with progress("checking"):
            checked = md.check_submission(folder, task=task, dataset=dataset)
        say(f"{folder} is a valid submission to {about}; CI does the same checks")
    else:
        with progress("checking"):
            checked = md.check_submission(folder, author=author or [], **said)
        if check:
            say(f"{folder} would be a valid submission to {about}; nothing was written")
        else:
            written = md.submit(folder, author=author or [], out=out, **said)
            what = "`matbench-defects leaderboard build` scores it from the predictions alone"
            if out == SUBMISSIONS:
                what = "Commit it and open a pull request; CI scores it from the predictions alone"
            say(f"{written} written. {what}.")
    say(f"{'warning: ' if checked.scale.warning else ''}{checked.scale}")
    if checked.near:
        say(f"note: {checked.near}; the leaderboard says so beside it")


@leaderboard.command("build")
def build(
    out: Annotated[Path, typer.Option(help="The site's folder.")] = Path("site"),
    submissions: Annotated[Path, typer.Option(help="Where submissions lie.")] = SUBMISSIONS,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; several times for several. All if left out.")
    ] = None,
    tasks: Annotated[
        Path | None, typer.Option(help="A folder of tasks of your own: the site is a private one of these.")
    ] = None,
    dataset: Annotated[
        list[Path] | None, typer.Option("--dataset", help="A built dataset of theirs; several times for several.")
    ] = None,
) -> None:
    """Score every submission from its predictions and write the static site."""
    if task and tasks:
        raise md.InputError("--task and --tasks are two ways to say which tasks; give one of them")
    with progress("scoring"):
        problems = md.build_leaderboard(out, submissions, tasks or task or None, dataset)
    say(f"The leaderboard is {out / 'index.html'}")
    report(problems)


@leaderboard.command("score-request")
def score_request(
    head: Annotated[Path, typer.Option(help="The folder of submissions as the request would leave it.")],
    base: Annotated[Path, typer.Option(help="The trusted submissions.")] = SUBMISSIONS,
    comment: Annotated[Path | None, typer.Option(help="A Markdown file for what there is to say.")] = None,
) -> None:
    """Check a request's submissions and score them beside the base's; nothing but the two files is ever opened."""
    with quietly("scoring"):
        request = md.score_request(head, base)
    if comment:
        write_text(comment, request.comment)
    say(request.comment)
    if request.problems:
        raise SystemExit(2)


@leaderboard.command("rescore")
def rescore(
    submissions: Annotated[Path, typer.Option(help="Where submissions lie.")] = SUBMISSIONS,
    scores: Annotated[Path, typer.Option(help="The recorded scores.")] = Path("leaderboard/scores.json"),
    write: Annotated[bool, typer.Option("--write", help="Record the new scores.")] = False,
) -> None:
    """Score every submission anew and say which recorded score moved, by how much and why; exit code 1 if one did."""
    with progress("scoring"):
        found = md.rescore(submissions, scores, write=write)
    for change in found.changes:
        say(str(change))
    for problem in found.problems:
        say(f"refused: {problem}")
    moved = len(found.moved)
    console.print(f"{found.submissions} submissions scored, {moved} scores moved, {len(found.changes) - moved} new")
    if write:
        say(f"{scores} written")
    if found.problems or (moved and not write):
        raise SystemExit(1)


@leaderboard.command("retire")
def retire(
    dataset: Annotated[str, typer.Argument(help="Name of a shipped dataset.")],
    submissions: Annotated[Path, typer.Option(help="Where submissions lie.")] = SUBMISSIONS,
) -> None:
    """Keep the tasks of a dataset's version with what scoring needs, before a new version takes its name."""
    say(f"{md.retire(dataset, submissions=submissions)} written, and the submissions moved there")


app.add_typer(leaderboard, name="leaderboard", rich_help_panel=LEADERBOARD)

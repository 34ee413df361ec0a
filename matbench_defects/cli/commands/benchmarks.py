"""Benchmarks: models on tasks, beside each other, and what they go by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import matbench_defects as md
from matbench_defects.cli.app import BENCHMARKS, command
from matbench_defects.cli.options import (
    DatasetOption,
    DeviceOption,
    ModelsOption,
    console,
    progress,
    quietly,
    report,
    say,
)
from matbench_defects.errors import InputError

FEATURES = 10
"""Features that `explain` prints."""


@command(BENCHMARKS, "init-task")
def init_task(
    dataset: Annotated[Path, typer.Argument(help="A built dataset.")],
    out: Annotated[Path, typer.Option(help="A folder for the task, or its file.")] = Path(),
    target: Annotated[str | None, typer.Option(help="What is predicted; the first target if left out.")] = None,
    split: Annotated[str | None, typer.Option(help="A split of the dataset; the first if left out.")] = None,
    name: Annotated[str | None, typer.Option(help="What the task is called.")] = None,
) -> None:
    """Write a commented task for a dataset of one's own."""
    path = md.new_task(dataset, out, target=target, split=split, name=name)
    say(
        f"{path} written. Edit it, then: matbench-defects evaluate {path} --dataset {dataset} --model cluster-expansion"
    )


@command(BENCHMARKS)
def benchmark(
    dataset: Annotated[Path, typer.Argument(help="A built dataset.")],
    model: ModelsOption,
    out: Annotated[
        Path, typer.Option(help="Where tasks, results, submissions and the site go; tasks that are there are kept.")
    ] = Path("benchmark"),
    target: Annotated[str | None, typer.Option(help="What is predicted; the only target if left out.")] = None,
    split: Annotated[
        list[str] | None, typer.Option("--split", help="A task on this split; several times. All if left out.")
    ] = None,
    author: Annotated[list[str] | None, typer.Option("--author", help="Whose models these are.")] = None,
    device: DeviceOption = "cpu",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the models, in YAML; MODEL.NAME=VALUE of one of several."
        ),
    ] = None,
) -> None:
    """Rank models on a dataset of one's own: tasks, models beside baselines, and a private page, in one go."""
    from matbench_defects.cli.settings import settings_by_model

    problems: list[InputError] = []
    options: dict[str, Any] = {"target": target, "splits": split, "author": author or ["private"], "device": device}
    options["settings"] = settings_by_model(settings or [], model)
    for found in md.benchmark(dataset, model, out, **options, progress=progress):
        if isinstance(found, list):
            problems += found
        else:
            problems += found.problems
            md.show_results(found.task, found.dataset, found.results, console)
    say(f"The page is {out / 'site' / 'index.html'}; the tasks in {out / 'tasks'} can be edited, and this run again.")
    report(problems, produced=1)


@command(BENCHMARKS)
def evaluate(
    task: Annotated[list[str], typer.Argument(help="Task files or shipped names.")],
    model: ModelsOption,
    dataset: DatasetOption = None,
    out: Annotated[Path, typer.Option(help="Where results go: OUT/TASK/MODEL.")] = Path("results"),
    device: DeviceOption = "cpu",
    seed: Annotated[list[int] | None, typer.Option("--seed", help="Instead of the tasks' seeds.")] = None,
    pretrain: Annotated[
        str | None,
        typer.Option(metavar="TASK_OR_DATASET", help="Learn from this first; DATASET:TARGET names a target."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the models, in YAML; MODEL.NAME=VALUE of one of several."
        ),
    ] = None,
) -> None:
    """Fit models on the training part of tasks, predict their test part, and score them; after a kill it goes on."""
    from matbench_defects.cli.settings import settings_by_model

    options: dict[str, Any] = {"out": out, "device": device, "seeds": seed, "pretrain": pretrain}
    options["settings"] = settings_by_model(settings or [], model)
    problems: list[InputError] = []
    produced = 0
    for found in md.evaluate_all(task, model, dataset, **options, progress=progress):
        problems += found.problems
        produced += len(found.results)
        if found.results:
            md.show_results(found.task, found.dataset, found.results, console, interpolation=found.interpolation)
            hint = f"Results lie in {out / found.task.name}. To submit one: matbench-defects submit"
            say(f"{hint} {found.results[0].folder} --author NAME")
    report(problems, produced=produced)


@command(BENCHMARKS)
def compare(
    results: Annotated[list[Path], typer.Argument(help="Results OUT/TASK/MODEL, or OUT/TASK with several.")],
    task: Annotated[str | None, typer.Option(help="The task's file, where it is not shipped.")] = None,
    dataset: DatasetOption = None,
    out: Annotated[
        Path | None, typer.Option(help="A JSON file; comparison.json beside the results if left out.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="How often the test rows are drawn anew.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Say which differences between results of one task are ties, by a paired bootstrap over the test rows."""
    with progress("resamples") as show:
        compared = md.compare(results, task=task, dataset=dataset, resamples=resamples, seed=seed, progress=show)
    compared.show(console)
    say(f"Every pair stands in {compared.write(out)}")


@command(BENCHMARKS)
def table(
    results: Annotated[Path, typer.Argument(help="What `evaluate` wrote to, or the folder of one task in it.")],
    task: Annotated[list[str] | None, typer.Option("--task", help="The file of a task that is not shipped.")] = None,
    dataset: DatasetOption = None,
    out: Annotated[Path | None, typer.Option(help="A Markdown file; shown if left out.")] = None,
    overview: Annotated[
        Path | None,
        typer.Option(
            help="A Markdown file that takes the overview between <!-- overview --> and <!-- end of overview -->."
        ),
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Draws of the bootstrap that says what is tied.")] = 2000,
) -> None:
    """Write results as Markdown: an overview, a table a task, models by the first metric, ties with the best."""
    from matbench_defects.files import write_text

    made = md.tabulate(results, tasks=task or [], dataset=dataset, resamples=resamples, progress=quietly)
    if out is None:
        print(made.markdown)
    elif made.tables:
        write_text(out, made.markdown)
        say(f"{made.tables} tables in {out}")
    if overview is not None and made.tables:
        made.insert_overview(overview)
    report(made.problems, produced=made.tables)


@command(BENCHMARKS)
def explain(
    task: Annotated[str, typer.Argument(help="A task file or a shipped name.")],
    model: Annotated[list[str], typer.Option("--model", help="A model with features of its own; several times.")],
    dataset: DatasetOption = None,
    out: Annotated[Path, typer.Option(help="Where pictures and tables go: OUT/TASK/MODEL.png.")] = Path("explanations"),
) -> None:
    """Fit models on a task's training part and show how much each of their features counts."""
    from matbench_defects.terminal import show_table

    loaded = md.load_task(task)
    with progress("labels") as show:
        data = loaded.load_dataset(dataset, progress=show)
    for name in model:
        with progress(name):
            found = md.explain(loaded, name, data, out=out)
        sign = "+" if found.features.signed else ""
        rows = [[feature, f"{weight:{sign}.4f}"] for feature, weight in found.features.largest(FEATURES)]
        show_table(console, ["feature", found.unit if found.features.signed else "share"], rows)
        say(f"{found.picture} and {found.table.suffix}")

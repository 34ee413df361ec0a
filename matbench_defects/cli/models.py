"""Commands that fit models: evaluate, compare, search, explain, screen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matbench_defects.cli.options import (
    MODEL_HELP,
    ClusterOption,
    DatasetOption,
    DeviceOption,
    ModelsOption,
    allow_calculators,
    console,
    progress,
    quietly,
    report,
)

commands = typer.Typer()


@commands.command()
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
    from matbench_defects.cli.evaluating import evaluate_all
    from matbench_defects.cli.settings import settings_by_model

    allow_calculators(model)
    produced, problems = evaluate_all(
        task,
        model,
        console,
        progress,
        dataset=dataset,
        out=out,
        device=device,
        seeds=seed,
        settings=settings_by_model(settings or [], model),
        pretrain=pretrain,
    )
    report(problems, produced=produced)


@commands.command()
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
    from matbench_defects.evaluation.comparing_results import compare_results

    with progress("resamples") as show:
        compared = compare_results(results, task=task, dataset=dataset, resamples=resamples, seed=seed, progress=show)
    compared.show(console)
    console.print(f"Every pair stands in {compared.write(out)}", markup=False, soft_wrap=True)


@commands.command()
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
    from matbench_defects.evaluation.overview import insert
    from matbench_defects.evaluation.tabulating import tabulate
    from matbench_defects.files import write_text

    made = tabulate(results, quietly, tasks=task or [], dataset=dataset, resamples=resamples)
    if out is None:
        print(made.markdown)
    elif made.tables:
        write_text(out, made.markdown)
        console.print(f"{made.tables} tables in {out}", markup=False, soft_wrap=True)
    if overview is not None and made.tables:
        insert(made.overview, overview)
    report(made.problems, produced=made.tables)


@commands.command()
def discover(
    where: Annotated[str, typer.Argument(metavar="TASK_OR_DATASET", help="A task, or a built dataset's folder.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help=f"{MODEL_HELP}; several times for several.")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", help="See `list policies`; all that the models serve if left out.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="What is to be lowest; the task's target if left out.")] = None,
    space: Annotated[str | None, typer.Option(help="The space to search, where there are several.")] = None,
    content: Annotated[str | None, typer.Option(help="Search one content of it, such as Li6Va6.")] = None,
    start: Annotated[int, typer.Option(min=2, help="Labels at random before the first fit.")] = 5,
    batch: Annotated[int, typer.Option(min=1, help="Labels between two fits.")] = 5,
    budget: Annotated[int, typer.Option(min=2, help="Most labels.")] = 200,
    seed: Annotated[list[int] | None, typer.Option("--seed", help="One search each; 0 to 4 if left out.")] = None,
    dataset: DatasetOption = None,
    device: DeviceOption = "cpu",
    out: Annotated[Path, typer.Option(help="A folder for the table and the plot.")] = Path("discovery"),
) -> None:
    """Simulate searches for the lowest configuration: how many labels each acquisition policy needs."""
    from matbench_defects.cli.discovering import Plan
    from matbench_defects.cli.discovering import discover as run

    allow_calculators(model or [])
    plan = Plan(model or [], policy or [], seed or [0, 1, 2, 3, 4], start, batch, budget, device)
    run(where, console, progress, plan, target=target, space=space, content=content, dataset=dataset, out=out)


@commands.command()
def explain(
    task: Annotated[str, typer.Argument(help="A task file or a shipped name.")],
    model: Annotated[list[str], typer.Option("--model", help="A model with features of its own; several times.")],
    dataset: DatasetOption = None,
    out: Annotated[Path, typer.Option(help="Where pictures and tables go: OUT/TASK/MODEL.png.")] = Path("explanations"),
) -> None:
    """Fit models on a task's training part and show how much each of their features counts."""
    from matbench_defects.cli.explaining import explain_model
    from matbench_defects.evaluation.task import load_task
    from matbench_defects.hub.find import find_dataset

    loaded = load_task(task)
    with progress("labels") as show:
        data = find_dataset(loaded.dataset_name, loaded.dataset_version, dataset, progress=show)
    for name in model:
        explain_model(loaded, data, name, out, console)


@commands.command()
def screen(
    given: Annotated[str, typer.Argument(metavar="SPEC_OR_DATASET", help="A built dataset, or a spec with labels.")],
    model: Annotated[str, typer.Option(help=f"{MODEL_HELP}.")],
    out: Annotated[Path, typer.Option(help="A folder for the best configurations and a histogram.")],
    target: Annotated[str | None, typer.Option(help="What is predicted; the first target if left out.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Fit on its training part; on every labelled row if left out.")
    ] = None,
    fold: Annotated[str | None, typer.Option(help="A fold of the split.")] = None,
    space: Annotated[list[str] | None, typer.Option(help="Only this space; give it several times for several.")] = None,
    content: Annotated[list[str] | None, typer.Option(help="Only this content, such as Li6Va6.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the best are kept.")] = 100,
    highest: Annotated[bool, typer.Option("--highest", help="High predictions are the best, not low ones.")] = False,
    each_content: Annotated[bool, typer.Option("--each-content", help="Keep the best of each content.")] = False,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many configurations, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the model and of the draw.")] = 0,
    device: DeviceOption = "cpu",
    workers: Annotated[int, typer.Option(min=1, help="Processes that predict.")] = 1,
    cluster: ClusterOption = None,
) -> None:
    """Fit a model on what has a label and predict every configuration of a spec, however many."""
    from matbench_defects.cli.screening import run_screen
    from matbench_defects.discovery.screening import Scope
    from matbench_defects.execution.cluster_file import open_executor

    allow_calculators([model])
    scope = Scope(tuple(space or ()), tuple(content or ()), sample, seed)
    with open_executor(cluster, workers, device=device, alone=True) as executor:
        run_screen(
            given,
            model,
            out,
            scope,
            target=target,
            split=split,
            fold=fold,
            seed=seed,
            device=device,
            console=console,
            progress=progress,
            executor=executor,
            top=top,
            highest=highest,
            each_content=each_content,
        )

"""Benchmarks of search, and searching in earnest: what to label next, and what is best of everything."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

import matbench_defects as md
from matbench_defects.cli.app import BENCHMARKS, command
from matbench_defects.cli.options import MODEL_HELP, ClusterOption, DatasetOption, DeviceOption, console, progress, say

SHOWN = 10
"""Configurations that `screen` prints."""


@command(BENCHMARKS)
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
    from matbench_defects.terminal import show_table

    seeds = seed or [0, 1, 2, 3, 4]
    options = md.SearchOptions(model or [], policy or [], seeds, start, batch, budget, space, content, device)
    found = md.discover(where, options, target=target, dataset=dataset, out=out, progress=progress)
    of = f"labels until the lowest {found.target} of {len(found.hidden.ids)} is found"
    console.print(f"{found.dataset}, {found.searched}: {of}", markup=False, style="bold")
    rows = [
        [
            one.title,
            f"{one.found} of {one.searches}",
            "-" if math.isinf(one.median) else f"{one.median:g}",
            "-" if one.fewest is None else str(one.fewest),
            "-" if one.most is None else str(one.most),
            f"{one.regret:.3g}",
        ]
        for one in found.summaries()
    ]
    show_table(console, ["policy", "found", "median labels", "fewest", "most", "regret at the end"], rows)
    say(f"Every search stands in {out}, with a picture: {found.picture}")


@command(BENCHMARKS)
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
    from matbench_defects.terminal import show_table

    options = md.ScreenOptions(
        target, split, fold, space or (), content or (), sample, top, highest, each_content, seed, device
    )
    with progress("configurations") as show:
        screening = md.screen(given, model, out, options, workers=workers, cluster=cluster, say=say, progress=show)
    found, unit = screening.found, screening.quantity.shown_unit
    rows = []
    for row in found.best[:SHOWN]:
        spread = "" if row["deviation"] is None else f" ± {row['deviation']:.2g}"
        rows.append([row["id"], f"{row['multiplicity']:,}", f"{row['prediction']:.5f}{spread}"])
    show_table(console, ["id", "multiplicity", f"prediction, {unit}"], rows)
    built = ", structures built one by one" if found.needs_structures else ""
    say(
        f"{found.configurations:,} configurations in {found.seconds:.1f} s{built}: {found.rate * 60:,.0f} a minute; "
        f"at most {found.memory / 1e6:,.0f} MB of memory. {len(found.best)} best and a histogram in {out}"
    )

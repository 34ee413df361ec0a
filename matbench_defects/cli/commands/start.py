"""What there is, and the demonstration."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import matbench_defects as md
from matbench_defects.cli.app import START, command
from matbench_defects.cli.options import Workers, console, progress, say

MODELS: dict[str, dict[str, Any]] = {
    "mean": {},
    "composition": {},
    "cluster-expansion": {},
    "schnet": {"steps": 600, "cutoff": 4.0},
}
"""What the demonstration trains, with settings; SchNet's make it about five times as fast as its defaults, for an error
that is a third larger. A zero-shot SevenNet-0 is not among them: here its static energies are the labels."""


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
    export_formats = "export-formats"


@command(START, "list")
def list_(what: Annotated[Listed, typer.Argument(help="What to list.")]) -> None:
    """List what is there: shipped specs and tasks, and everything that is registered."""
    for name, line in md.listing(what.value).items():
        say(f"{name:36} {line}")


@command(START)
def demo(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("demo"),
    workers: Workers = None,
) -> None:
    """Run the complete pipeline once on LiNiO2: enumerate, label, build, train, compare, write a page. Some minutes."""
    from matbench_defects.cli.showing import show_dataset
    from matbench_defects.shipped import find_spec

    start = time.monotonic()
    spec = md.load_spec(find_spec("lno-cathode").parent / "demo.yaml")
    console.print("1. Enumerate the lithium-vacancy arrangements, label each with SevenNet-0, build the dataset")
    with progress("labels") as show:
        dataset = md.build(spec, out / "dataset", workers=workers, progress=show)
    show_dataset(dataset, console)
    console.print(f"   {time.monotonic() - start:.0f} s so far\n\n2. Train models on it")
    task = demo_task(f"{dataset.name}@{dataset.version}")
    results = []
    for name, settings in MODELS.items():
        with progress(name) as show:
            results.append(md.evaluate(task, name, dataset, out=out / "results", settings=settings, progress=show))
    md.show_results(task, dataset, results, console)
    console.print(f"   {time.monotonic() - start:.0f} s so far\n\n3. Submit the predictions and build the leaderboard")
    submissions = out / "submissions"
    for result in results:
        who = {"author": "matbench-defects demo", "training_overlap": "none"}
        md.submit(result, task=task, dataset=dataset, out=submissions, **who)
    for problem in md.build_leaderboard(out / "site", submissions, [task], {task.dataset: dataset}):
        console.print(f"refused: {problem}", markup=False)
    console.print(f"\nDone in {time.monotonic() - start:.0f} s. Open")
    _show_pairs(
        [
            (out / "site" / "index.html", "the leaderboard"),
            (out / "dataset" / "figures" / "formation_energy.png", "hull and voltage curve"),
            (out / "dataset" / "README.md", "the dataset's card"),
            (out / "results" / task.name, "what each model predicted"),
        ],
    )
    console.print("Try next")
    _show_pairs(
        [
            ("matbench-defects check lno-cathode", "what the full domain holds"),
            ("matbench-defects build lno-cathode --out lno", "with the relaxed labels of two engines"),
            ("matbench-defects evaluate lno-formation-energy --model cluster-expansion", "a task of the leaderboard"),
            ("matbench-defects init my-crystal.cif", "a spec for your own crystal"),
        ],
    )


def demo_task(dataset: str) -> md.Task:
    """Return the demonstration's task; it is no benchmark and is not shipped as one.

    Parameters
    ----------
    dataset : str
        Name and version of the dataset, ``name@version``.
    """
    return md.load_task(
        {
            "name": "lno-cathode-demo",
            "title": "Demonstration: static formation energy of delithiated LiNiO2",
            "description": "Labels are static SevenNet-0 energies that the demonstration computed on this machine.",
            "dataset": dataset,
            "target": "formation_energy",
            "split": "random",
            "kind": "interpolation",
            "metrics": ["mae", "rmse", "r2", "spearman_within_content", "ground_state_hit"],
            "seeds": [0, 1, 2],
            "baselines": ["mean", "composition", "cluster-expansion"],
        }
    )


def _show_pairs(pairs: Sequence[tuple[object, str]]) -> None:
    width = max(len(str(first)) for first, _ in pairs)
    for first, second in pairs:
        say(f"  {first!s:{width}}   {second}")

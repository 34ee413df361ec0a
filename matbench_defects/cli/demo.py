"""The whole road once, on real input, with nothing to download but packages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from matbench_defects.cli.progress import Progress
from matbench_defects.cli.showing import show_dataset
from matbench_defects.dataset.build import build_dataset
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.task import Task
from matbench_defects.evaluation.task_results import show_results
from matbench_defects.leaderboard.site import build_site
from matbench_defects.leaderboard.writing import write_submission
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec

MODELS: dict[str, dict[str, Any]] = {
    "mean": {},
    "composition": {},
    "cluster-expansion": {},
    "schnet": {"steps": 600, "cutoff": 4.0},
}
"""What is trained, with settings; SchNet's make it about five times as fast as its defaults, for an error that is a
third larger. A zero-shot SevenNet-0 is not among them: here its static energies are the labels."""


def demo_task(dataset: str) -> Task:
    """Return the demonstration's task; it is no benchmark and is not shipped as one.

    Parameters
    ----------
    dataset : str
        Name and version of the dataset, ``name@version``.
    """
    return Task(
        name="lno-cathode-demo",
        title="Demonstration: static formation energy of delithiated LiNiO2",
        description="Labels are static SevenNet-0 energies that the demonstration computed on this machine.",
        dataset=dataset,
        target="formation_energy",
        split="random",
        kind="interpolation",
        metrics=["mae", "rmse", "r2", "spearman_within_content", "ground_state_hit"],
        seeds=[0, 1, 2],
        baselines=["mean", "composition", "cluster-expansion"],
    )


def run_demo(out: Path, console: Console, progress: Progress, workers: int | None) -> None:
    """Enumerate, label live, build, train, compare and publish a page; then say where everything lies.

    Parameters
    ----------
    out : path
        Where everything goes.
    console : rich.console.Console
        Where it is shown.
    progress : callable
        Given a title, a context manager that gives a function of done and total.
    workers : int or None
        Processes for labels.
    """
    start = time.monotonic()
    spec = load_spec(find_spec("lno-cathode").parent / "demo.yaml")
    console.print("1. Enumerate the lithium-vacancy arrangements, label each with SevenNet-0, build the dataset")
    with progress("labels") as show:
        dataset = build_dataset(spec, out / "dataset", workers=workers, progress=show)
    show_dataset(dataset, console)
    console.print(f"   {time.monotonic() - start:.0f} s so far\n\n2. Train models on it")
    task = demo_task(f"{dataset.name}@{dataset.version}")
    results = []
    for name, settings in MODELS.items():
        with progress(name) as show:
            results.append(evaluate(task, dataset, name, out / "results", settings=settings, progress=show))
    show_results(task, dataset, results, console)
    console.print(f"   {time.monotonic() - start:.0f} s so far\n\n3. Submit the predictions and build the leaderboard")
    for result in results:
        who = ["matbench-defects demo"]
        write_submission(result.folder, task, dataset, out / "submissions", authors=who, training_overlap="none")
    problems = build_site(out / "site", out / "submissions", {task.dataset: dataset}, [task])
    for problem in problems:
        console.print(f"refused: {problem}", markup=False)
    console.print(f"\nDone in {time.monotonic() - start:.0f} s. Open")
    _show_pairs(
        console,
        [
            (out / "site" / "index.html", "the leaderboard"),
            (out / "dataset" / "figures" / "formation_energy.png", "hull and voltage curve"),
            (out / "dataset" / "README.md", "the dataset's card"),
            (out / "results" / task.name, "what each model predicted"),
        ],
    )
    console.print("Try next")
    _show_pairs(
        console,
        [
            ("matbench-defects check lno-cathode", "what the full domain holds"),
            ("matbench-defects build lno-cathode --out lno", "with the relaxed labels of two engines"),
            ("matbench-defects evaluate lno-formation-energy --model cluster-expansion", "a task of the leaderboard"),
            ("matbench-defects init my-crystal.cif", "a spec for your own crystal"),
        ],
    )


def _show_pairs(console: Console, pairs: Sequence[tuple[object, str]]) -> None:
    width = max(len(str(first)) for first, _ in pairs)
    for first, second in pairs:
        console.print(f"  {first!s:{width}}   {second}", markup=False, soft_wrap=True)

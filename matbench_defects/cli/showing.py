"""What a built dataset holds, and what there is to choose from."""

from __future__ import annotations

from rich.console import Console

from matbench_defects.cli.estimating import shown_time
from matbench_defects.dataset.reading import PARTS, Dataset
from matbench_defects.evaluation.metrics import metrics


def show_dataset(dataset: Dataset, console: Console) -> None:
    """Show what a built dataset holds."""
    manifest = dataset.manifest
    console.print(f"{dataset.name} {dataset.version} in {dataset.folder}", markup=False, style="bold")
    for name, space in manifest["spaces"].items():
        console.print(
            f"  {name}: {space['inequivalent']:,} inequivalent of {space['all']:,} configurations, "
            f"{space['labelled']:,} labelled",
            markup=False,
        )
    for name, label in manifest["labels"].items():
        discarded, cost = sum(label["discarded"].values()), shown_time(label["core_seconds"])
        console.print(
            f"  {name}: {label['labels']} labels, {discarded} discarded, {cost} of one core",
            markup=False,
            soft_wrap=True,
        )
    for note in manifest.get("differs_from_lock", []):
        console.print(f"  differs from lock.json: {note}", markup=False, soft_wrap=True, style="yellow")
    for name in dataset.splits:
        folds = dataset.folds(name)
        shown = f"{len(folds)} folds"
        if not folds:
            shown = ", ".join(f"{part} {len(dataset.part(name, part))}" for part in PARTS)
        console.print(f"  split {name}: {shown}", markup=False)


def show_list(what: str, console: Console) -> None:
    """List shipped specs or tasks, or everything that is registered of one kind."""
    for name, line in _listing(what):
        console.print(f"{name:36} {line}", markup=False, soft_wrap=True)


def _listing(what: str) -> list[tuple[str, str]]:
    from matbench_defects.shipped import shipped_specs, shipped_tasks

    if what == "specs":
        from matbench_defects.spec.loading import load_spec

        return [(name, load_spec(path).title) for name, path in shipped_specs().items()]
    if what == "tasks":
        from matbench_defects.evaluation.task import load_task

        return [(name, load_task(path).title) for name, path in shipped_tasks().items()]
    if what == "models":
        from matbench_defects.models.model import models

        return [(name, kind.description) for name, kind in models.items()]
    if what == "metrics":
        return [(name, metric.description) for name, metric in metrics.items()]
    if what == "engines":
        from matbench_defects.labels.engine import engines

        return [(name, engine.level_of_theory) for name, engine in engines.items()]
    if what == "splits":
        from matbench_defects.dataset.splits import operators

        return [(name, _first_line(operator)) for name, operator in operators.items()]
    if what == "policies":
        from matbench_defects.discovery.policies import policies

        return [(name, policy.description) for name, policy in policies.items()]
    if what == "formats":
        from matbench_defects.exchange.source import formats

        return [(name, kind.title) for name, kind in formats.items()]
    from matbench_defects.dataset.targets import quantities

    return [(name, _first_line(quantity)) for name, quantity in quantities.items()]


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]

"""What a built dataset holds."""

from __future__ import annotations

from rich.console import Console

from matbench_defects.api.datasets import PARTS, Dataset
from matbench_defects.cli.options import shown_time

MANY_SPACES = 40
"""Of more spaces than this, such as shapes of supercells, only the sum is shown."""


def show_dataset(dataset: Dataset, console: Console) -> None:
    """Show what a built dataset holds."""
    manifest = dataset.manifest
    console.print(f"{dataset.name} {dataset.version} in {dataset.folder}", markup=False, style="bold")
    shown = list(manifest["spaces"].items())
    if len(shown) > MANY_SPACES:
        every = sum(space["labelled"] for _, space in shown)
        console.print(f"  {len(shown)} spaces, {shown[0][0]} to {shown[-1][0]}: {every:,} labelled", markup=False)
        shown = []
    for name, space in shown:
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
        parts = f"{len(folds)} folds"
        if not folds:
            parts = ", ".join(f"{part} {len(dataset.part(name, part))}" for part in PARTS)
        console.print(f"  split {name}: {parts}", markup=False)

"""What `lock` does and says."""

from __future__ import annotations

from rich.console import Console

from matbench_defects.dataset.lock import read_lock, write_lock
from matbench_defects.dataset.plan import plan
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec


def lock_spec(name: str, console: Console) -> None:
    """Write the lock of a spec, and say what changed.

    Raises
    ------
    InputError
        If the spec cannot be built.
    """
    planned = plan(load_spec(name))
    path, changed, new = write_lock(planned, find_spec(name).parent / "labels.parquet")
    state = "written" if new else f"rewritten, {len(changed)} values changed" if changed else "agrees already"
    console.print(f"{path}: {state}", markup=False, soft_wrap=True)
    for line in changed:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if changed and not any(line.startswith("version ") for line in changed):
        console.print(
            f"  The version is still {planned.spec.version}: a published one never changes, so bump it if it was.",
            markup=False,
            soft_wrap=True,
        )
    written = read_lock(path)
    for label, found in (written or {"labels": {}})["labels"].items():
        if found["missing"]:
            console.print(f"  {label}: {found['missing']} labels are missing and not covered", markup=False)

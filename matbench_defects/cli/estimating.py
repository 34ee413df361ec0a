"""What `check` shows."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.estimate import MANY_CONTENTS, SpaceEstimate, estimate_labels, estimate_spaces
from matbench_defects.dataset.limits import dataset_bytes, exceeding, memory_bound
from matbench_defects.errors import InputError
from matbench_defects.execution.executor import available_cores
from matbench_defects.files import sha256_of_file
from matbench_defects.labels.engine import require_extra
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec


def show_estimate(name: str, console: Console) -> None:
    """Show what a spec holds and what building it would cost.

    Raises
    ------
    InputError
        Naming file and line of the first mistake.
    """
    spec = load_spec(name)
    spaces = estimate_spaces(spec)
    console.print(f"{spec.name} {spec.version}: {spec.title}", markup=False, style="bold")
    for found in spaces:
        space = found.space
        sublattices = ", ".join(f"{s.name} {len(s.sites)} sites" for s in space.sublattices)
        console.print(
            f"\n{space.name}: {space.parent.formula}, {space.parent.space_group}, {len(space.host_species)} sites in "
            f"the supercell ({sublattices}), {len(space.group)} operations",
            markup=False,
        )
        if len(found.by_content) <= MANY_CONTENTS:
            _show_contents(found, console)
        else:
            console.print(
                f"{len(found.by_content):,} contents, {found.every:,} configurations, "
                f"{found.inequivalent:,} inequivalent"
            )
        if found.warning:
            console.print(f"warning: {found.warning}", markup=False, style="yellow")
    size, memory = dataset_bytes(spaces, len(spec.labels)), memory_bound(spaces, len(spec.labels))
    console.print(
        f"\nthe dataset: about {_bytes(size)} before compression; at most {_bytes(memory)} of memory to label and build"
    )
    labels = find_spec(name).parent / "labels.parquet"
    known = _known(labels) if labels.exists() else {}
    most = "" if all(s.exact for s in spaces) else "at most "
    estimates = estimate_labels(spec, sum(s.labelled for s in spaces), known)
    for label in estimates:
        if label.seconds is None:
            cost = "time unknown, none was computed yet"
        else:
            left = shown_time(label.seconds * (label.wanted - label.present))
            cost = f"{label.seconds:.1f} s each on one core, {left} to go"
        console.print(
            f"label {label.method.name}: {most}{label.wanted} wanted, {label.present} present; {cost}", markup=False
        )
        try:
            require_extra(label.method.engine)
        except InputError as error:
            console.print(
                f"warning: label {label.method.name}: {error.message}", markup=False, style="yellow", soft_wrap=True
            )
    for warning in exceeding(spaces, estimates, available_cores()):
        console.print(f"warning: {warning}", markup=False, style="yellow", soft_wrap=True)


def _show_contents(found: SpaceEstimate, console: Console) -> None:
    """Show a line a content. Written at once: a table of rich takes as long as all counting."""
    rows = [("content", "configurations", "inequivalent")]
    rows += [(_content(found.space, c), f"{every:,}", f"{n:,}") for c, every, n in found.by_content]
    rows.append(("all", f"{found.every:,}", f"{found.inequivalent:,}"))
    first, second, third = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [f"{a:<{first}}  {b:>{second}}  {c:>{third}}" for a, b, c in rows]
    console.out("\n".join(lines), highlight=False)


def _content(space: Space, content: Content) -> str:
    """Return a content with the name that the spec gives it, if it does."""
    named = (space.meant or {}).get(content, "")
    return f"{named} {space.content_name(content)}".lstrip()


def _known(labels: Path) -> dict[str, tuple[int, float]]:
    """Return how many labels of each method a table holds and what one took, seconds.

    The lock beside it says so where it is of this very table; only else is the table opened, which takes pyarrow.
    """
    try:
        table = json.loads(labels.with_name("lock.json").read_text(encoding="utf-8"))["table"]
        if table["sha256"] == sha256_of_file(labels):
            return {m: (each["labels"], each["mean_seconds"]) for m, each in table["methods"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no lock, or one of another table
    from matbench_defects.labels.store import seconds_by_method

    return {m: (len(each), sum(each) / len(each)) for m, each in seconds_by_method(labels).items()}


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.3g} {unit}"
        number /= 1000
    raise AssertionError


def shown_time(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

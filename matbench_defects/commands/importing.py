"""What `import` does and shows."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from matbench_defects.crystal.space import build_spaces
from matbench_defects.errors import InputError
from matbench_defects.labels.published.mapping import Mapped, map_published
from matbench_defects.labels.published.source import formats, settings_of
from matbench_defects.labels.published.store import write_published
from matbench_defects.spec.loading import load_spec


def import_published(
    format_: str,
    source: Path,
    spec: str,
    out: Path,
    given: dict[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Mapped, Path]:
    """Read a published set, find the configuration of each structure and write those that are one.

    Parameters
    ----------
    format_ : str
        Name of a registered format.
    source : path
        The file or folder.
    spec : str
        A spec file, a folder that holds one, or a shipped name.
    out : path
        The Parquet file.
    given : dict
        Settings of the format.
    progress : callable, optional
        Called with how many structures are done and how many there are.

    Returns
    -------
    mapped : Mapped
        What was found.
    report : path
        The CSV file that says what is not in the table, and why.
    """
    settings = settings_of(format_, given)
    spaces = build_spaces(load_spec(spec))
    published = formats.get(format_)(settings).read(source)
    mapped = map_published(published, spaces, progress)
    return mapped, write_published(out, mapped, published.quantities, settings)


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """Return settings given as ``name=value``, values in YAML.

    Raises
    ------
    InputError
        If one is not of that form.
    """
    result: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            result[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not equals:
            raise InputError(f"NAME=VALUE was expected after --set, not '{pair}'")
    return result


def show_mapped(mapped: Mapped, out: Path, report: Path, console: Console) -> None:
    """Show how many structures are configurations, and the reasons of those that are not."""

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    say(f"{mapped.mapped} of {mapped.structures} structures are configurations; {len(mapped.rows)} rows in {out}")
    counts = Counter((r.kind, r.reason) for r in mapped.remarks if r.kind != "duplicate")
    for (kind, reason), count in itertools.islice(counts.most_common(), 10):
        say(f"  {count} {kind}: {reason}")
    duplicates = sum(r.kind == "duplicate" for r in mapped.remarks)
    if duplicates:
        say(f"  {duplicates} are configurations that others are already; the lowest energy stays")
    if mapped.remarks:
        say(f"Each of them stands in {report}")

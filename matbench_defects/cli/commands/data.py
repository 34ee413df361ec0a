"""Your data: labels, datasets, and what others have published."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

import matbench_defects as md
from matbench_defects.cli.app import DATA, command
from matbench_defects.cli.options import (
    ClusterOption,
    Displacement,
    SpecArgument,
    Strain,
    Workers,
    console,
    progress,
    say,
)
from matbench_defects.cli.settings import parse_settings


@command(DATA)
def label(
    spec: SpecArgument,
    out: Annotated[Path | None, typer.Option(help="Where labels are kept; beside the spec if left out.")] = None,
    workers: Workers = None,
    cluster: ClusterOption = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where an earlier run ended; it does so without this too."),
    ] = True,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute again what failed or did not converge.")
    ] = False,
) -> None:
    """Compute the labels that a spec asks for and has not yet; stop it at any time and go on later."""
    with progress("labels") as show:
        labels = md.label(
            spec, out, workers=workers, cluster=cluster, retry_failed=retry_failed, progress=show, say=say
        )
    say(f"{labels.number} labels in {labels.path}, {len(labels.bad)} of them with a problem")
    for found in labels.bad[:10]:
        say(f"  {found.key.id}: {found.problem}")


@command(DATA)
def build(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="The dataset's folder.")],
    labels: Annotated[
        Path | None,
        typer.Option(help="Labels already computed, a folder or file; those beside the spec if left out."),
    ] = None,
    only_labelled: Annotated[
        bool, typer.Option("--only-labelled", help="Compute nothing: leave out what has no label yet.")
    ] = False,
    workers: Workers = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace another dataset that stands there.")] = False,
) -> None:
    """Build the dataset of a spec, computing the labels that are missing."""
    from matbench_defects.cli.showing import show_dataset

    said: list[str] = []
    with progress("labels") as show:
        options: dict[str, Any] = {
            "labels": labels,
            "compute": not only_labelled,
            "workers": workers,
            "replace": replace,
        }
        dataset = md.build(spec, out, **options, progress=show, say=said.append)
    for line in said:
        say(line)
    show_dataset(dataset, console)


@command(DATA)
def lock(specs: Annotated[list[str], typer.Argument(help="Spec files, folders or shipped names.")]) -> None:
    """Write lock.json beside specs: digests of spaces, selection, splits and of the labels that are there."""
    for spec in specs:
        with progress(f"lock of {Path(spec).name}"):
            found = md.lock(spec)
        rewritten = f"rewritten, {len(found.changed)} values changed" if found.changed else "agrees already"
        say(f"{found.path}: {'written' if found.new else rewritten}")
        for line in found.changed:
            say(f"  {line}")
        if found.changed and not any(line.startswith("version ") for line in found.changed):
            say(
                f"  The version is still {found.version}: a published one never changes, so bump it if it was.",
            )
        for name, missing in found.missing.items():
            console.print(f"  {name}: {missing} labels are missing and not covered", markup=False)


@command(DATA)
def publish(
    folder: Annotated[Path, typer.Argument(help="A dataset that `build` wrote.")],
    repo: Annotated[
        str | None,
        typer.Option(
            help="The dataset's repository on the Hub, organisation/name; left out, its own name in the organisation "
            "that MATBENCH_DEFECTS_HUB names."
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Publish a built dataset on the Hub, tagged with its version; a published version is never changed."""
    with progress("publishing"):
        address = md.publish(folder, repo, private=private)
    say(f"published: {address}")


@command(DATA)
def export(
    source: Annotated[str, typer.Argument(help="A spec file, folder or shipped name, or a built dataset.")],
    to: Annotated[Path, typer.Option(help="The folder: a file or folder a configuration, and ids.csv.")],
    format_: Annotated[str, typer.Option("--format", help="See `matbench-defects list export-formats`.")] = "poscar",
    ids: Annotated[
        Path | None,
        typer.Option(help="Only these: CSV or Parquet with a column id (top.csv, an index), or text, one a line."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that a spec means, not only what it labels.")] = False,
    label: Annotated[str | None, typer.Option(help="Of a dataset: the relaxed structures of this label.")] = None,
    template: Annotated[
        Path | None,
        typer.Option(help="A folder of files to put beside each structure; of POTCAR.Li, POTCAR.O a POTCAR is made."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the format, in YAML.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier export that stands there.")] = False,
) -> None:
    """Write configurations as structures or calculator inputs, with a table of which is where."""
    options: dict[str, Any] = {"ids": ids, "all": every, "label": label, "template": template, "replace": replace}
    with progress("configurations") as show:
        found = md.export(source, to, format_, settings=parse_settings(settings or []), **options, progress=show)
    for note in found.notes:
        say(f"note: {note}")
    say(f"{found.number:,} configurations in {found.path}")


@command(DATA, "import")
def import_(
    format_: Annotated[
        str, typer.Argument(metavar="FORMAT", help="A registered format; see `matbench-defects list formats`.")
    ],
    source: Annotated[Path, typer.Argument(help="The published file or folder.")],
    spec: Annotated[
        str | None, typer.Option(help="A spec file, folder or shipped name; the format's own spec if left out.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A Parquet file: one row a configuration, a report beside it; SOURCE.parquet if left out."),
    ] = None,
    level_of_theory: Annotated[str | None, typer.Option(help="What computed the labels.")] = None,
    origin: Annotated[str | None, typer.Option("--source", help="Who published them: a DOI or a repository.")] = None,
    license_: Annotated[str | None, typer.Option("--license", help="Under which licence (SPDX).")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the format, in YAML.")
    ] = None,
    displacement: Displacement = 1.0,
    strain: Strain = 0.12,
) -> None:
    """Map published structures with labels onto the configurations of a spec."""
    given = {"level_of_theory": level_of_theory, "source": origin, "license": license_}
    given = {k: v for k, v in given.items() if v is not None} | parse_settings(settings or [])
    with progress("structures") as show:
        found = md.import_labels(
            format_, source, spec, out, settings=given, displacement=displacement, strain=strain, progress=show
        )
    mapped = found.mapped
    number = f"{mapped.mapped} of {mapped.structures} structures are configurations"
    say(f"{number}; {len(mapped.rows)} rows in {found.table}")
    counts = Counter(
        (r.kind, _without_numbers(r.reason)) for r in mapped.remarks if r.kind not in ("duplicate", "note")
    )
    for (kind, reason), count in islice(counts.most_common(), 10):
        say(f"  {count} {kind}: {reason}")
    behind = {r.id for r in mapped.remarks if r.kind == "duplicate"}
    if behind:
        say(f"  {len(behind)} configurations have several structures; of each the lowest energy is kept")
    notes = sum(r.kind == "note" for r in mapped.remarks)
    if notes:
        say(f"  {notes} are in the table with a note")
    if mapped.remarks:
        say(f"Each of them stands in {found.report}")
    if not mapped.rows:
        raise SystemExit(1)


def _without_numbers(reason: str) -> str:
    """Return a reason without what differs from structure to structure, so that equal ones are counted together."""
    if reason.startswith("may be "):
        return "may be one configuration or another: none is much nearer than another"
    reason = re.sub(r"\([^)]*Å[^)]*\) ", "", reason)
    return re.sub(r"\d+\.\d+(?= Å from|;)", "…", reason)


@command(DATA, "compare-labels")
def compare_labels(
    ours: Annotated[str, typer.Argument(help="A built dataset, or a spec whose labels are compared.")],
    name: Annotated[str, typer.Argument(help="A target of the dataset, or a label of the spec.")],
    published: Annotated[Path, typer.Argument(help="What `import` wrote.")],
    column: Annotated[str, typer.Option(help="The published column.")] = "formation_energy_per_site",
    labels: Annotated[Path | None, typer.Option(help="Labels of the spec; those beside it if left out.")] = None,
) -> None:
    """Say how far a target or label is from published values of the same configurations."""
    import yaml

    found = [md.compare_labels(ours, name, published, column, labels).entry()]
    console.print(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120), end="", markup=False)

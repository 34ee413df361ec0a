"""Commands that label, build, lock and publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matbench_defects.cli.options import (
    ClusterOption,
    SpecArgument,
    Workers,
    console,
    progress,
)

commands = typer.Typer()


@commands.command()
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
    from matbench_defects.enumeration.selection import select
    from matbench_defects.execution.cluster_file import open_executor
    from matbench_defects.labels.jobs import jobs_of
    from matbench_defects.labels.running import run_jobs
    from matbench_defects.labels.store import LabelStore
    from matbench_defects.shipped import find_spec
    from matbench_defects.spec.loading import load_spec

    loaded = load_spec(spec)
    jobs = jobs_of(loaded, select(loaded))
    store = LabelStore(out or find_spec(spec).parent / "labels.parquet")
    with open_executor(cluster, workers) as executor, progress("labels") as show:
        labels = run_jobs(jobs, [store], executor=executor, retry_failed=retry_failed, progress=show)
    bad = [found for found in labels.values() if not found.usable]
    console.print(
        f"{len(labels)} labels in {store.path}, {len(bad)} of them with a problem", markup=False, soft_wrap=True
    )
    for found in bad[:10]:
        console.print(f"  {found.key.id}: {found.problem}", markup=False, soft_wrap=True)


@commands.command()
def build(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="The dataset's folder.")],
    labels: Annotated[
        Path | None, typer.Option(help="Labels already computed; labels.parquet beside the spec if left out.")
    ] = None,
    only_labelled: Annotated[
        bool, typer.Option("--only-labelled", help="Compute nothing: leave out what has no label yet.")
    ] = False,
    workers: Workers = None,
) -> None:
    """Build the dataset of a spec, computing the labels that are missing."""
    from matbench_defects.cli.showing import show_dataset
    from matbench_defects.dataset.build import build_dataset
    from matbench_defects.shipped import find_spec
    from matbench_defects.spec.loading import load_spec

    known = labels or find_spec(spec).parent / "labels.parquet"
    with progress("labels") as show:
        dataset = build_dataset(
            load_spec(spec), out, labels=known, compute=not only_labelled, workers=workers, progress=show
        )
    show_dataset(dataset, console)


@commands.command()
def lock(specs: Annotated[list[str], typer.Argument(help="Spec files, folders or shipped names.")]) -> None:
    """Write lock.json beside specs: digests of spaces, selection, splits and of the labels that are there."""
    from matbench_defects.cli.locking import lock_spec

    for spec in specs:
        lock_spec(spec, console)


@commands.command()
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
    from matbench_defects.hub.publish import publish_dataset

    address = publish_dataset(folder, repo, private=private)
    console.print(f"published: {address}", markup=False, soft_wrap=True)

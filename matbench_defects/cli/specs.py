"""Commands on specs and on what is published for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from matbench_defects.cli.options import (
    SpecArgument,
    console,
    progress,
)
from matbench_defects.errors import InputError

commands = typer.Typer()


@commands.command()
def check(specs: Annotated[list[str], typer.Argument(help="Spec files, folders or shipped names.")]) -> None:
    """Say what specs hold and what building them would cost; build nothing."""
    from matbench_defects.cli.estimating import show_estimate

    for spec in specs:
        if len(specs) > 1 and Path(spec).is_file() and Path(spec).suffix not in (".yaml", ".yml"):
            console.print(f"{spec} is no YAML file and is passed over\n", markup=False)  # as in specs/*
            continue
        show_estimate(spec, console)


@commands.command()
def init(
    cif: Annotated[Path, typer.Argument(help="The ideal host crystal.")],
    out: Annotated[
        Path | None, typer.Option(help="The spec's file; spec.yaml beside the CIF file if left out.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the domain; that of the CIF file if left out.")] = None,
) -> None:
    """Write a commented spec for one's own crystal, its sublattices already named; the CIF file goes beside it."""
    import re
    import shutil

    from matbench_defects.crystal.template import template
    from matbench_defects.files import write_text

    path = out or cif.parent / "spec.yaml"
    if path.exists():
        raise InputError("exists already; give another --out", file=str(path))
    named = name or re.sub(r"[^a-z0-9]+", "-", cif.stem.lower()).strip("-") or "my-crystal"
    text = template(cif, named)
    beside = path.parent / cif.name
    if not beside.exists():  # the spec names the file without its folder
        beside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cif, beside)
    elif not beside.samefile(cif):
        raise InputError("exists already and is another file; give another --out", file=str(beside))
    write_text(path, text)
    console.print(f"{path} written. Edit it, then: matbench-defects check {path}", markup=False, soft_wrap=True)


@commands.command()
def schema(
    kind: Annotated[str, typer.Argument(help="What to describe: spec, task or submission.")] = "spec",
) -> None:
    """Print the JSON Schema of a spec, a task or a submission, for editors to complete and check."""
    from matbench_defects.cli.schemas import schema_of

    print(json.dumps(schema_of(kind), indent=2, ensure_ascii=False))


@commands.command()
def enumerate(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="A folder for one Parquet file a space.")],
) -> None:
    """Write every inequivalent configuration of a spec, however many, without labels."""
    from matbench_defects.crystal.building import build_spaces
    from matbench_defects.enumeration.streaming import write_index
    from matbench_defects.spec.loading import load_spec

    loaded = load_spec(spec)
    for name, space in build_spaces(loaded).items():
        part, _ = loaded.all_spaces()[space.family or name]
        path = out / f"{name}.parquet"
        with progress(name) as show:
            written = write_index(space, path, show, where=part.configurations.where)
        console.print(f"{written:,} configurations in {path}", markup=False, soft_wrap=True)


@commands.command()
def identify(
    structure: Annotated[Path, typer.Argument(help="A structure file that pymatgen reads, such as CIF or POSCAR.")],
    spec: Annotated[str, typer.Option(help="A spec file, a folder that holds spec.yaml, or a shipped name.")],
) -> None:
    """Say which configuration of a spec a structure is, relaxed or not, or why it is none."""
    from matbench_defects.cli.identifying import show_identified

    if not show_identified(structure, spec, console):
        raise SystemExit(1)


@commands.command("fetch-parents")
def fetch_parents(
    spec: SpecArgument,
    again: Annotated[bool, typer.Option("--again", help="Fetch also what is there already.")] = False,
) -> None:
    """Fetch the parents that a spec names by `materials_project`, and freeze them in files beside it."""
    from matbench_defects.crystal.materials_project import fetch_parents as fetch
    from matbench_defects.spec.loading import load_spec

    if not fetch(load_spec(spec), lambda line: console.print(line, markup=False, soft_wrap=True), again=again):
        console.print("This spec names no parent of the Materials Project.")


@commands.command("import")
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
) -> None:
    """Map published structures with labels onto the configurations of a spec."""
    from matbench_defects.cli.importing import import_published, show_mapped
    from matbench_defects.cli.settings import parse_settings

    given = {"level_of_theory": level_of_theory, "source": origin, "license": license_}
    given = {k: v for k, v in given.items() if v is not None} | parse_settings(settings or [])
    out = out or Path(f"{source.resolve().name.partition('.')[0]}.parquet")  # in the current folder
    with progress("structures") as show:
        mapped, report = import_published(format_, source, spec, out, given, show)
    show_mapped(mapped, out, report, console)
    if not mapped.rows:
        raise SystemExit(1)


@commands.command("compare-labels")
def compare_labels(
    ours: Annotated[str, typer.Argument(help="A built dataset, or a spec whose labels are compared.")],
    name: Annotated[str, typer.Argument(help="A target of the dataset, or a label of the spec.")],
    published: Annotated[Path, typer.Argument(help="What `import` wrote.")],
    column: Annotated[str, typer.Option(help="The published column.")] = "formation_energy_per_site",
    labels: Annotated[
        Path | None, typer.Option(help="Labels of the spec; labels.parquet beside it if left out.")
    ] = None,
) -> None:
    """Say how far a target or label is from published values of the same configurations."""
    from matbench_defects.cli.importing import show_comparison

    show_comparison(ours, name, published, column, labels, console)

"""Your crystal: a spec, what it holds, its configurations, and which one a structure is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import matbench_defects as md
from matbench_defects.cli.app import CRYSTAL, command
from matbench_defects.cli.options import (
    Displacement,
    SpecArgument,
    Strain,
    console,
    progress,
    quietly,
    say,
    shown_time,
)
from matbench_defects.plotting import shown_number

if TYPE_CHECKING:
    from rich.console import Console

MANY_CONTENTS = 40
"""Contents beyond this many are summed up and not listed."""


@command(CRYSTAL)
def init(
    cif: Annotated[
        Path, typer.Argument(help="The crystal, partly occupied sites too: CIF, POSCAR, extended XYZ and others.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The spec's file; spec.yaml beside the crystal's if left out.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the domain; that of the crystal's file if left out.")
    ] = None,
) -> None:
    """Write a commented spec for one's own crystal, its sublattices already named; the file goes beside it."""
    said: list[str] = []
    with progress("reading"):
        path = md.new_spec(cif, out, name, said.append)
    for line in said:
        say(line)
    for warning in _warnings(path):
        console.print(f"warning: {warning}", markup=False, style="yellow", soft_wrap=True)
    say(f"{path} written. Edit it, then: matbench-defects check {path}")


@command(CRYSTAL)
def check(
    specs: Annotated[list[str], typer.Argument(help="Spec files, folders or shipped names.")],
    time: Annotated[
        bool, typer.Option("--time", help="Compute and time one energy for each label of which none is there.")
    ] = False,
) -> None:
    """Say what specs hold and what building them would cost; build nothing."""
    for spec in specs:
        if len(specs) > 1 and Path(spec).is_file() and Path(spec).suffix not in (".yaml", ".yml"):
            console.print(f"{spec} is no YAML file and is passed over\n", markup=False)  # as in specs/*
            continue
        with quietly("counting"):
            found = md.check(spec, time=time)
        show_check(found, console)


@command(CRYSTAL)
def schema(
    kind: Annotated[str, typer.Argument(help="What to describe: spec, task or submission.")] = "spec",
) -> None:
    """Print the JSON Schema of a spec, a task or a submission, for editors to complete and check."""
    print(json.dumps(md.schema(kind), indent=2, ensure_ascii=False))


@command(CRYSTAL, "fetch-parents")
def fetch_parents(
    spec: SpecArgument,
    again: Annotated[bool, typer.Option("--again", help="Fetch also what is there already.")] = False,
) -> None:
    """Fetch the parents that a spec names by `materials_project`, and freeze them in files beside it."""
    if not md.fetch_parents(spec, say, again=again):
        console.print("This spec names no parent of the Materials Project.")


@command(CRYSTAL)
def enumerate(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option(help="A folder for one Parquet file a space.")],
) -> None:
    """Write every inequivalent configuration that a spec means, however many, without labels."""
    if out.exists() and not out.is_dir():
        raise md.InputError("is no folder, into which a file is written for each space; name another", file=str(out))
    loaded = md.load_spec(spec)
    for note in loaded.check():
        say(f"note: {note}")
    for name in loaded.space_names:
        path = out / f"{name}.parquet"
        with progress(name) as show:
            written = loaded.space(name).write(path, show)
        say(f"{written:,} configurations in {path}")


@command(CRYSTAL)
def identify(
    structure: Annotated[Path, typer.Argument(help="A structure file: CIF, POSCAR, extended XYZ and others.")],
    spec: Annotated[str, typer.Option(help="A spec file, a folder that holds spec.yaml, or a shipped name.")],
    displacement: Displacement = 1.5,
    strain: Strain = 0.12,
) -> None:
    """Say which configuration of a spec a structure is, relaxed or not, or why it is none."""
    with quietly("identifying"):
        found = md.load_spec(spec).identify(structure, displacement=displacement, strain=strain)
    for one in (found, *found.same):
        if one.id is not None:
            often = f", in its cell {one.copies} times" if one.copies > 1 else ""
            often += f", with {' and '.join(one.exchanged)} exchanged" if one.exchanged else ""
            say(f"{one.id}, largest displacement {one.displacement:.3f} Å, strain {one.strain:.3f}{often}")
    if found.id is None:
        say(f"{'ambiguous' if found.candidates else 'no configuration'}: {found.reason}")
        raise SystemExit(1)


def _warnings(spec: Path) -> list[str]:
    """Return what `check` warns of in a spec that was just written."""
    try:
        found = md.check(spec)
    except md.InputError as error:  # the spec is there all the same
        return [str(error)]
    return [*(one.warning for one in found.spaces if one.warning), *found.warnings]


def show_check(found: Any, console: Console) -> None:
    """Show what a spec holds and what building it would cost.

    Parameters
    ----------
    found : Check
        What `matbench_defects.check` found.
    console : rich.console.Console
        Where it is shown.
    """
    spec = found.spec
    console.print(f"{spec.name} {spec.version}: {spec.title}", markup=False, style="bold")
    for one in found.spaces:
        space = one.space
        sublattices = ", ".join(f"{s.name} {len(s.sites)} sites" for s in space.sublattices)
        console.print(
            f"\n{space.name}: {space.parent.formula}, {space.parent.space_group}, {len(space.host_species)} sites in "
            f"the supercell ({sublattices}), {len(space.group)} operations",
            markup=False,
        )
        if one.contents <= MANY_CONTENTS:
            _show_contents(one, console)
        else:
            console.print(
                f"{one.contents:,} contents, {shown_number(one.every)} configurations, "
                f"{shown_number(one.inequivalent)} inequivalent"
            )
        if not one.indexed:
            console.print(f"{one.labelled:,} of them are named in the file of `configurations`; no other is enumerated")
        if not one.counted:
            why = "too many to see which fulfil the conditions" if one.indexed else _not_told_apart(one)
            console.print(f"at most so many: {why}")
        if one.warning:
            console.print(f"warning: {one.warning}", markup=False, style="yellow")
    console.print(
        f"\nthe dataset: about {_bytes(found.dataset_bytes)} before compression; at most {_bytes(found.memory_bytes)} "
        "of memory to label and build"
    )
    most = "" if found.exact else "at most "
    for label in found.labels:
        name = label.method.name
        if label.seconds is None:
            cost = "time unknown, none was computed yet; --time times one energy"
        else:
            left = shown_time(label.seconds * min(label.wanted - label.present, 10**30))
            cost = f"{label.seconds:.1f} s each on one core, {left} to go"
            if label.calls > 1:
                one = f"one energy took {label.seconds / label.calls:.2g} s here"
                cost += f" ({one}, and a relaxation is assumed to need {label.calls})"
        console.print(f"label {name}: {most}{label.wanted} wanted, {label.present} present; {cost}", markup=False)
        if name in found.engines:
            warning = f"warning: label {name}: {found.engines[name]}"
            console.print(warning, markup=False, style="yellow", soft_wrap=True)
    for warning in found.warnings:
        console.print(f"warning: {warning}", markup=False, style="yellow", soft_wrap=True)


def _not_told_apart(found: Any) -> str:
    """Return why the numbers of a space that is not enumerated are too large."""
    if found.space.family:
        return "repetitions of smaller cells, which belong to those, are counted too"
    return "those that do not fulfil `where` are counted too"


def _show_contents(found: Any, console: Console) -> None:
    """Show a line a content. Written at once: a table of rich takes as long as all counting."""
    rows = [("content", "configurations", "inequivalent")]
    rows += [(_content(found.space, c), shown_number(every), shown_number(n)) for c, every, n in found.by_content]
    rows.append(("all", shown_number(found.every), shown_number(found.inequivalent)))
    first, second, third = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [f"{a:<{first}}  {b:>{second}}  {c:>{third}}" for a, b, c in rows]
    console.out("\n".join(lines), highlight=False)


def _content(space: Any, content: Any) -> str:
    """Return a content with the name that the spec gives it, if it does."""
    named = (space.meant or {}).get(content, "")
    return f"{named} {space.content_name(content)}".lstrip()


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.3g} {unit}"
        number /= 1000
    raise AssertionError

"""Configurations for other programs: structures and calculator inputs in a folder, with a table of their ids."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from matbench_defects._version import __version__
from matbench_defects.bounded import LARGEST_FILE, check_plain, read_bytes, read_parquet, read_text
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.crystal.structure import OXIDATION_STATES
from matbench_defects.dataset.finding import Finder
from matbench_defects.dataset.reading import Dataset
from matbench_defects.dataset.structures import row_crystal
from matbench_defects.enumeration.members import count_members
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError, Mistakes, nearest
from matbench_defects.exchange.writers.writer import CollectionWriter, Exported, Writer, grouped, make_writer
from matbench_defects.files import atomic_folder, check_replaceable, digest, only_writer, write_json
from matbench_defects.labels.states_seen import alike
from matbench_defects.spec.models import Spec

TABLE = "ids.csv"
"""The table of what was written: the id of each configuration and where it lies."""
RECORD = "export.json"
"""What was exported, from what, and how."""
POTENTIAL = "POTCAR."
"""Before the name of an element: its part of a POTCAR, in a template."""
LARGEST_TEMPLATE = 64 * 2**20
"""The files of a template may have this many bytes together; they are copied for each configuration."""
ROWS = 10_000
"""Configurations that are generated together."""
_SAFE = re.compile(r"[\w+.-]+(:[\w+.-]+){2}", re.ASCII)


class Wanted(NamedTuple):
    """What is to be exported."""

    number: int
    """How many configurations there are; at most so many where conditions leave some out."""
    each: Iterator[Exported]
    """They, made one by one."""
    origin: dict[str, Any]
    """What they are from, for the record."""
    notes: tuple[str, ...] = ()
    """What a user may not have meant."""


def of_spec(spec: Spec, *, ids: Collection[str] | None = None, every: bool = False) -> Wanted:
    """Return configurations of a spec: those that it labels, those of some ids, or all.

    Parameters
    ----------
    spec : Spec
        The spec.
    ids : collection of str, optional
        Only these; nothing is enumerated.
    every : bool
        Whether all configurations that the spec means are wanted, labelled or not.

    Raises
    ------
    InputError
        If an id is not one that the spec means, all such ids told; or the spec holds pathways.
    """
    origin = {"spec": spec.name, "version": spec.version, "spec_digest": digest(spec.document.data)}
    spaces = build_spaces(spec)
    notes = tuple(note for space in spaces.values() for note in _same_start(space))
    for name, space in spaces.items():
        if space.kind.points.blocks:
            raise InputError(f"{name} holds pathways, which are no single structures; export what they are of instead")
    if ids is not None:
        finder, mistakes = Finder(spec, spaces), Mistakes()
        chosen: list[Configuration] = []
        for id_ in ids:
            with mistakes.noted():
                chosen.append(finder.configuration(id_))
        mistakes.tell()
        return Wanted(len(chosen), map(_exported, chosen), origin, notes)
    if every:
        from matbench_defects.enumeration.configurations import Configurations
        from matbench_defects.enumeration.orderly import generate

        parts = {name: spec.all_spaces()[space.family or name][0].configurations for name, space in spaces.items()}
        number = sum(count_members(space, parts[name].where).inequivalent for name, space in spaces.items())
        generated = (
            one
            for name, space in spaces.items()
            for content in space.contents()
            for part in generate(space, content, parts[name].where, ROWS)
            for one in Configurations(space, (part,))
        )
        return Wanted(number, map(_exported, generated), origin, notes)
    selected = select(spec, index=False)
    rows = itertools.chain.from_iterable(part.rows for part in selected.values())
    return Wanted(sum(len(part.chosen) for part in selected.values()), map(_exported, rows), origin, notes)


def _same_start(space: Space) -> list[str]:
    """Return which species are the same in what programs read, though the space tells them apart."""
    return [
        f"{' and '.join(members)} of {space.name} differ neither in their element nor in their starting moment, so "
        f"inputs of configurations that differ in them alone are the same; say `moments` in the spec ({TABLE} lists "
        "the oxidation states)"
        for members in alike(space, "moments")
    ]


def of_dataset(dataset: Dataset, *, ids: Collection[str] | None = None, label: str | None = None) -> Wanted:
    """Return the labelled structures of a dataset.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    ids : collection of str, optional
        Only these.
    label : str, optional
        Name of a relaxing label, for its relaxed structures; the ideal ones where left out.

    Raises
    ------
    InputError
        If there is no such id, all such ids told, or no such label.
    """
    table = dataset.structures
    if label is not None and f"{label}_cartesian_site_positions" not in table.schema.names:
        ending = "_cartesian_site_positions"
        known = [
            name.removesuffix(ending) for name in table.schema.names if name.endswith(ending) and name != ending[1:]
        ]
        raise InputError(f"no label with relaxed structures is called '{label}'; {nearest(label, known)}")
    found = table["id"].to_pylist()
    wanted = set(found) if ids is None else set(ids)
    mistakes = Mistakes()
    for id_ in sorted(wanted - set(found)):
        mistakes.add(InputError(f"'{id_:.100}' is no labelled configuration of {dataset.name}"))
    mistakes.tell()

    def rows() -> Iterator[Exported]:
        for batch in table.to_batches(max_chunksize=1000):
            for row in batch.to_pylist():
                if row["id"] in wanted and (label is None or row[f"{label}_cartesian_site_positions"] is not None):
                    crystal = grouped(row_crystal(row, label))
                    yield Exported(row["id"], row["space"], row["content"], row["multiplicity"], crystal)

    origin = {"dataset": dataset.name, "version": dataset.version, "label": label}
    spaces = build_spaces(dataset.spec) if OXIDATION_STATES in table.schema.names else {}
    notes = tuple(note for space in spaces.values() for note in _same_start(space))
    return Wanted(len(wanted), rows(), origin, notes)


def read_ids(path: Path) -> list[str]:
    """Return the ids that a file lists.

    It is CSV or Parquet with a column ``id``, as ``enumerate`` and ``screen`` write them, or text with an id a line.

    Raises
    ------
    InputError
        If the file has no such column, or names nothing.
    """
    if path.suffix == ".parquet":
        table = read_parquet(path, LARGEST_FILE)
        names, column = table.schema.names, "id"
        if column not in names:
            raise InputError(f"lacks the column 'id'; it has {', '.join(names[:10])}", file=str(path))
        ids = [str(id_) for id_ in table[column].to_pylist()]
    else:
        lines = read_text(path, LARGEST_FILE).splitlines()
        if path.suffix == ".csv":
            reader = csv.DictReader(lines)
            if "id" not in (reader.fieldnames or []):
                raise InputError("lacks the column 'id'", file=str(path))
            ids = [row["id"] or "" for row in reader]
        else:
            ids = [line.strip() for line in lines]
        ids = [id_ for id_ in ids if id_]
    if not ids:
        raise InputError("names no configuration", file=str(path))
    return list(dict.fromkeys(ids))


def export_structures(
    wanted: Wanted,
    to: Path,
    format_: str,
    settings: dict[str, Any],
    *,
    template: Path | None = None,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write configurations to a folder, with a table of their ids and a record; all of it or nothing.

    Parameters
    ----------
    wanted : Wanted
        The configurations.
    to : path
        The folder. An earlier export there is replaced if `replace` says so, anything else never.
    format_ : str
        The name of a registered writer.
    settings : dict
        Its settings.
    template : path, optional
        A folder whose files are put beside each structure; then each has a folder of its own. Of ``POTCAR.Li`` and the
        like one POTCAR is made, in the order of the structure's elements.
    replace : bool
        Whether an earlier export is replaced: calculations may have been run in it.
    progress : callable, optional
        Called with how many are written and how many there are.

    Returns
    -------
    int
        How many were written.
    """
    writer = make_writer(format_, settings)
    beside = {} if template is None else _read_template(template)
    if beside and isinstance(writer, CollectionWriter):
        raise InputError(f"{format_} writes one file for all; a template goes with formats of a folder each")
    check_replaceable(to, RECORD, "an export")
    if (to / RECORD).exists() and not replace:
        raise InputError(
            "holds an export, in which calculations may have been run; take another folder, or replace it with "
            "--replace (`replace=True`)",
            file=str(to),
        )
    with only_writer(to), atomic_folder(to, flushed=False) as folder:
        with open(folder / TABLE, "w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            each = _counted(wanted, progress)
            first = next(each, None)
            each = itertools.chain([] if first is None else [first], each)
            with_states = first is not None and first.crystal.oxidation_states is not None
            states = [OXIDATION_STATES] if with_states else []
            table.writerow(["id", "path", "space", "content", "multiplicity", "atoms", *states])
            if isinstance(writer, CollectionWriter):
                number = _write_together(writer, each, folder, table)
            else:
                number = _write_apart(writer, each, folder, table, beside)
        if not number:
            raise InputError("there is nothing to export")
        record = {"format": format_, "settings": settings, "configurations": number, **wanted.origin}
        write_json(folder / RECORD, {**record, "builder": f"matbench-defects {__version__}"})
    return number


def _exported(one: Configuration) -> Exported:
    content = one.space.content_name(one.content)
    return Exported(one.id, one.space.name, content, one.multiplicity, grouped(one.crystal))


def _counted(wanted: Wanted, progress: Callable[[int, int], None] | None) -> Iterator[Exported]:
    for number, one in enumerate(wanted.each, start=1):
        if not _SAFE.fullmatch(one.id) or ".." in one.id:
            raise InputError(f"'{one.id:.100}' is no id after which a file can be named")
        yield one
        if progress is not None:
            progress(number, wanted.number)


def _row(one: Exported, path: str) -> list[str | int]:
    row: list[str | int] = [one.id, path, one.space, one.content, one.multiplicity, len(one.crystal)]
    if one.crystal.oxidation_states is None:
        return row
    runs = [(species, len(list(some))) for species, some in itertools.groupby(one.crystal.named_species)]
    return [*row, " ".join(f"{number}*{species}" for species, number in runs)]


def _write_together(writer: CollectionWriter, each: Iterable[Exported], folder: Path, table: Any) -> int:
    number = 0
    with writer.opened(folder / writer.name) as add:
        for one in each:
            add(one)
            table.writerow(_row(one, writer.name))
            number += 1
    return number


def _write_apart(writer: Writer, each: Iterable[Exported], folder: Path, table: Any, beside: dict[str, bytes]) -> int:
    made: set[Path] = set()
    number = 0
    for one in each:
        path = one.id.replace(":", "/")
        texts = writer.files(one)
        if writer.ending and not beside:
            path += writer.ending
            files = {"": next(iter(texts.values())).encode("utf-8")}
        else:
            files = {f"/{name}": text.encode("utf-8") for name, text in texts.items()}
        files.update((f"/{name}", content) for name, content in _of_template(beside, one).items())
        for name, content in files.items():
            file = folder / f"{path}{name}"
            if file.parent not in made:
                file.parent.mkdir(parents=True, exist_ok=True)
                made.add(file.parent)
            file.write_bytes(content)
        table.writerow(_row(one, path))
        number += 1
    return number


def _read_template(template: Path) -> dict[str, bytes]:
    """Return the files of a template by name."""
    if not template.is_dir():
        raise InputError("is no folder; the files in it are put beside each structure", file=str(template))
    files: dict[str, bytes] = {}
    for path in sorted(template.iterdir()):
        check_plain(path, LARGEST_TEMPLATE)
        files[path.name] = read_bytes(path, LARGEST_TEMPLATE)
        if sum(map(len, files.values())) > LARGEST_TEMPLATE:
            raise InputError(
                f"has more than {LARGEST_TEMPLATE:,} bytes, which each structure would get", file=str(path)
            )
    if not files:
        raise InputError("holds no file", file=str(template))
    return files


def _of_template(beside: dict[str, bytes], one: Exported) -> dict[str, bytes]:
    """Return a template's files for one configuration: its POTCAR is made of those of its elements."""
    potentials = {name.removeprefix(POTENTIAL): data for name, data in beside.items() if name.startswith(POTENTIAL)}
    potentials.pop("spec", None)
    files = {name: data for name, data in beside.items() if name.removeprefix(POTENTIAL) not in potentials}
    if potentials:
        elements = list(dict.fromkeys(one.crystal.species))
        if lacking := [element for element in elements if element not in potentials]:
            raise InputError(f"the template has no {POTENTIAL}{lacking[0]}, which {one.id} needs")
        files["POTCAR"] = b"".join(potentials[element] for element in elements)
    return files

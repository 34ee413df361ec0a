"""Building a dataset from a spec: the one path from configurations and labels to a folder that others open."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from matbench_defects._version import __version__
from matbench_defects.columns import Quantity
from matbench_defects.dataset.audit import Audit
from matbench_defects.dataset.card import write_card
from matbench_defects.dataset.croissant import croissant
from matbench_defects.dataset.figures import View, draw_figures
from matbench_defects.dataset.labelling import compute_labels, labels_there
from matbench_defects.dataset.lock import check_lock, lock_of
from matbench_defects.dataset.noise import measured_noise
from matbench_defects.dataset.plan import Plan, plan
from matbench_defects.dataset.reading import FORMAT, MANIFEST, PARTS, WHOLE, Dataset, open_dataset, split_column
from matbench_defects.dataset.splits.assign import Parting
from matbench_defects.dataset.structures import (
    label_columns,
    label_schema,
    structure_rows,
    structure_schema,
)
from matbench_defects.dataset.targets import Labelled, LabelledConfiguration
from matbench_defects.enumeration.streaming import write_parts
from matbench_defects.errors import InputError
from matbench_defects.files import (
    atomic_folder,
    check_replaceable,
    digest,
    only_writer,
    sha256_of_file,
    write_json,
    write_text,
)
from matbench_defects.labels.attempts import attempts_by_id, attempts_of
from matbench_defects.labels.guards import kind_of_problem
from matbench_defects.labels.jobs import REFERENCE
from matbench_defects.labels.store import Key, Label, LabelStore, there_are_labels
from matbench_defects.shipped import cache_folder
from matbench_defects.spec.document import dump_yaml
from matbench_defects.spec.models import Spec

OTHER_IDS = "other_ids"
"""Column of the ids that a row's crystal has in other spaces of the dataset."""
LEFT_OUT = "unassigned"
"""File of the rows that the shown split leaves out."""


def build_dataset(
    spec: Spec,
    out: str | Path,
    *,
    labels: str | Path | None = None,
    compute: bool = True,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    wait: bool = False,
    rows_only: bool = False,
) -> Dataset:
    """Build a dataset folder.

    Parameters
    ----------
    spec : Spec
        The spec.
    out : path-like
        The folder; an earlier dataset there is replaced once the new one is whole, anything else is left alone.
    labels : path-like, optional
        A table of labels that are already computed, such as the one beside a shipped spec.
    compute : bool
        Whether labels that are still missing are computed. If not, configurations that have none are left out, what
        refers to a missing one stays empty, and the card says how many are missing.
    workers : int, optional
        Processes for labels that are still missing; as many as cores where left out.
    progress : callable, optional
        Called with the number of computed labels and of those to compute.
    wait : bool
        Whether to wait for another process that is building it, and to take what that built; refused otherwise.
    rows_only : bool
        Whether to write only the labelled structures with their splits, which scoring needs, in a fraction of the
        time: no index, pictures or card.

    Returns
    -------
    Dataset
        Opened and verified.

    Raises
    ------
    InputError
        If the spec cannot be built, `out` holds something that is not a dataset or cannot be written, another process
        is building it, or the version is locked and the dataset would be another.
    """
    out = Path(out)
    check_replaceable(out, MANIFEST, "a dataset")
    planned = plan(spec)
    # From here on: two that compute the same for hours, and only then see each other, would help nobody.
    with only_writer(out, wait=wait):
        if wait and (out / MANIFEST).is_file():
            return open_dataset(out)
        return _build(
            planned, out, labels=labels, compute=compute, workers=workers, progress=progress, rows_only=rows_only
        )


def _build(
    planned: Plan,
    out: Path,
    *,
    labels: str | Path | None,
    compute: bool,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
    rows_only: bool,
) -> Dataset:
    spec = planned.spec
    # What has to be computed now is kept in the cache, so an interrupted build goes on where it was.
    stores = [LabelStore(path) for path in [labels] if path is not None and there_are_labels(Path(path))]
    stores.append(LabelStore(cache_folder() / "labels" / f"{spec.name}.parquet"))
    # The whole selection is parted, so that a row without a label moves no other.
    ids = [row.id for row in planned.rows]
    partings = planned.partings()
    missing = check_lock(planned, stores[0] if len(stores) > 1 else None, partings)
    if compute:
        found = compute_labels(planned, stores, workers=workers, progress=progress)
    else:
        found = labels_there(planned, stores)
    # As the tables hold them, and as `lock` sees them: `found` was compared with the configurations besides.
    held = {key: next(label for store in stores if (label := store.get(key)) is not None) for key in found}
    lock = lock_of(planned, held, partings)
    if not compute:
        planned = planned.only(found) if planned.methods else planned
        left = {row.id for row in planned.rows}
        if not left:
            raise spec.error(("labels",), "no configuration has a label yet; compute labels first")
        partings = {name: parting.take([id_ in left for id_ in ids]) for name, parting in partings.items()}
    with atomic_folder(out) as folder:
        _write(planned, found, partings, lock, missing, folder, rows_only)
    return open_dataset(out)


def _write(
    planned: Plan,
    found: dict[Key, Label],
    partings: dict[str, Parting],
    lock: dict[str, Any],
    missing: list[str] | None,
    folder: Path,
    rows_only: bool,
) -> None:
    spec = planned.spec
    rows, labelled = _join(planned, found)
    values, notes = _target_values(planned, labelled)
    for name, column in values.items():
        for row, value in zip(rows, column, strict=False):  # the values of copies in other spaces follow
            row[name] = value
    audit = _audited(planned, rows, partings)
    _write_structures(planned, rows, partings, folder)
    _freeze_spec(spec, folder)
    figures: dict[str, str] = {}
    if not rows_only:
        _write_index(planned, folder)
        figures = draw_figures(folder, View(spec, planned.selected, planned.targets, labelled, values))
    write_json(folder / "audit.json", audit)
    manifest = _manifest(planned, found, notes, figures)
    for name, measured in measured_noise(planned, found, labelled, values).items():
        manifest["targets"][name]["noise"] = measured
    manifest["lock"] = lock
    if missing is not None:
        manifest["differs_from_lock"] = missing
    if not rows_only:
        write_card(folder / "README.md", spec, planned.spaces, manifest, audit, _parts_on_disk(folder))
        write_json(folder / "croissant.json", croissant(spec, folder, manifest))
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    manifest["files"] = {name: sha256_of_file(folder / name) for name in files}
    write_json(folder / MANIFEST, manifest)


def _write_index(planned: Plan, folder: Path) -> None:
    for name, chosen in planned.selected.items():
        every = chosen.configurations
        path = folder / "data" / "index" / f"{name}.parquet"
        write_parts(chosen.space, every.batches(), path, len(every), content_defined=True)


def _audited(planned: Plan, rows: list[dict[str, Any]], partings: dict[str, Parting]) -> dict[str, Any]:
    """Write the part of each row into it, and audit every split."""
    audit = Audit(rows, planned.rows, planned.spaces)
    found = {}
    for name, parting in partings.items():
        for row, part in zip(rows, parting.column(), strict=True):
            row[split_column(name)] = part
        with planned.spec.at(("splits", name)):
            found[name] = audit.of(parting, planned.spec.splits[name].keep_apart)
    return found


def _join(planned: Plan, found: dict[Key, Label]) -> tuple[list[dict[str, Any]], dict[str, Labelled]]:
    """Bring configurations and labels together."""
    rows = structure_rows(planned.rows, planned.spaces)
    others: dict[str, list[str]] = {}
    for copy, id_ in planned.copies:
        others.setdefault(id_, []).append(copy.id)
    for row in rows:
        row[OTHER_IDS] = others.get(row["id"], [])
    labelled: dict[str, Labelled] = {}
    for method in planned.methods:
        jobs = [job for job in planned.jobs if job.method.name == method.name]
        by_id = attempts_by_id(found[job.key] for job in jobs if job.key in found)
        for row in rows:
            if row["id"] in by_id:
                row.update(label_columns(method, by_id[row["id"]]))
        usable = {id_: tried.label for id_, tried in by_id.items() if tried.usable}
        every = [(row, row.id) for row in planned.rows] + planned.copies
        labelled[method.name] = Labelled(
            [LabelledConfiguration.of(one, usable.get(id_)) for one, id_ in every],
            {id_.removeprefix(REFERENCE): label for id_, label in usable.items() if id_.startswith(REFERENCE)},
        )
    return rows, labelled


def _target_values(
    planned: Plan, labelled: dict[str, Labelled]
) -> tuple[dict[str, list[float | None]], dict[str, list[str]]]:
    """Return the values of each target, and what the card says of them."""
    values: dict[str, list[float | None]] = {}
    notes: dict[str, list[str]] = {}
    for name, target in planned.targets.items():
        known = labelled[target.label]
        try:
            with planned.spec.at(("targets", name)):
                values[name] = target.computed.values(known)
                notes[name] = target.computed.notes(known)
        except InputError as error:
            if not planned.partial:
                raise
            values[name] = [None] * len(known.rows)
            notes[name] = [f"Empty as yet: {error.message}"]
    return values, notes


def _write_structures(planned: Plan, rows: list[dict[str, Any]], partings: dict[str, Parting], folder: Path) -> None:
    schema = structure_schema(planned.spaces)
    if planned.copies:
        schema = schema.append(pa.field(OTHER_IDS, pa.list_(pa.string())))
    for method in planned.methods:
        for field in label_schema(method):
            schema = schema.append(field)
    for name, target in planned.targets.items():
        schema = schema.append(target.quantity.field(name))
    for name, parting in partings.items():
        schema = schema.append(pa.field(split_column(name), parting.type))
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["id"]), schema=schema)
    shown = next((name for name, parting in partings.items() if not parting.folded), None)
    parts = [WHOLE] * len(table) if shown is None else table[split_column(shown)].to_pylist()
    for part in (*PARTS, None, WHOLE):
        chosen = [i for i, p in enumerate(parts) if p == part]
        if chosen:
            _write_parquet(table.take(chosen), folder / "data" / "structures" / f"{part or LEFT_OUT}.parquet")


def _write_parquet(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The Hub stores what two versions share once if pages end where their content says so.
    pq.write_table(table, path, compression="zstd", write_page_index=True, use_content_defined_chunking=True)


def _parts_on_disk(folder: Path) -> list[str]:
    order = (*PARTS, LEFT_OUT, WHOLE)
    return sorted((p.stem for p in (folder / "data" / "structures").glob("*.parquet")), key=order.index)


def _freeze_spec(spec: Spec, folder: Path) -> None:
    """Write the spec with everything that it extends, and the files that it names, beside each other."""
    import copy

    data = copy.deepcopy(spec.document.data)
    parents: list[tuple[tuple[str | int, ...], Any]] = [(("parent",), data.get("parent"))]
    parents += [(("spaces", n, "parent"), s.get("parent")) for n, s in (data.get("spaces") or {}).items()]
    parents += [(("reference_phases", n), p) for n, p in (data.get("reference_phases") or {}).items()]
    for route, parent in parents:
        if isinstance(parent, dict) and parent.get("cif"):
            source = spec.document.folder((*route, "cif")) / parent["cif"]
            parent["cif"] = "-".join(str(r) for r in route) + ".cif"
            shutil.copyfile(source, folder / parent["cif"])
        if isinstance(parent, dict) and parent.get("materials_project"):
            source = spec.document.folder((*route, "materials_project")) / f"{parent['materials_project']}.json"
            shutil.copyfile(source, folder / source.name)
    for name, split in (data.get("splits") or {}).items():
        if split.get("file"):
            source = spec.document.folder(("splits", name, "file")) / split["file"]
            split["file"] = f"split-{name}{source.suffix}"
            shutil.copyfile(source, folder / split["file"])
    write_text(folder / "spec.yaml", dump_yaml(data))


def _manifest(
    planned: Plan, found: dict[Key, Label], notes: dict[str, list[str]], figures: dict[str, str]
) -> dict[str, Any]:
    spec = planned.spec
    labels = {}
    for method in planned.methods:
        jobs = [job for job in planned.jobs if job.method.name == method.name]
        tried = attempts_by_id(found[job.key] for job in jobs if job.key in found)
        made = [each.label for each in tried.values()]
        problems = [kind_of_problem(label.problem) for label in made if label.problem]
        labels[method.name] = {
            **method.description(),
            "engine_versions": sorted({label.engine_version for label in made}),
            "level_of_theory": sorted({label.level_of_theory for label in made}),
            "labels": len(made),
            "missing": len({job.id for job in jobs}) - len(made),
            "references": sum(label.key.id.startswith(REFERENCE) for label in made),
            **({"attempts": len(attempts_of(method))} if len(attempts_of(method)) > 1 else {}),
            "converged": sum(label.outcome is not None and label.outcome.converged for label in made),
            "discarded": {p: problems.count(p) for p in sorted(set(problems))},
            "core_seconds": round(sum(found[job.key].seconds for job in jobs if job.key in found), 1),
        }
    return {
        "format": FORMAT,
        "name": spec.name,
        "version": spec.version,
        "builder": f"matbench-defects {__version__}",
        "spec_digest": digest(spec.document.data),
        "spaces": {
            name: {
                "parent": part.space.parent.formula,
                "space_group": part.space.parent.space_group,
                "group_order": len(part.space.group),
                "variable_sites": part.space.size,
                **dict(zip(("all", "inequivalent"), part.count(), strict=True)),
                "indexed": len(part.configurations),
                "labelled": len(part.chosen),
            }
            for name, part in planned.selected.items()
        },
        "labels": labels,
        "targets": {
            name: {
                "quantity": t.kind,
                "label": t.label,
                **_shown(t.quantity),
                **({"compares_rows": True} if t.computed.compares_rows and spec.rules > 1 else {}),
                **({"notes": notes[name]} if notes[name] else {}),
            }
            for name, t in planned.targets.items()
        },
        "splits": list(planned.splits),
        "unverified": [name for name, source in spec.provenances().items() if not source.verified],
        "figures": figures,
    }


def _shown(quantity: Quantity) -> dict[str, str]:
    return {key: value for key, value in vars(quantity).items() if value}

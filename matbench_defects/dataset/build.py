"""Building a dataset from a spec: the one path from configurations and labels to a folder that others open."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.csv_text import csv_text
from matbench_defects.dataset.audit import Audit
from matbench_defects.dataset.card import write_card
from matbench_defects.dataset.charge_state_table import charge_state_facts, charge_state_table
from matbench_defects.dataset.croissant import croissant
from matbench_defects.dataset.earlier import check_same
from matbench_defects.dataset.figures import View, draw_figures
from matbench_defects.dataset.labelled_rows import LabelledRows, LowestAttempts, NoLabels, lowest_attempts
from matbench_defects.dataset.labelling import check_labels_fit, check_labels_usable, compute_labels, labels_there
from matbench_defects.dataset.lock import check_lock, lock_of
from matbench_defects.dataset.manifest import manifest_of
from matbench_defects.dataset.noise import measured_noise
from matbench_defects.dataset.plan import Plan, plan
from matbench_defects.dataset.reading import DIGEST, MANIFEST, WHOLE, Dataset, manifest_digest, open_dataset
from matbench_defects.dataset.splits.assign import Parting
from matbench_defects.dataset.structure_files import parts_on_disk, write_structures, write_table
from matbench_defects.dataset.structures import identity_rows
from matbench_defects.dataset.targets import Labelled, Values
from matbench_defects.dataset.targets.target import labelled_for
from matbench_defects.dataset.thermodynamics import Composition, compositions, free_energy_table, thermodynamic_facts
from matbench_defects.enumeration.streaming import write_parts
from matbench_defects.errors import InputError
from matbench_defects.files import (
    atomic_folder,
    check_replaceable,
    only_writer,
    sha256_of_file,
    write_json,
    write_text,
)
from matbench_defects.labels.known import KnownLabels
from matbench_defects.labels.label_files import labels_in_cache, labels_of_spec, place_of_new_labels, there_are_labels
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.document import dump_yaml
from matbench_defects.spec.models import Spec

CONFIGURATIONS = "configurations.csv"
"""File of a dataset with the ids that its frozen spec takes its configurations from."""


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
    replace: bool = False,
    say: Callable[[str], None] | None = None,
) -> Dataset:
    """Build a dataset folder, in bounded memory however many rows it has.

    Parameters
    ----------
    spec : Spec
        The spec.
    out : path-like
        The folder; the same dataset there, or another version of it, is replaced once the new one is whole, anything
        else is left alone.
    labels : path-like, optional
        Labels that are already computed, besides those beside the spec: a folder of shards or a Parquet file. What is
        computed now is kept beside the spec, or in the cache where nothing can be written there.
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
    replace : bool
        Whether another dataset that stands there is replaced.
    say : callable, optional
        Called with a line where labels that were computed are not beside the spec, or sizes of supercells hold nothing.

    Returns
    -------
    Dataset
        Opened and verified.

    Raises
    ------
    InputError
        If the spec cannot be built, none of the labels that are given or of those that a method gave can be used,
        `out` holds something that is not a dataset, or another one, or cannot be written, another process is building
        it, or the version is locked and the dataset would be another.
    """
    out = Path(out)
    check_replaceable(out, MANIFEST, "a dataset")
    replace = replace or wait  # who waits takes what another builds, and only into a place of that content
    if not replace:
        check_same(out, spec)
    planned = plan(spec)
    if say is not None:
        for note in planned.notes:
            say(note)
    # From here on: two that compute the same for hours, and only then see each other, would help nobody.
    with only_writer(out, wait=wait):
        if wait and (out / MANIFEST).is_file():
            return open_dataset(out)
        return _build(
            planned,
            out,
            labels=labels,
            compute=compute,
            workers=workers,
            progress=progress,
            rows_only=rows_only,
            replace=replace,
            say=say,
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
    replace: bool,
    say: Callable[[str], None] | None,
) -> Dataset:
    spec = planned.spec
    stores, into = _stores(spec, labels)
    if labels is not None:
        check_labels_fit(planned, stores[0])
    # The whole selection is parted, so that a row without a label moves no other.
    partings = planned.partings()
    given = labels_of_spec(spec) if labels is None else Path(labels)
    missing = check_lock(planned, stores[0] if there_are_labels(given) else None, partings)
    if compute:
        found = compute_labels(planned, stores, into=into, workers=workers, progress=progress)
        if say is not None and into.path == labels_in_cache(spec) and len(into):
            say(f"labels that were computed are kept in {into.path}, for nothing is written beside this spec")
    else:
        found = labels_there(planned, stores)
    # As the stores hold them, and as `lock` sees them: `found` was compared with the configurations besides.
    lock = lock_of(planned, KnownLabels(planned.jobs, stores), partings)
    if not replace:
        check_same(out, spec, lock)
    planned = planned.followed(found)
    if not compute and planned.methods:
        kept = _labelled_rows(planned, found)
        if not kept.any():
            for store in stores:
                check_labels_fit(planned, store)
            raise spec.error(("labels",), "no configuration has a label yet; compute labels first")
        planned = planned.only(kept)
        partings = {name: parting.take(kept.tolist()) for name, parting in partings.items()}
    check_labels_usable(planned, found, partial=not compute)
    with atomic_folder(out) as folder:
        _write(planned, found, partings, lock, missing, folder, rows_only)
    return open_dataset(out)


def _stores(spec: Spec, labels: str | Path | None) -> tuple[list[LabelStore], LabelStore]:
    """Return where labels are looked for, those that were given first, and where new ones are put."""
    place = place_of_new_labels(spec)
    given = labels_of_spec(spec) if labels is None else Path(labels)
    paths = dict.fromkeys([given, place, labels_in_cache(spec)])  # earlier versions kept new ones in the cache
    stores = {path: LabelStore(path) for path in paths if path == place or there_are_labels(path)}
    return list(stores.values()), stores[place]


def _labelled_rows(planned: Plan, found: KnownLabels) -> NDArray[np.bool_]:
    """Return which rows have a label of some kind."""
    every = lowest_attempts(planned.methods, found, planned.jobs, planned.references).values()
    known: list[NDArray[np.bool_]] = []
    for rows in planned.rows.batches():
        here = np.zeros(len(rows), dtype=bool)
        for lowest in every:
            here |= np.array([tried is not None for tried in lowest.of(rows)], dtype=bool)
        known.append(here)
    return np.concatenate(known) if known else np.zeros(0, dtype=bool)


def _write(
    planned: Plan,
    found: KnownLabels,
    partings: dict[str, Parting],
    lock: dict[str, Any],
    missing: list[str] | None,
    folder: Path,
    rows_only: bool,
) -> None:
    spec = planned.spec
    tried = lowest_attempts(planned.methods, found, planned.jobs, planned.references)
    labelled = {name: _labelled(planned, lowest) for name, lowest in tried.items()}
    labelled[""] = Labelled(LabelledRows(planned.rows, NoLabels()))  # for targets that need none
    values, notes = _target_values(planned, labelled)
    audit = _audited(planned, partings)
    write_structures(planned, list(tried.values()), values, partings, folder)
    _freeze_spec(planned, folder)
    figures: dict[str, str] = {}
    free: list[Composition] = []
    charged = None
    if not rows_only:
        _write_index(planned, folder)
        free = _compositions(planned, labelled) if spec.thermodynamics else []
        if free:
            write_table(free_energy_table(free), folder / "data" / "free_energies" / f"{WHOLE}.parquet")
        charged = charge_state_table(planned.targets, labelled)
        if charged is not None:
            write_table(charged, folder / "data" / "charge_states" / f"{WHOLE}.parquet")
        figures = draw_figures(folder, View(spec, planned.selected, planned.targets, labelled, values, free))
    write_json(folder / "audit.json", audit)
    manifest = manifest_of(planned, tried, notes, figures)
    for name, measured in measured_noise(planned, found, labelled, values).items():
        manifest["targets"][name]["noise"] = measured
    if charged is not None:
        manifest["charge_states"] = charge_state_facts(charged)
    if free:
        manifest["thermodynamics"] = thermodynamic_facts(spec, free, planned.selected)
    manifest["lock"] = lock
    if missing is not None:
        manifest["differs_from_lock"] = missing
    if not rows_only:
        write_card(folder / "README.md", spec, planned.spaces, manifest, audit, parts_on_disk(folder))
        write_json(folder / "croissant.json", croissant(spec, folder, manifest))
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    manifest["files"] = {name: sha256_of_file(folder / name) for name in files}
    write_json(folder / MANIFEST, manifest | {DIGEST: manifest_digest(manifest)})


def _compositions(planned: Plan, labelled: dict[str, Labelled]) -> list[Composition]:
    try:
        with planned.spec.at(("thermodynamics",)):
            return compositions(planned.spec, labelled)
    except InputError:
        if not planned.partial:  # a reference phase may not have its label yet
            raise
        return []


def _write_index(planned: Plan, folder: Path) -> None:
    for name, chosen in planned.selected.items():
        every = chosen.configurations
        path = folder / "data" / "index" / f"{name}.parquet"
        write_parts(chosen.space, every.batches(), path, len(every), content_defined=True)


def _audited(planned: Plan, partings: dict[str, Parting]) -> dict[str, Any]:
    """Audit every split."""
    merged = any(method.merged for method in planned.methods)
    audit = Audit(identity_rows(planned.rows), planned.rows, planned.spaces, planned.references, blind=merged)
    found = {}
    for name, parting in partings.items():
        with planned.spec.at(("splits", name)):
            found[name] = audit.of(parting, planned.spec.splits[name].keep_apart)
    return found


def _labelled(planned: Plan, lowest: LowestAttempts) -> Labelled:
    """Bring configurations and the labels by one method together."""
    phases = {
        id_.removeprefix(REFERENCE): tried.label
        for id_, tried, _ in lowest.each(planned.jobs.of(lowest.method.name).listed())
        if tried is not None and tried.label.usable and id_.startswith(REFERENCE)
    }
    wanted = {id_ for _, id_ in planned.copies}
    ids = planned.rows.ids() if wanted else []
    places = {id_: place for place, id_ in enumerate(ids) if id_ in wanted}
    firsts = planned.rows.at(np.array([places[id_] for _, id_ in planned.copies], dtype=np.int64))
    copies = [copy for copy, _ in planned.copies]
    return Labelled(LabelledRows(planned.rows, lowest, list(zip(copies, firsts, strict=True))), phases)


def _target_values(planned: Plan, labelled: dict[str, Labelled]) -> tuple[dict[str, Values], dict[str, list[str]]]:
    """Return the values of each target, and what the card says of them."""
    values: dict[str, Values] = {}
    notes: dict[str, list[str]] = {}
    for name, target in planned.targets.items():
        known = labelled_for(target, labelled)
        try:
            with planned.spec.at(("targets", name)):
                values[name] = Values(target.computed.values(known))
                notes[name] = target.computed.notes(known)
        except InputError as error:
            if not planned.partial:
                raise
            values[name] = Values([None] * len(known.rows))
            notes[name] = [f"Empty as yet: {error.message}"]
    return values, notes


def _freeze_spec(planned: Plan, folder: Path) -> None:
    """Write the spec with everything that it extends, and the files that it names, beside each other."""
    import copy

    spec = planned.spec
    data = copy.deepcopy(spec.document.data)
    parents: list[tuple[tuple[str | int, ...], Any]] = [(("parent",), data.get("parent"))]
    parents += [(("spaces", n, "parent"), s.get("parent")) for n, s in (data.get("spaces") or {}).items()]
    parents += [(("reference_phases", n), p) for n, p in (data.get("reference_phases") or {}).items()]
    for route, parent in parents:
        for field in ("cif", "structure"):
            if isinstance(parent, dict) and parent.get(field):
                source = spec.document.folder((*route, field)) / parent[field]
                # The ending says which format it is; a POSCAR has none, and its name says so.
                ending = ".cif" if field == "cif" else source.suffix or f"-{source.name}"
                parent[field] = "-".join(str(r) for r in route) + ending
                shutil.copyfile(source, folder / parent[field])
        if isinstance(parent, dict) and parent.get("materials_project"):
            source = spec.document.folder((*route, "materials_project")) / f"{parent['materials_project']}.json"
            shutil.copyfile(source, folder / source.name)
    selections = [data.get("configurations")]
    selections += [space.get("configurations") for space in (data.get("spaces") or {}).values()]
    named = [one for one in selections if isinstance(one, dict) and one.get("from")]
    for selection in named:
        selection["from"] = CONFIGURATIONS
    if named:  # the ids alone; whoever holds the dataset needs no label of the file
        ids = [*planned.rows.ids(), *(copy.id for copy, _ in planned.copies)]
        write_text(folder / CONFIGURATIONS, csv_text([["id"], *([id_] for id_ in sorted(ids))]))
    for name, split in (data.get("splits") or {}).items():
        if split.get("file"):
            source = spec.document.folder(("splits", name, "file")) / split["file"]
            split["file"] = f"split-{name}{source.suffix}"
            shutil.copyfile(source, folder / split["file"])
    write_text(folder / "spec.yaml", dump_yaml(data))

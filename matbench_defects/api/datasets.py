"""Labels and datasets: computing, building, opening, publishing, and what others have published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.api.domains import Spec, load_spec
from matbench_defects.dataset.parts import PARTS as PARTS
from matbench_defects.dataset.reading import Dataset as Dataset
from matbench_defects.errors import InputError
from matbench_defects.exchange.importing import LabelComparison
from matbench_defects.exchange.importing import compare_labels as _compare_labels
from matbench_defects.exchange.mapping import Mapped
from matbench_defects.labels.store import Label

Counter = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


@dataclass(frozen=True)
class Labels:
    """The labels that a spec asks for.

    Parameters
    ----------
    path : path
        The folder or file that holds them.
    number : int
        How many there are.
    bad : list of Label
        Those with a problem.
    """

    path: Path
    number: int
    bad: list[Label]

    def __repr__(self) -> str:
        return f"<Labels: {self.number} in {self.path}, {len(self.bad)} of them with a problem>"


def label(
    spec: Spec | str | Path | dict[str, Any],
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    cluster: str | Path | None = None,
    retry_failed: bool = False,
    progress: Counter | None = None,
    say: Callable[[str], None] | None = None,
) -> Labels:
    """Compute the labels that a spec asks for and has not yet. If killed, rerun it; only missing labels are computed.

    Parameters
    ----------
    spec : Spec, str, path or dict
        As for `load_spec`.
    out : path-like, optional
        Where labels are kept: a folder of shards, or a Parquet file. If left out, the folder ``labels`` beside the
        spec; where nothing can be written there, one in the cache.
    workers : int, optional
        Processes of this machine; as many as cores if left out.
    cluster : path-like, optional
        A file that names a Dask cluster, instead.
    retry_failed : bool
        Whether to compute again what failed or did not converge.
    progress : callable, optional
        Called with the number of computed labels and of those to compute.
    say : callable, optional
        Called with a line where sizes of supercells hold nothing.

    Raises
    ------
    InputError
        If the spec cannot be built, an engine cannot be loaded, or another process adds labels.

    Examples
    --------
    >>> import matbench_defects as md
    >>> salt = {"spacegroup": "Fm-3m", "lattice": {"a": 4.3}, "sites": {"Mg": [0, 0, 0], "O": [0.5, 0.5, 0.5]}}
    >>> salt["provenance"] = {"source": "an example", "verified": False}
    >>> domain = {"name": "salt", "version": "1.0.0", "title": "(Mg, Ca)O", "parent": salt, "supercell": [1, 1, 1]}
    >>> domain |= {"sublattices": {"Mg": {"Mg": "0..4", "Ca": "rest"}}}
    >>> domain |= {"labels": [{"engine": "ewald", "charges": {"Mg": 2, "Ca": 2, "O": -2}}]}
    >>> md.label(domain, "labels.parquet", workers=1)
    <Labels: 5 in labels.parquet, 0 of them with a problem>
    """
    from matbench_defects.dataset.labelling import compute_labels
    from matbench_defects.dataset.plan import plan
    from matbench_defects.execution.cluster_file import open_executor
    from matbench_defects.labels.label_files import place_of_new_labels
    from matbench_defects.labels.store import LabelStore

    loaded = _loaded(spec)
    planned = plan(loaded)
    if say is not None:
        for note in planned.notes:
            say(note)
    store = LabelStore(out or place_of_new_labels(loaded, shipped=True))
    with open_executor(cluster, workers) as executor:
        labels = compute_labels(planned, [store], executor=executor, retry_failed=retry_failed, progress=progress)
    return Labels(store.path, len(labels), [found for found in labels.values() if not found.usable])


def build(
    spec: Spec | str | Path | dict[str, Any],
    out: str | Path,
    *,
    labels: str | Path | None = None,
    compute: bool = True,
    workers: int | None = None,
    replace: bool = False,
    progress: Counter | None = None,
    say: Callable[[str], None] | None = None,
) -> Dataset:
    """Build the dataset of a spec, computing the labels that are missing; these are kept beside the spec.

    Parameters
    ----------
    spec : Spec, str, path or dict
        As for `load_spec`.
    out : path-like
        The folder; the same dataset there, or another version of it, is replaced, anything else is left alone.
    labels : path-like, optional
        Labels already computed, a folder or a Parquet file; those beside the spec if left out.
    compute : bool
        Whether missing labels are computed; if not, what has no label is left out.
    workers : int, optional
        Processes; as many as cores if left out.
    replace : bool
        Whether another dataset that stands there is replaced.
    progress : callable, optional
        Called with the number of computed labels and of those to compute.
    say : callable, optional
        Called with a line where nothing can be written beside the spec and labels are kept in the cache, or where sizes
        of supercells hold nothing.

    Returns
    -------
    Dataset
        Opened, every file compared with the manifest.

    Raises
    ------
    InputError
        If the spec cannot be built, `out` holds something else, the labels that are given do not fit, or the version is
        locked and would change.

    Examples
    --------
    >>> import matbench_defects as md
    >>> some = {"lno-cathode": {"configurations": {"select": "uniform", "count": 20}}}
    >>> splits = {"random": {"train": 0.6, "validation": 0.2, "test": 0.2}, "low-lithium": None}
    >>> spec = md.load_spec({"extends": "lno-cathode", "name": "lno-part", "spaces": some, "splits": splits})
    >>> from matbench_defects.shipped import find_spec
    >>> md.build(spec, out="mine", labels=find_spec("lno-cathode").with_name("labels.parquet"), compute=False)
    <Dataset lno-part 1.0.0: 20 labelled, targets ...>
    """
    from matbench_defects.dataset.build import build_dataset

    if labels is not None and not Path(labels).exists():
        raise InputError("there is no such file or folder of labels", file=str(labels))
    options: dict[str, Any] = {"labels": labels, "compute": compute, "workers": workers, "replace": replace}
    return build_dataset(_loaded(spec), out, **options, progress=progress, say=say)


def _loaded(spec: Spec | str | Path | dict[str, Any]) -> Spec:
    return spec if isinstance(spec, Spec) else load_spec(spec)


def publish(dataset: Dataset | str | Path, repo: str | None = None, *, private: bool = False) -> str:
    """Publish a built dataset on the Hub, tagged with its version; a published version is never changed.

    Parameters
    ----------
    dataset : Dataset or path
        What `build` wrote.
    repo : str, optional
        ``organisation/name``; left out, the dataset's name in the organisation that ``MATBENCH_DEFECTS_HUB`` names.
    private : bool
        Whether a new repository is made private.

    Returns
    -------
    str
        The address of the published version.

    Raises
    ------
    InputError
        If the dataset is not whole or differs from its lock, no organisation is known, this or a later version is
        published already, or the Hub refuses or cannot be reached.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.publish("mine", "my-organisation/mine")
    Traceback (most recent call last):
    ...
    matbench_defects.errors.InputError: mine: is not a dataset: it has no manifest.json
    """
    from matbench_defects.hub.publish import publish_dataset

    return publish_dataset(dataset.folder if isinstance(dataset, Dataset) else dataset, repo, private=private)


@dataclass(frozen=True)
class ImportedLabels:
    """Published labels that were mapped onto configurations.

    Parameters
    ----------
    mapped : Mapped
        What was found.
    table : path
        The Parquet file: a row a configuration.
    report : path
        The CSV file that says which structures are not in the table, and why.
    """

    mapped: Mapped
    table: Path
    report: Path

    def __repr__(self) -> str:
        number = f"{self.mapped.mapped} of {self.mapped.structures} structures are configurations"
        return f"<ImportedLabels: {number}, in {self.table}>"


def import_labels(
    format: str,
    source: str | Path,
    spec: str | Path | None = None,
    out: str | Path | None = None,
    *,
    settings: dict[str, Any] | None = None,
    displacement: float = 1.0,
    strain: float = 0.12,
    progress: Counter | None = None,
) -> ImportedLabels:
    """Map published structures with labels onto the configurations of a spec, and write a row a configuration.

    Parameters
    ----------
    format : str
        A name of `listing("formats")`.
    source : path-like
        The published file or folder.
    spec : str or path, optional
        As for `load_spec`; the format's own if left out.
    out : path-like, optional
        The Parquet file; in the current folder, called like the source, if left out.
    settings : dict, optional
        Of the format, such as ``level_of_theory``, ``source`` and ``license``.
    displacement : float
        An atom may lie so far from its site, Å.
    strain : float
        A cell may be so much longer or shorter than the ideal one in any direction, relatively: 0.12 is 12 %.
    progress : callable, optional
        Called with how many structures are done and how many there are.

    Returns
    -------
    ImportedLabels

    Raises
    ------
    InputError
        If the source cannot be read as the format, or a setting or limit does not suit.

    Examples
    --------
    >>> import matbench_defects as md
    >>> from ase.io import write
    >>> atoms = md.load_spec("lno-cathode").space().sample(1)[0].to_ase()
    >>> atoms.info["energy"] = -250.0
    >>> write("one.xyz", atoms, format="extxyz")
    >>> who = {"level_of_theory": "PBE", "source": "https://example.org", "license": "CC-BY-4.0"}
    >>> md.import_labels("extxyz", "one.xyz", "lno-cathode", settings=who)
    <ImportedLabels: 1 of 1 structures are configurations, in one.parquet>
    """
    from matbench_defects.exchange.importing import import_published

    source = Path(source)
    table = Path(out) if out is not None else Path(f"{source.resolve().name.partition('.')[0]}.parquet")
    named = None if spec is None else str(spec)
    mapped, report = import_published(
        format, source, named, table, dict(settings or {}), progress, displacement=displacement, strain=strain
    )
    return ImportedLabels(mapped, table, report)


def compare_labels(
    ours: Dataset | str | Path,
    name: str,
    published: str | Path,
    column: str = "formation_energy_per_site",
    labels: str | Path | None = None,
) -> LabelComparison:
    """Say how far a target of a dataset, or a label of a spec, is from published values of the same configurations.

    Parameters
    ----------
    ours : Dataset, str or path
        A built dataset, or a spec.
    name : str
        A target of the dataset, or a label of the spec, whose formation energies per defect site are taken.
    published : path-like
        What `import_labels` wrote.
    column : str
        The published column.
    labels : path-like, optional
        The labels of the spec; those beside it where left out.

    Raises
    ------
    InputError
        If a column or label is missing, the two are not the same quantity, or fewer than two configurations have both.

    Examples
    --------
    >>> import matbench_defects as md
    >>> from ase.io import write
    >>> dataset = md.load_dataset("lno-cathode")
    >>> frames = []
    >>> for row in dataset.structures.slice(0, 5).to_pylist():
    ...     frames.append(md.to_ase(row))
    ...     frames[-1].info |= {"energy": -1.0, "theirs": row["volume"] + 0.5}
    >>> write("theirs.xyz", frames, format="extxyz")
    >>> who = {"level_of_theory": "PBE", "source": "https://example.org", "license": "CC-BY-4.0"}
    >>> units = {"theirs": dataset.quantity("volume").shown_unit}
    >>> _ = md.import_labels("extxyz", "theirs.xyz", "lno-cathode", settings={"units": units, **who})
    >>> md.compare_labels(dataset, "volume", "theirs.parquet", "theirs").entry()["mae"]
    0.5
    """
    folder = ours.folder if isinstance(ours, Dataset) else ours
    return _compare_labels(str(folder), name, Path(published), column, None if labels is None else Path(labels))

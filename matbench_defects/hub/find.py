"""Finding a dataset by name and version: a folder, the cache, the Hub, or built from a shipped spec and its labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from matbench_defects.dataset.lock import lock_path, read_lock
from matbench_defects.dataset.reading import MANIFEST, Dataset, open_dataset
from matbench_defects.dependencies import depends_on
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import digest, sha256_of_file
from matbench_defects.hub.client import VARIABLE, HubError, repository_of
from matbench_defects.hub.download import download_dataset, downloaded_folder
from matbench_defects.labels.label_files import labels_of_spec, table_state
from matbench_defects.registry import Registry
from matbench_defects.shipped import cache_folder, shipped_specs
from matbench_defects.spec.document import Route
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Spec


def load_dataset(name: str, version: str | None = None) -> Dataset:
    """Return a dataset, and make sure that every file of it is what its manifest lists.

    Looked for in this order: a built folder; the cache; the Hub; built into the cache from a shipped spec whose labels
    are all there. `datasets.load_dataset` opens the same folders and repositories, without this check.

    Parameters
    ----------
    name : str
        A folder that `build` wrote, a name such as ``lno-cathode``, or ``organisation/name`` of the Hub.
    version : str, optional
        Which version. May be left out for a folder and for a shipped name, which then means the shipped version.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        If it is nowhere, is not what was asked for, or a file of it was altered.

    Examples
    --------
    >>> import matbench_defects as md
    >>> dataset = md.load_dataset("lno-cathode", version="1.0.0")
    >>> dataset
    <Dataset lno-cathode 1.0.0: 87 labelled, targets formation_energy, ...>
    >>> dataset.part("random", "test", "formation_energy").num_rows
    17
    """
    if (Path(name) / MANIFEST).is_file():
        dataset = open_dataset(name)
        if version not in (None, dataset.version):
            raise InputError(f"is {dataset.name}@{dataset.version}, not version {version}", file=name)
        return dataset
    shipped = shipped_specs().get(name)
    spec = None if shipped is None else load_spec(shipped)
    version = version or (spec.version if spec else None)
    if version is None:
        known = "" if "/" in name else f"{name} is no shipped dataset; {nearest(name, shipped_specs())}. "
        raise InputError(f"{known}Of a published one say the version, such as version='1.0.0'")
    if spec is None or spec.version != version:
        return _from_hub(name, version)
    if (built := _built_folder(spec) / MANIFEST).is_file():
        return open_dataset(built.parent)
    try:
        return _from_hub(name, version)
    except HubError as error:
        lock = read_lock(lock_path(spec))
        if lock is None or any(label["missing"] for label in lock["labels"].values()):
            how = f"`matbench-defects build {name} --out FOLDER` builds it, computing the labels that are missing"
            raise HubError(f"{error.message}; {how}") from None
        return _built(spec)


def _from_hub(name: str, version: str) -> Dataset:
    repo = repository_of(name)
    if repo is None:
        specs = shipped_specs()
        known = f"the shipped spec is {load_spec(specs[name]).version}" if name in specs else nearest(name, specs)
        raise HubError(
            f"{name} {version} is not here ({known}), and no organisation of the Hub is known to ask for it; set "
            f"{VARIABLE}, or give `organisation/name` or the folder of a built dataset"
        )
    try:
        dataset = download_dataset(repo, version)
    except HubError as error:
        raise HubError(
            f"{name} {version} is not in the cache ({downloaded_folder(repo, version)}), and cannot be downloaded: "
            f"{error.message}"
        ) from None
    if "/" not in name and dataset.name != name:
        raise InputError(f"the repository {repo} holds {dataset.name}, not {name}")
    return dataset


def find_dataset(
    name: str,
    version: str,
    folder: str | Path | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    rows_only: bool = False,
) -> Dataset:
    """Return a dataset by name and version, for a task: the shipped spec is built, other versions are downloaded.

    Parameters
    ----------
    name, version : str
        What is wanted.
    folder : path-like, optional
        A built dataset; where left out, the cache is asked for one that was built or downloaded, and failing that the
        shipped spec is built into it.
    progress : callable, optional
        Called while labels are computed that the shipped table does not have.
    rows_only : bool
        Whether labelled structures with their splits are enough, should it have to be built: scoring needs no more.

    Raises
    ------
    InputError
        If the folder holds another dataset, or no shipped spec has this name and version and the Hub has not either.
    """
    if folder is not None:
        dataset = open_dataset(folder)
        if (dataset.name, dataset.version) != (name, version):
            raise InputError(f"is {dataset.name}@{dataset.version}, not {name}@{version}", file=str(folder))
        return dataset
    path = shipped_specs().get(name)
    spec = None if path is None else load_spec(path)
    if spec is None or (spec.name, spec.version) != (name, version):
        return _from_hub(name, version)
    repo = repository_of(name)
    downloaded = repo is not None and (downloaded_folder(repo, version) / MANIFEST).is_file()
    if downloaded and not (_built_folder(spec) / MANIFEST).is_file():
        return _from_hub(name, version)  # from the cache; no network is needed
    return _built(spec, progress, rows_only=rows_only)


def labelled_dataset(given: str) -> Dataset:
    """Return a built dataset, or what of a spec has labels already: none is computed.

    Parameters
    ----------
    given : str
        The folder of a dataset, a spec file, a folder that holds ``spec.yaml``, or a shipped name.

    Raises
    ------
    InputError
        If it is none of these, or no configuration has a label.
    """
    if (Path(given) / MANIFEST).is_file():
        return open_dataset(given)
    return _built(load_spec(given), compute=False)


def _code(spec: Spec, rows_only: bool) -> dict[str, Any]:
    """Return what a build depends on besides spec and labels: what builds, and what that finds by names in the spec."""
    from matbench_defects.crystal.kinds.kind import kinds
    from matbench_defects.dataset.figures import figures
    from matbench_defects.dataset.splits import operators
    from matbench_defects.dataset.targets import quantities
    from matbench_defects.labels.engine import engines

    named: list[tuple[Registry[Any], str]] = [(engines, label.engine) for label in spec.labels]
    named += [(quantities, target.quantity or name) for name, target in spec.targets.items()]
    named += [(kinds, name) for name in spec.kinds]
    named += [(operators, split.by.partition(".")[0]) for split in spec.splits.values()]
    drawn = [] if rows_only else [figure.draw for _, figure in figures.items()]
    found = [registry.get(name) for registry, name in named if name in registry]
    return depends_on("matbench_defects.dataset.build", *found, *drawn)


def _files_named(spec: Spec, data: Any, route: Route = ()) -> Iterator[tuple[str, str]]:
    """Yield the name and digest of each file that a spec names: structures, tables, parts of splits."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        here = (*route, key)
        if key in ("cif", "file", "materials_project") and isinstance(value, str):
            path = spec.document.folder(here) / (f"{value}.json" if key == "materials_project" else value)
            if path.is_file():
                yield value, sha256_of_file(path)
        yield from _files_named(spec, value, here)


def _built_folder(spec: Spec, compute: bool = True, rows_only: bool = False) -> Path:
    """Return where the cache keeps what a spec and the labels beside it build to, by the code that it needs."""
    named = sorted(_files_named(spec, spec.document.data))
    state = digest([spec.document.data, named, table_state(labels_of_spec(spec)), compute, _code(spec, rows_only)])
    return cache_folder() / "datasets" / f"{spec.name}-{spec.version}-{state}{'-rows' if rows_only else ''}"


def _built(
    spec: Spec,
    progress: Callable[[int, int], None] | None = None,
    *,
    compute: bool = True,
    rows_only: bool = False,
) -> Dataset:
    cached = _built_folder(spec, compute)
    if rows_only and not (cached / MANIFEST).is_file():
        cached = _built_folder(spec, compute, rows_only)
    if (cached / MANIFEST).is_file():
        return open_dataset(cached)
    from matbench_defects.dataset.build import build_dataset

    return build_dataset(
        spec,
        cached,
        compute=compute,
        progress=progress,
        wait=True,
        rows_only=rows_only,
    )

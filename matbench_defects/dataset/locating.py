"""Finding a dataset by name and version: built from the shipped spec and its committed labels, kept in the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matbench_defects.dataset.reading import Dataset, open_dataset
from matbench_defects.errors import InputError
from matbench_defects.files import digest, package_digest, sha256_of_file
from matbench_defects.shipped import cache_folder, find_spec
from matbench_defects.spec.loading import load_spec


def find_dataset(
    name: str,
    version: str,
    folder: str | Path | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Return a dataset by name and version.

    Parameters
    ----------
    name, version : str
        What is wanted.
    folder : path-like, optional
        A built dataset; where left out, the cache is asked, and failing that the shipped spec is built into it.
    progress : callable, optional
        Called while labels are computed that the shipped table does not have.

    Raises
    ------
    InputError
        If the folder holds another dataset, or no shipped spec has this name and version.
    """
    if folder is not None:
        dataset = open_dataset(folder)
        if (dataset.name, dataset.version) != (name, version):
            raise InputError(f"is {dataset.name}@{dataset.version}, not {name}@{version}", file=str(folder))
        return dataset
    path = find_spec(name)
    spec = load_spec(path)
    if (spec.name, spec.version) != (name, version):
        raise InputError(f"the shipped spec is {spec.name}@{spec.version}, not {name}@{version}", file=str(path))
    labels = path.parent / "labels.parquet"
    state = digest([spec.document.data, sha256_of_file(labels) if labels.exists() else "", package_digest()])
    cached = cache_folder() / "datasets" / f"{name}-{version}-{state}"
    if (cached / "manifest.json").is_file():
        return open_dataset(cached)
    from matbench_defects.dataset.building import build_dataset

    return build_dataset(spec, cached, labels=labels, progress=progress)

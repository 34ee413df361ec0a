"""Downloading a published version from the Hub, once: what is whole and what it says it is stays in the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from matbench_defects.dataset.reading import MANIFEST, Dataset, open_dataset
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import only_writer
from matbench_defects.hub.client import KIND, HubError, hub_client, hub_errors, published_versions
from matbench_defects.shipped import cache_folder


def downloaded_folder(repo: str, version: str) -> Path:
    """Return where the cache keeps a version of a repository."""
    return cache_folder() / "hub" / repo.replace("/", "--") / version


def download_dataset(repo: str, version: str) -> Dataset:
    """Return a published version, from the cache or else from the Hub.

    A download that was interrupted goes on where it was. A version never changes, so the Hub is not asked for one that
    is in the cache.

    Parameters
    ----------
    repo : str
        ``organisation/name``.
    version : str
        The version, which is a tag of the repository.

    Returns
    -------
    Dataset
        Each file has the SHA-256 that the manifest lists.

    Raises
    ------
    HubError
        If the Hub cannot be reached, or has no such repository or version.
    InputError
        If what it sent is not what the manifest lists; nothing of it is kept.
    """
    folder = downloaded_folder(repo, version)
    if (folder / MANIFEST).is_file():
        try:
            return open_dataset(folder)
        except InputError:
            shutil.rmtree(folder)  # the disk or someone changed it; the Hub has it whole
    with hub_errors(repo):
        _download(repo, version, folder)
    return open_dataset(folder, verify=False)  # it was verified before it came there


def _download(repo: str, version: str, folder: Path) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RevisionNotFoundError

    partial = folder.with_name(f".{version}.part")
    partial.mkdir(parents=True, exist_ok=True)
    with only_writer(folder, wait=True):
        if (folder / MANIFEST).is_file():
            return  # another process downloaded it meanwhile
        api = hub_client()
        try:
            commit = api.dataset_info(repo, revision=version).sha
        except RevisionNotFoundError:
            known = nearest(version, published_versions(api, repo))
            raise HubError(f"the dataset {repo} has no version {version}; {known}") from None
        # Given the commit, and not the tag, the client never passes what lies there half-way as the whole.
        snapshot_download(repo, repo_type=KIND, revision=commit, local_dir=partial)
        _check(partial, repo, version)
        shutil.rmtree(partial / ".cache", ignore_errors=True)
        partial.replace(folder)


def _check(partial: Path, repo: str, version: str) -> None:
    try:
        dataset = open_dataset(partial)
    except InputError as error:
        shutil.rmtree(partial)
        name = Path(error.file or "").name
        raise InputError(
            f"what the Hub sent of {repo} {version} was thrown away: {name} {error.message}. Try again; if it happens "
            "twice, the published version is damaged"
        ) from None
    if dataset.version != version:
        shutil.rmtree(partial)
        raise InputError(f"the tag {version} of {repo} holds {dataset.name} {dataset.version}; nothing of it was kept")

"""Publishing a built dataset on the Hub: one commit, then a tag that is its version and never moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matbench_defects.dataset.lock import FIXED, differences, read_lock
from matbench_defects.dataset.reading import MANIFEST, Dataset, open_dataset
from matbench_defects.errors import InputError
from matbench_defects.hub.client import (
    KIND,
    VARIABLE,
    HubError,
    hub_client,
    hub_errors,
    published_versions,
    repository_of,
    version_order,
)
from matbench_defects.shipped import shipped_specs

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_OF_THE_HUB = {".gitattributes", "README.md"}
"""What a repository may hold before anything was published: the Hub writes these when it is made there."""


def publish_dataset(folder: str | Path, repo: str | None = None, *, private: bool = False) -> str:
    """Publish a built dataset: upload what its manifest lists, take away what an earlier version left, tag the version.

    Nothing of the published version is seen before the tag stands, and a tag that stands is never moved.

    Parameters
    ----------
    folder : path-like
        The folder that `build` wrote.
    repo : str, optional
        ``organisation/name``, or a name in the known organisation; left out, the dataset's own name there. It is made
        where it is missing and the token may make it.
    private : bool
        Make a new repository private.

    Returns
    -------
    str
        The address of the published version.

    Raises
    ------
    InputError
        If the folder is not whole, differs from the lock of its shipped domain, no organisation is known, this or a
        later version is published already, the repository holds something else, or the Hub refuses or cannot be
        reached.
    """
    dataset = open_dataset(folder)
    check_against_lock(dataset)
    where = repository_of(repo or dataset.name)
    if where is None:
        raise InputError(
            f"publish {dataset.name} where? no organisation of the Hub is known; give `--repo organisation/name`, or "
            f"set {VARIABLE} to the organisation"
        )
    with hub_errors(where):
        return _publish(dataset, where, private)


def check_against_lock(dataset: Dataset) -> None:
    """Refuse a build of a shipped domain that is not what its committed lock says.

    Raises
    ------
    InputError
        Naming what differs.
    """
    path = shipped_specs().get(dataset.name)
    if path is None:
        return
    path = path.with_name("lock.json")
    lock = read_lock(path)
    named = f"{dataset.name} {dataset.version}"
    if lock is None:
        raise InputError(f"{named} is a shipped domain that has no lock; run `matbench-defects lock {dataset.name}`")
    if lock["version"] != dataset.version:
        raise InputError(
            f"locks version {lock['version']}, the dataset is {named}; build the locked one", file=str(path)
        )
    built = dataset.manifest.get("lock")
    if built is None:
        raise InputError("does not say what it holds; build it again", file=str(dataset.folder / MANIFEST))
    different = [line for part in (*FIXED, "labels") for line in differences(lock[part], built[part], part)]
    if different:
        more = f"; and {len(different) - 3} more" if len(different) > 3 else ""
        raise InputError(
            f"{named} differs from its lock ({'; '.join(different[:3])}{more}). Build it from the committed spec and "
            "labels, or give the spec a new `version` and run `matbench-defects lock`",
            file=str(path),
        )


def _publish(dataset: Dataset, repo: str, private: bool) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, get_token

    if get_token() is None:
        raise HubError("there is no token for the Hub; set HF_TOKEN or run `hf auth login`")
    api = hub_client()
    before, held = _prepare(api, dataset, repo, private)
    files = [*sorted(dataset.manifest["files"]), MANIFEST]
    operations: list[Any] = [CommitOperationAdd(name, dataset.folder / name) for name in files]
    operations += [CommitOperationDelete(name) for name in sorted(held - set(files) - {".gitattributes"})]
    # One commit on top of what was looked at: of two who publish at once, one is refused.
    message = f"{dataset.name} {dataset.version}"
    commit = api.create_commit(repo, operations, commit_message=message, repo_type=KIND, parent_commit=before)
    api.create_tag(repo, tag=dataset.version, tag_message=message, revision=commit.oid, repo_type=KIND)
    return f"{api.endpoint}/datasets/{repo}/tree/{dataset.version}"


def _prepare(api: HfApi, dataset: Dataset, repo: str, private: bool) -> tuple[str | None, set[str]]:
    """Return commit and files of a repository that may take the dataset; it is made where there is none."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = api.dataset_info(repo)
    except RepositoryNotFoundError:
        api.create_repo(repo, repo_type=KIND, private=private or None)
        info = api.dataset_info(repo)
    if private and not info.private:
        raise HubError(f"{repo} exists and is public; --private only makes a new repository private")
    named = f"{dataset.name} {dataset.version}"
    versions = published_versions(api, repo)
    if dataset.version in versions:
        raise HubError(f"{named} is published in {repo} already, and a published version never changes; bump `version`")
    if versions and version_order(versions[-1]) > version_order(dataset.version):
        raise HubError(f"{repo} has the later version {versions[-1]}; {named} would take its place as the newest")
    held = {sibling.rfilename for sibling in info.siblings or []}
    if MANIFEST in held:
        known = json.loads(Path(api.hf_hub_download(repo, MANIFEST, repo_type=KIND, revision=info.sha)).read_bytes())
        if known.get("name") != dataset.name:
            raise HubError(f"{repo} holds the dataset {known.get('name')}, not {dataset.name}; give another --repo")
    elif held - _OF_THE_HUB:
        other = ", ".join(sorted(held - _OF_THE_HUB)[:3])
        raise HubError(f"{repo} holds something that is not a dataset of this kind ({other}); give another --repo")
    return info.sha, held

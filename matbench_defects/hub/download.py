"""Downloading a published version from the Hub, once: what is whole and what it says it is stays in the cache."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from matbench_defects.bounded import read_text
from matbench_defects.dataset.reading import DIGEST, LARGEST_MANIFEST, MANIFEST, Dataset, open_dataset, read_manifest
from matbench_defects.errors import InputError, nearest
from matbench_defects.files import only_writer
from matbench_defects.hub.bodies import receive
from matbench_defects.hub.client import KIND, HubError, hub_client, hub_errors, published_versions
from matbench_defects.shipped import cache_folder

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NEEDED = ("README.md", "spec.yaml", "audit.json", "croissant.json", "data/structures/", "data/index/")
"""Files, and folders that hold at least one, without which a published dataset is not whole."""
COMMIT = ".commit"
"""The file beside what was received that says of which commit it is."""
ASKED = 500
"""Files whose sizes are asked for at a time."""


def downloaded_folder(repo: str, version: str) -> Path:
    """Return where the cache keeps a version of a repository."""
    return cache_folder() / "hub" / repo.replace("/", "--") / version


def download_dataset(repo: str, version: str) -> Dataset:
    """Return a published version, from the cache or else from the Hub.

    Only what the manifest lists is asked for. A download that was interrupted goes on where it was, in the middle of a
    file too. A version never changes, so the Hub is not asked for one that is in the cache.

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
        If the Hub cannot be reached, has no such repository or version, or sends a file too slowly.
    InputError
        If what it sent is not what the manifest lists, or the manifest not what the card tells of; nothing of it is
        kept.
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
        if commit is None:
            raise HubError(f"the Hub does not say which commit {version} of {repo} is")
        _begin(partial, commit)
        with _thrown_away(partial, repo, version):
            _receive(api, repo, commit, [MANIFEST], partial, LARGEST_MANIFEST)
            manifest = read_manifest(partial)
            if DIGEST not in manifest:
                raise InputError("has no digest of itself", file=str(partial / MANIFEST))
            for name in NEEDED:
                if not any(listed.startswith(name) for listed in manifest["files"]):
                    raise InputError(f"does not list {name}", file=str(partial / MANIFEST))
            _receive(api, repo, commit, sorted(manifest["files"]), partial)
            _keep(partial, {*manifest["files"], MANIFEST})
            dataset = open_dataset(partial)
        if dataset.version != version:
            shutil.rmtree(partial)
            raise InputError(
                f"the tag {version} of {repo} holds {dataset.name} {dataset.version}; nothing of it was kept"
            )
        partial.replace(folder)


def _begin(partial: Path, commit: str) -> None:
    """Forget what was received of another commit: a tag that moved, or another repository of this name."""
    mark = partial / COMMIT
    if any(partial.iterdir()) and (not mark.is_file() or read_text(mark) != commit):
        shutil.rmtree(partial)
        partial.mkdir()
    mark.write_text(commit, encoding="utf-8")


def _receive(api: HfApi, repo: str, commit: str, names: list[str], partial: Path, largest: int | None = None) -> None:
    sizes: dict[str, int] = {}
    for i in range(0, len(names), ASKED):
        for found in api.get_paths_info(repo, names[i : i + ASKED], revision=commit, repo_type=KIND):
            sizes[found.path] = getattr(found, "size", -1)  # a folder has none
    for name in names:
        size = sizes.get(name, -1)
        if size < 0 or (largest is not None and size > largest):
            raise InputError("is not there" if size < 0 else f"has {size} bytes", file=str(partial / name))
        receive(repo, commit, name, size, partial)


def _keep(partial: Path, names: set[str]) -> None:
    """Remove everything that the manifest does not list."""
    for path in sorted(partial.rglob("*"), reverse=True):  # what is in a folder before the folder
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(partial).as_posix() not in names:
            path.unlink()


@contextmanager
def _thrown_away(partial: Path, repo: str, version: str) -> Iterator[None]:
    try:
        yield
    except HubError:
        raise
    except InputError as error:
        shutil.rmtree(partial)
        name = Path(error.file or "").name
        raise InputError(
            f"what the Hub sent of {repo} {version} was thrown away: {name} {error.message}. Try again; if it happens "
            "twice, the published version is damaged"
        ) from None

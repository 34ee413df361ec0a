"""The Hub (huggingface.co, or what HF_ENDPOINT names): where a dataset lies there, and what its errors mean."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from matbench_defects._version import __version__
from matbench_defects.errors import InputError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

ORGANISATION = ""
"""The organisation of the Hub whose datasets a bare name means. A placeholder: the project has none there yet, and
nobody else's is taken for ours meanwhile. Put its name here once there is one; the environment variable
``MATBENCH_DEFECTS_HUB`` names it until then, or another."""
VARIABLE = "MATBENCH_DEFECTS_HUB"
KIND = "dataset"
"""The kind of repository, as the Hub calls it."""


def repository_of(name: str) -> str | None:
    """Return the repository of a dataset; None for a bare name where no organisation is known.

    Parameters
    ----------
    name : str
        ``lno-cathode``, which lies in the organisation, or ``organisation/lno-cathode``.
    """
    if "/" in name:
        return name
    organisation = os.environ.get(VARIABLE) or ORGANISATION
    return f"{organisation}/{name}" if organisation else None


def hub_client() -> HfApi:
    """Return the client of the Hub; it takes its address and token from where `huggingface_hub` does."""
    from huggingface_hub import HfApi

    return HfApi(library_name="matbench-defects", library_version=__version__)


def published_versions(api: HfApi, repo: str) -> list[str]:
    """Return the versions that a repository has, the earliest first: its tags that are version numbers."""
    tags = [tag.name for tag in api.list_repo_refs(repo, repo_type=KIND).tags]
    return sorted((tag for tag in tags if re.fullmatch(r"\d+\.\d+\.\d+", tag)), key=version_order)


def version_order(version: str) -> tuple[int, ...]:
    """Return what versions are sorted by."""
    return tuple(int(part) for part in version.split("."))


class HubError(InputError):
    """The Hub could not be reached, or would not do what it was asked."""


@contextmanager
def hub_errors(repo: str) -> Iterator[None]:
    """Turn whatever the client of the Hub raises within the block into a `HubError` of one line."""
    from huggingface_hub.errors import HfHubHTTPError, OIDCError

    # The client's HTTP library is another one in each of its major versions; its errors are a base of the client's.
    raised: tuple[Any, ...] = (*HfHubHTTPError.__bases__, ValueError, RuntimeError, OIDCError)
    try:
        yield
    except raised as error:
        raise HubError(_meaning(error, repo)) from error


def _meaning(error: BaseException, repo: str) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        OIDCError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, RuntimeError | LocalEntryNotFoundError) and error.__cause__ is not None:
        return _meaning(error.__cause__, repo)  # the client wraps what happened to one file
    if isinstance(error, OfflineModeIsEnabled):
        return "the Hub is not asked, because HF_HUB_OFFLINE is set"
    if isinstance(error, HFValidationError):
        return f"'{repo}' is no repository of the Hub; `organisation/name` was expected"
    if isinstance(error, OIDCError):
        return f"no token could be had for the workflow: {_first_line(error)}"
    if isinstance(error, RepositoryNotFoundError):
        return f"the Hub has no dataset {repo}, or does not show it to you; a private one needs a token (HF_TOKEN)"
    if isinstance(error, RevisionNotFoundError):
        return f"the dataset {repo} has no such version"
    if isinstance(error, HfHubHTTPError):
        return _answer(error, repo)
    if isinstance(error, ValueError):
        return f"what the Hub answered for {repo} cannot be read: {_first_line(error)}"
    if isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.strerror:
        return f"{error.filename or repo}: {error.strerror}"  # of this machine, such as a full disk
    return f"the Hub ({constants.ENDPOINT}) cannot be reached: {_first_line(error)}"


def _answer(error: HfHubHTTPError, repo: str) -> str:
    status = error.response.status_code
    if status == 401:
        return "the Hub does not accept the token; make a new one, and set HF_TOKEN or run `hf auth login`"
    if status == 403:
        return f"the token may not do this to {repo}; it needs the right to write there"
    if status in (409, 412):
        return f"someone else is publishing to {repo} at the same time; look what is there and try again"
    return f"the Hub answered {status} for {repo}: {error.server_message or _first_line(error)}"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__

"""Files of a repository, received so that none is longer than declared, none takes for ever, and none begins anew."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from matbench_defects.hub.client import KIND, HubError

SLOWEST = 20_000.0
"""Bytes a second: a body that comes more slowly than that as a whole is given up; what came of it is kept."""
PATIENCE = 60.0
"""Seconds that every body has besides."""
SILENCE = 10.0
"""Seconds without a byte after which a connection counts as broken."""
ATTEMPTS = 5
"""So often a broken connection is made anew, without a byte in between."""
UNFINISHED = ".incomplete"
"""What the name of a file ends in until all of it is there."""


def receive(repo: str, commit: str, name: str, size: int, folder: Path) -> None:
    """Download one file of a repository into a folder; what an earlier attempt left of it is gone on from.

    Parameters
    ----------
    repo, commit : str
        The repository, and which state of it.
    name : str
        The file, as the repository calls it; known to stay within the folder.
    size : int
        Its size as the Hub declares it; nothing beyond that is read.
    folder : path
        Where it goes.

    Raises
    ------
    HubError
        If it comes too slowly.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    path = folder / name
    if path.is_file() and path.stat().st_size == size:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + UNFINISHED)
    url = hf_hub_url(repo, name, repo_type=KIND, revision=commit)
    broken: tuple[Any, ...] = HfHubHTTPError.__bases__
    end = time.monotonic() + PATIENCE + size / SLOWEST
    attempts = ATTEMPTS
    while (held := _held(unfinished, size)) < size:
        reason: Exception | None = None
        try:
            _go_on(url, unfinished, held, size, end)
        except HubError:
            raise
        except broken as error:
            # What the Hub answered, and what this machine refuses, will not change by asking again.
            if isinstance(error, HfHubHTTPError) or getattr(error, "strerror", None):
                raise
            reason = error
        attempts = ATTEMPTS if _held(unfinished, size) > held else attempts - 1
        if not attempts:
            raise reason or HubError(f"{name} ends after {held} of the {size} bytes that the Hub declares")
        if time.monotonic() > end:
            raise _too_slow(unfinished, size)
    if not unfinished.exists():
        unfinished.touch()
    unfinished.replace(path)


def _held(unfinished: Path, size: int) -> int:
    """Return how much of a file is there; more than all of it is nothing."""
    held = unfinished.stat().st_size if unfinished.is_file() else 0
    if held > size:
        unfinished.unlink()
        return 0
    return held


def _go_on(url: str, unfinished: Path, held: int, size: int, end: float) -> None:
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]  # documented

    headers = {**build_hf_headers(library_name="matbench-defects"), "Accept-Encoding": "identity"}
    if held:
        headers["Range"] = f"bytes={held}-"
    with get_session().stream("GET", url, headers=headers, timeout=SILENCE, follow_redirects=True) as response:
        hf_raise_for_status(response)
        begins = response.headers.get("Content-Range", "").startswith(f"bytes {held}-")
        whole = not (held and response.status_code == 206 and begins)  # else it begins with the first byte
        with open(unfinished, "wb" if whole else "ab") as stream:
            room = size if whole else size - held
            for chunk in response.iter_raw():
                stream.write(chunk[:room])
                room -= len(chunk)
                if room <= 0:
                    return
                if time.monotonic() > end:
                    stream.flush()
                    raise _too_slow(unfinished, size)


def _too_slow(unfinished: Path, size: int) -> HubError:
    name = unfinished.name.removesuffix(UNFINISHED)
    return HubError(
        f"{name} comes too slowly: {unfinished.stat().st_size} of {size} bytes in {PATIENCE + size / SLOWEST:.0f} s. "
        "They are kept, and the next download goes on there"
    )

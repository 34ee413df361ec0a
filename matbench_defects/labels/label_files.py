"""Where labels lie: beside a spec, in a folder of shards; what stood there before that is read with them.

Nothing here loads Arrow, so that `check` can ask.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from matbench_defects.files import digest, sha256_of_file
from matbench_defects.shipped import cache_folder, is_installed, is_shipped
from matbench_defects.spec.models import Spec

LINES = "journal.jsonl"
"""File of what a run has computed but not yet put into a shard."""
_SHARD = re.compile(r"(\d{6})(?:-(\d{6}))?\.parquet")


def labels_beside(spec_file: Path) -> Path:
    """Return where the labels of a spec lie: the folder ``labels`` beside it.

    A file ``labels.parquet`` there, as all labels were kept before, is read as one more shard, the oldest.
    """
    return spec_file.with_name("labels")


def labels_of_spec(spec: Spec) -> Path:
    """Return where the labels of a spec lie, complete or not."""
    return labels_beside(Path(spec.document.marks[()].file))


def labels_in_cache(spec: Spec) -> Path:
    """Return where labels are kept that cannot lie beside their spec; an earlier version kept more of them there."""
    return cache_folder() / "labels" / spec.name


def place_of_new_labels(spec: Spec, *, shipped: bool = False) -> Path:
    """Return where labels are put that are computed now: beside the spec, or in the cache where that cannot be.

    Parameters
    ----------
    spec : Spec
        The spec.
    shipped : bool
        Whether a domain that comes with this package may be added to, in a checkout; never in what was installed.
    """
    beside = labels_of_spec(spec)
    folder = next((each for each in (beside, *beside.absolute().parents) if each.is_dir()), None)
    writable = folder is not None and os.access(folder, os.W_OK | os.X_OK)
    own = not is_shipped(beside) or (shipped and not is_installed(beside))
    return beside if writable and own else labels_in_cache(spec)


def is_one_file(path: Path) -> bool:
    """Return whether labels at a path are one Parquet file, not a folder of shards."""
    return path.suffix == ".parquet"


def older_file(path: Path) -> Path | None:
    """Return the single file from before that is read with a folder of shards; None where there is none."""
    before = None if is_one_file(path) else path.with_name(f"{path.name}.parquet")
    return before if before is not None and (before.exists() or _unmerged(journal_folder(before))) else None


def journal_folder(path: Path) -> Path:
    """Return the folder of the shards and of the journal: for a single file, beside it and there only during a run."""
    return path.with_name(f"{path.name}.unmerged") if is_one_file(path) else path


def shards_in(folder: Path) -> list[Path]:
    """Return the shards of a folder, the oldest first; one that was merged into another and is still there is left out.

    A shard is called after the number that it was written as, or after the numbers from which to which it was merged.
    """
    found = {path: span for path in folder.glob("*.parquet") if (span := span_of(path)) is not None}
    kept = [
        path
        for path, (first, last) in found.items()
        if not any((a, b) != (first, last) and a <= first and last <= b for a, b in found.values())
    ]
    return sorted(kept, key=lambda path: found[path])


def span_of(shard: Path) -> tuple[int, int] | None:
    """Return the numbers from which to which a shard was merged, twice its own for a plain one; None for other files.

    Parameters
    ----------
    shard : path
        The file.
    """
    match = _SHARD.fullmatch(shard.name)
    return None if match is None else (int(match[1]), int(match[2] or match[1]))


def files_of(path: Path) -> list[Path]:
    """Return every file that holds labels of a store, the oldest first and the lines of its journal last."""
    folder = journal_folder(path)
    before = older_file(path)
    found = files_of(before) if before is not None else []
    found += [path] if is_one_file(path) and path.exists() else []
    return [*found, *shards_in(folder), *(each for each in [folder / LINES] if each.exists())]


def _unmerged(folder: Path) -> bool:
    return bool(shards_in(folder)) or (folder / LINES).exists()


def there_are_labels(path: Path) -> bool:
    """Return whether there are any labels, or at least what a run that was killed left."""
    return bool(files_of(path))


def table_state(path: Path) -> str:
    """Return a digest of the bytes of every file that holds labels of a store; empty where there are none."""
    found = [sha256_of_file(file) for file in files_of(path)]
    return found[0] if len(found) == 1 else digest(found) if found else ""

"""Whether what stands where a dataset is to be built may be replaced: the same dataset may, another is asked about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from matbench_defects.bounded import read_json
from matbench_defects.dataset.lock import FIXED, differences
from matbench_defects.dataset.reading import MANIFEST
from matbench_defects.errors import InputError
from matbench_defects.files import digest
from matbench_defects.spec.models import Spec


def check_same(out: Path, spec: Spec, lock: dict[str, Any] | None = None) -> None:
    """Refuse to replace another dataset.

    The same one may be replaced: of the same spec with the same rows, where it has the labels that it had; labels that
    it lacked may be there now. So may an earlier version of it, for the later one has its own number.

    Parameters
    ----------
    out : path
        The folder; it holds a dataset, or nothing.
    spec : Spec
        What is to be built there.
    lock : dict, optional
        What that will hold, where it is known already.

    Raises
    ------
    InputError
        If the folder holds a dataset of another name, a later version, another one of the same name and version, or
        files that are none of the dataset's.
    """
    if not (out / MANIFEST).exists():
        return
    try:
        held = read_json(out / MANIFEST)
    except InputError:
        held = None
    if not isinstance(held, dict):
        raise _refusal(out, "holds a dataset whose manifest cannot be read")
    named = f"holds {held.get('name')} {held.get('version')}"
    if held.get("name") != spec.name:
        raise _refusal(out, f"{named}, not {spec.name}")
    if strays := _strays(out, held):
        more = f" and {len(strays) - 1} more files that are" if len(strays) > 1 else ", which is"
        raise InputError(
            f"holds {strays[0]}{more} none of the dataset's; move what you want to keep, take another folder, or "
            "replace all of it with --replace (`replace=True`)",
            file=str(out),
        )
    if held.get("version") != spec.version:
        if _later(held.get("version"), spec.version):
            raise _refusal(out, f"{named}, which is later than {spec.version}")
        return
    if held.get("spec_digest") != digest(spec.document.data):
        raise _refusal(out, f"{named} of another spec, and a changed dataset is a new version", version=True)
    before = held.get("lock")
    if lock is None or not isinstance(before, dict):
        return
    changed = [line for part in FIXED for line in differences(before.get(part, {}), lock[part], part)]
    for name, labels in before.get("labels", {}).items():
        if not labels.get("missing"):
            changed += differences(labels, lock["labels"].get(name, {}), f"labels.{name}")
    if changed:
        raise _refusal(
            out,
            f"{named} with other content ({'; '.join(changed)}), and a changed dataset is a new version",
            version=True,
        )


def _strays(out: Path, held: dict[str, Any]) -> list[str]:
    """Return the files of a dataset's folder that its manifest does not name: somebody else put them there."""
    own = held.get("files")
    known = {MANIFEST, *(own if isinstance(own, dict) else ())}
    found = (path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(name for name in found if name not in known)


def _later(one: object, other: str) -> bool:
    """Return whether one version is later than another; one that is no version is not."""
    if not isinstance(one, str) or not re.fullmatch(r"\d{1,9}\.\d{1,9}\.\d{1,9}", one):
        return False
    first, second = ([int(number) for number in version.split(".")] for version in (one, other))
    return first > second


def _refusal(out: Path, what: str, *, version: bool = False) -> InputError:
    """Return the error that says what stands there, and what to do; a new version where that helps."""
    how = "take another folder, or replace it with --replace (`replace=True`)"
    return InputError(f"{what}; {'give the spec a new `version`, ' if version else ''}{how}", file=str(out))

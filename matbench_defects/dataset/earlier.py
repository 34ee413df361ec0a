"""Whether what stands where a dataset is to be built may be replaced: the same dataset may, another is asked about."""

from __future__ import annotations

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
    it lacked may be there now. So may another version of it, for that has its own number.

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
        If the folder holds a dataset of another name, or another one of the same name and version.
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
    if held.get("version") != spec.version:
        return
    if held.get("spec_digest") != digest(spec.document.data):
        raise _refusal(out, f"{named} of another spec, and a changed dataset is a new version")
    before = held.get("lock")
    if lock is None or not isinstance(before, dict):
        return
    changed = [line for part in FIXED for line in differences(before.get(part, {}), lock[part], part)]
    for name, labels in before.get("labels", {}).items():
        if not labels.get("missing"):
            changed += differences(labels, lock["labels"].get(name, {}), f"labels.{name}")
    if changed:
        raise _refusal(
            out, f"{named} with other content ({'; '.join(changed)}), and a changed dataset is a new version"
        )


def _refusal(out: Path, what: str) -> InputError:
    how = "give the spec a new `version`, take another folder, or replace it with --replace (`replace=True`)"
    return InputError(f"{what}; {how}", file=str(out))

"""What one does with a spec besides asking its spaces: check it, begin one, describe it, fetch parents, lock it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matbench_defects.dataset.check import Check, check_spec
from matbench_defects.errors import InputError


def check(spec: str | Path, *, time: bool = False) -> Check:
    """Count what a spec holds, exactly, and estimate what building it would cost; nothing is built.

    Parameters
    ----------
    spec : str or path
        A spec file, a folder that holds ``spec.yaml``, or a shipped name.
    time : bool
        Whether one energy is computed and timed for each label of which none is there.

    Returns
    -------
    Check

    Raises
    ------
    InputError
        Naming file and line of the first mistake.

    Examples
    --------
    >>> import matbench_defects as md
    >>> found = md.check("lno-cathode")
    >>> found
    <Check of lno-cathode 1.0.0: lno-cathode 87 inequivalent of 4,096>
    >>> [(label.method.name, label.wanted, label.present) for label in found.labels][0]
    ('sevennet_relaxed', 88, 88)
    """
    return check_spec(str(spec), time=time)


def new_spec(
    cif: str | Path,
    out: str | Path | None = None,
    name: str | None = None,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Write a commented spec for one's own crystal, its sublattices already named; the crystal's file goes beside it.

    Partly occupied sites become sublattices with whole numbers near their occupancies. Across a vacuum nothing is
    repeated or relaxed.

    Parameters
    ----------
    cif : path-like
        The crystal: a CIF file, POSCAR, or text of another program that ASE reads, such as extended XYZ.
    out : path-like, optional
        The spec's file; ``spec.yaml`` beside that file if left out.
    name : str, optional
        Name of the domain; that of the file if left out.
    say : callable, optional
        Called with a line about each thing that was decided: how occupancies are rounded, what is too near.

    Returns
    -------
    pathlib.Path
        The spec's file.

    Raises
    ------
    InputError
        If a file is there already, or the crystal's file cannot be read as one.

    Examples
    --------
    >>> import matbench_defects as md
    >>> from pymatgen.core import Lattice, Structure
    >>> salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> _ = salt.to(filename="magnesia.cif")
    >>> md.load_spec(md.new_spec("magnesia.cif", "mine/spec.yaml")).name
    'magnesia'
    """
    from matbench_defects.dataset.first_spec.template import first_spec
    from matbench_defects.files import write_text

    cif = Path(cif)
    path = Path(out) if out is not None else cif.parent / "spec.yaml"
    if path.exists():
        raise InputError("exists already; give another --out", file=str(path))
    named = name or re.sub(r"[^a-z0-9]+", "-", cif.stem.lower()).strip("-") or "my-crystal"
    made = first_spec(cif, named)
    beside = path.parent / cif.name
    if not beside.exists():  # the spec names the file without its folder
        beside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cif, beside)
    elif not beside.samefile(cif):
        raise InputError("exists already and is another file; give another --out", file=str(beside))
    write_text(path, made.text)
    if say is not None:
        for line in made.said:
            say(line)
    return path


def fetch_parents(spec: str | Path, say: Callable[[str], None] = print, *, again: bool = False) -> bool:
    """Fetch the parents that a spec names by ``materials_project``, and freeze them in files beside it.

    Parameters
    ----------
    spec : str or path
        A spec file, a folder that holds ``spec.yaml``, or a shipped name.
    say : callable
        Called with a line about each.
    again : bool
        Whether to fetch also what is there already.

    Returns
    -------
    bool
        Whether the spec names any.

    Raises
    ------
    InputError
        If the Materials Project does not answer, or has no such entry.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.fetch_parents("lno-cathode")
    False
    """
    from matbench_defects.crystal.materials_project import fetch_parents as fetch
    from matbench_defects.spec.loading import load_spec

    return bool(fetch(load_spec(spec), say, again=again))


@dataclass(frozen=True)
class Locked:
    """A lock that was written.

    Parameters
    ----------
    path : path
        The file.
    version : str
        Version of the spec.
    changed : list of str
        What it says differently from before, one line each.
    new : bool
        Whether there was none.
    missing : dict of str to int
        Labels that are missing and not covered, by the label's name.
    """

    path: Path
    version: str
    changed: list[str]
    new: bool
    missing: dict[str, int]


def lock(spec: str | Path) -> Locked:
    """Write ``lock.json`` beside a spec: digests of spaces, selection, splits and of the labels that are there.

    Parameters
    ----------
    spec : str or path
        A spec file, a folder that holds ``spec.yaml``, or a shipped name.

    Raises
    ------
    InputError
        If the spec cannot be built.

    Examples
    --------
    >>> import matbench_defects as md, pathlib
    >>> text = "{extends: lno-cathode, name: mine, configurations: {select: uniform, count: 4}, splits: null}"
    >>> _ = pathlib.Path("spec.yaml").write_text(text)
    >>> md.lock("spec.yaml").new
    True
    >>> md.lock("spec.yaml").changed
    []
    """
    from matbench_defects.dataset.lock import read_lock, write_lock
    from matbench_defects.dataset.plan import plan
    from matbench_defects.labels.label_files import labels_beside
    from matbench_defects.shipped import find_spec
    from matbench_defects.spec.loading import load_spec

    planned = plan(load_spec(spec))
    path, changed, new = write_lock(planned, labels_beside(find_spec(str(spec))))
    written = read_lock(path) or {"labels": {}}
    missing = {label: found["missing"] for label, found in written["labels"].items() if found["missing"]}
    return Locked(path, planned.spec.version, changed, new, missing)


def listing(what: str) -> dict[str, str]:
    """Return the names of what there is, each with a line about it.

    Parameters
    ----------
    what : str
        ``specs``, ``tasks``, ``models``, ``engines``, ``metrics``, ``splits``, ``policies``, ``quantities`` or
        ``formats`` (of what is imported) or ``export-formats``.

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> import matbench_defects as md
    >>> md.listing("specs")["lno-cathode"]
    'Delithiated LiNiO2 cathode'
    >>> "mae" in md.listing("metrics")
    True
    """
    from matbench_defects.errors import nearest

    if what not in LISTINGS:
        raise InputError(f"'{what}' cannot be listed; {nearest(what, LISTINGS)}")
    return LISTINGS[what]()


def _specs() -> dict[str, str]:
    from matbench_defects.shipped import shipped_specs
    from matbench_defects.spec.loading import load_spec

    return {name: load_spec(path).title for name, path in shipped_specs().items()}


def _tasks() -> dict[str, str]:
    from matbench_defects.evaluation.task import load_task
    from matbench_defects.shipped import shipped_tasks

    return {name: load_task(path).title for name, path in shipped_tasks().items()}


def _models() -> dict[str, str]:
    from matbench_defects.models.model import models

    return {name: kind.description for name, kind in models.items()}


def _engines() -> dict[str, str]:
    from matbench_defects.labels.engine import engines

    return {name: engine.level_of_theory for name, engine in engines.items()}


def _metrics() -> dict[str, str]:
    from matbench_defects.evaluation.metrics import metrics

    return {name: metric.description for name, metric in metrics.items()}


def _splits() -> dict[str, str]:
    from matbench_defects.dataset.splits import operators

    return {name: _first_line(operator) for name, operator in operators.items()}


def _policies() -> dict[str, str]:
    from matbench_defects.discovery.policies import policies

    return {name: policy.description for name, policy in policies.items()}


def _quantities() -> dict[str, str]:
    from matbench_defects.dataset.targets import quantities

    return {name: _first_line(quantity) for name, quantity in quantities.items()}


def _export_formats() -> dict[str, str]:
    from matbench_defects.exchange.writers.writer import writers

    return {name: kind.title for name, kind in writers.items()}


def _formats() -> dict[str, str]:
    from matbench_defects.exchange.source import formats

    return {name: kind.title for name, kind in formats.items()}


LISTINGS: dict[str, Callable[[], dict[str, str]]] = {
    "specs": _specs,
    "tasks": _tasks,
    "models": _models,
    "engines": _engines,
    "metrics": _metrics,
    "splits": _splits,
    "policies": _policies,
    "quantities": _quantities,
    "formats": _formats,
    "export-formats": _export_formats,
}
"""What can be listed."""


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]

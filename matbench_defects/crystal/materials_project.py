"""Fetching parents from the Materials Project, once: what is frozen beside the spec is all that is read later."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matbench_defects.crystal.cell import wrap
from matbench_defects.errors import InputError
from matbench_defects.files import write_json
from matbench_defects.spec.document import Route
from matbench_defects.spec.frozen import FrozenParent, frozen_path, read_frozen
from matbench_defects.spec.models import Spec
from matbench_defects.spec.parents import ParentSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

KEY = "MP_API_KEY"
"""Environment variable that holds the user's key; MP_API_ENDPOINT names another server, which `mp_api` reads."""


def fetch_parents(spec: Spec, say: Callable[[str], None], *, again: bool = False) -> int:
    """Fetch every parent and reference phase that names an id of the Materials Project, and freeze it beside the spec.

    Parameters
    ----------
    spec : Spec
        The spec.
    say : callable
        Told in one line what happened to each.
    again : bool
        Fetch also what is frozen already.

    Returns
    -------
    int
        How many such parents the spec has.

    Raises
    ------
    InputError
        If there is no key, the database cannot be reached or has no such material, or its crystal cannot be a host.
    """
    wanted: dict[Path, tuple[ParentSpec, Route]] = {}
    for parent, route in spec.all_parents():
        if parent.materials_project is None:
            continue
        path = frozen_path(parent, spec.document.folder((*route, parent.file_field)))
        first = wanted.setdefault(path, (parent, route))[0]
        if first.symmetry_tolerance != parent.symmetry_tolerance:
            message = f"{parent.materials_project} has one tolerance here and another elsewhere in the spec"
            raise spec.error((*route, "symmetry_tolerance"), message)
    for path, (parent, route) in wanted.items():
        if not again and _usable(parent, path.parent):
            say(f"{path} is there already")
            continue
        with spec.at((*route, "materials_project")):
            frozen, theirs = _fetch(str(parent.materials_project), parent.symmetry_tolerance)
        write_json(path, frozen.model_dump(mode="json"))
        say(
            f"{path}: {len(frozen.species_at_sites)} sites, {frozen.space_group}, database {frozen.database_version}, "
            f"sites {', '.join(dict.fromkeys(frozen.site_labels))}"
        )
        if theirs not in (None, frozen.space_group):
            say(
                f"  The Materials Project calls it {theirs}; within {frozen.symmetry_tolerance:g} Å the atoms have "
                f"{frozen.space_group}. A larger `symmetry_tolerance` in the spec may be meant."
            )
    return len(wanted)


def _usable(parent: ParentSpec, folder: Path) -> bool:
    try:
        read_frozen(parent, folder)
    except InputError:
        return False
    return True


def _fetch(id_: str, tolerance: float) -> tuple[FrozenParent, str | None]:
    """Return a material in its conventional cell, and the symbol of the space group that the database gives it."""
    key = os.environ.get(KEY)
    if not key:
        raise InputError(f"the Materials Project gives a key to each of its users; put yours into {KEY}")
    document, version = _ask(id_, key)
    found = str(document["material_id"])
    if found != id_:
        raise InputError(f"{id_} is called {found} by now; write that into the spec")
    theirs = (document.get("symmetry") or {}).get("symbol")
    return _standardised(document["structure"], id_, version, tolerance), theirs


def _ask(id_: str, key: str) -> tuple[dict[str, Any], str]:
    """Return what the database says of a material, and its version."""
    from mp_api.client import MPRester
    from mp_api.client.core import MPRestError
    from requests import RequestException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions; what matters here is checked below
            with MPRester(key, mute_progress_bars=True, use_document_model=False) as client:
                fields = ["material_id", "structure", "symmetry"]
                documents = client.materials.summary.search(material_ids=[id_], fields=fields)
                version = str(client.db_version)
    except (MPRestError, RequestException, ValueError, KeyError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{id_} cannot be fetched from the Materials Project: {reason[:400]}") from None
    if not documents:
        raise InputError(f"the Materials Project has no material {id_}")
    return dict(documents[0]), version


def _standardised(structure: Structure | dict[str, Any], id_: str, version: str, tolerance: float) -> FrozenParent:
    from pymatgen.core import Structure
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    if isinstance(structure, dict):
        structure = Structure.from_dict(structure)
    if not structure.is_ordered:
        raise InputError(f"{id_} has partly occupied sites, so it is no ideal host")
    plain = Structure(structure.lattice, [site.specie.symbol for site in structure], structure.frac_coords)
    cell = SpacegroupAnalyzer(plain, symprec=tolerance).get_conventional_standard_structure()
    symmetry = SpacegroupAnalyzer(cell, symprec=tolerance)
    orbits = symmetry.get_symmetry_dataset().equivalent_atoms.tolist()
    species = [site.specie.symbol for site in cell]
    positions = wrap(np.round(cell.frac_coords, 10))
    order = sorted(range(len(species)), key=lambda i: (species.index(species[i]), orbits[i], *positions[i]))
    labels = _labels([species[i] for i in order], [orbits[i] for i in order])
    return FrozenParent(
        materials_project=id_,
        database_version=version,
        fetched=datetime.datetime.now(datetime.UTC).date().isoformat(),
        symmetry_tolerance=tolerance,
        space_group=symmetry.get_space_group_symbol(),
        lattice_vectors=(np.round(cell.lattice.matrix, 8) + 0.0).tolist(),  # + 0.0: no negative zeros
        species_at_sites=[species[i] for i in order],
        site_labels=labels,
        fractional_site_positions=[positions[i].tolist() for i in order],
    )


def _labels(species: list[str], orbits: list[int]) -> list[str]:
    """Return the element of each site, with the number of its orbit where the element has several."""
    found: dict[str, list[int]] = {}
    for element, orbit in zip(species, orbits, strict=True):
        if orbit not in found.setdefault(element, []):
            found[element].append(orbit)
    return [
        element if len(found[element]) == 1 else f"{element}{found[element].index(orbit) + 1}"
        for element, orbit in zip(species, orbits, strict=True)
    ]

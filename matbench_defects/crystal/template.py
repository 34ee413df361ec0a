"""A commented spec for a user's own crystal: what ``matbench-defects init host.cif`` writes."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.parent import Parent, build_parent
from matbench_defects.crystal.structure_files import format_of
from matbench_defects.crystal.symmetry import parent_action
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import is_label
from matbench_defects.spec.models import Spec
from matbench_defects.spec.parents import ParentSpec, Provenance

LARGEST_CELL = 100
"""Atoms that a suggested supercell holds at most, where the parent cell itself is not larger."""
ENGINE, MODEL = "sevennet", "7net-0"
"""The engine that a new spec starts with: its weights come with its package."""

_RESERVED = {"null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE"}


@dataclass(frozen=True)
class SuggestedSublattice:
    """Sites that a spec can tell from the others, under the name they should go by.

    Parameters
    ----------
    name : str
        Name of the sublattice.
    element : str
        What sits there in the ideal host.
    sites : tuple of str or None
        Labels or elements of its sites in the file; None where the name alone leads to them.
    count : int
        How many of its sites the parent cell holds.
    orbits : int
        How many orbits of symmetry-equivalent sites it holds; more than one where the labels do not tell them apart.
    """

    name: str
    element: str
    sites: tuple[str, ...] | None
    count: int
    orbits: int


def template(file: Path, name: str) -> str:
    """Return a commented spec for a crystal, valid as it stands.

    Parameters
    ----------
    file : path
        The ideal host, as a CIF file or in another format that is read. The spec names it without its folder, so it
        belongs beside it.
    name : str
        Name of the spec: lower-case letters, digits and dashes.

    Returns
    -------
    str
        YAML. The first sublattice has vacancies; the others are there as comments.

    Raises
    ------
    InputError
        If the file cannot be used, or the name does not suit a spec.
    """
    file = Path(file)
    _check_name(name)
    field = "cif" if format_of(file.name) == "cif" else "structure"
    described = ParentSpec.model_validate({field: file.name, "provenance": Provenance(source=file.name)})
    parent = build_parent(described, file.parent)
    supercell = suggested_supercell(parent)
    cells = int(np.prod(supercell))
    found = suggested_sublattices(parent)
    first = found[0]
    vacancies = 2 if first.count * cells > 2 else 1
    lines = [
        *_head(parent, field, file.name, name),
        *_cell(parent, supercell),
        "# What substitutes or leaves where, and how many sites of the supercell's sublattice each species holds:",
        "# a number (3), a range (0..3), a list ([0, 2, 4]) or `rest`; `vacancy` is an empty site.",
        "# The sublattices are the sets of symmetry-equivalent sites; sites of no sublattice stay as they are.",
        "sublattices:",
        *_shared_sites(first),
        f"  {_entry(first, f'{{{first.element}: rest, vacancy: 0..{vacancies}}}')}   # {first.count * cells} sites",
        *(line for other in found[1:] for line in _other(other, cells)),
        "",
        "# `all` labels every inequivalent configuration; `{select: uniform, count: 500, seed: 0}` draws some.",
        "configurations: {select: all}",
        "",
        *_rest(first, first.count * cells, vacancies, alone=len(set(parent.species)) == 1),
    ]
    return "\n".join(lines) + "\n"


def suggested_supercell(parent: Parent) -> tuple[int, int, int]:
    """Return 2x2x2, with the longest vectors kept single until the cell holds at most `LARGEST_CELL` atoms."""
    repeats = [2, 2, 2]
    # The longest vector separates a defect from its image best already; of equal ones the last gives way.
    for axis in sorted(range(3), key=lambda i: (-round(float(np.linalg.norm(parent.lattice[i])), 3), -i)):
        if len(parent.species) * int(np.prod(repeats)) <= LARGEST_CELL:
            break
        repeats[axis] = 1
    return (repeats[0], repeats[1], repeats[2])


def suggested_sublattices(parent: Parent) -> list[SuggestedSublattice]:
    """Return one sublattice for each orbit of symmetry-equivalent sites that the file's labels tell apart.

    Parameters
    ----------
    parent : Parent
        The crystal.

    Returns
    -------
    list of SuggestedSublattice
        In the order of the file; together they hold every site once.
    """
    orbits = _orbits(parent)
    groups = _told_apart(parent, orbits)
    for members in groups:
        if len(kinds := {parent.species[i] for i in members}) > 1:
            raise InputError(
                f"sites of {' and '.join(sorted(kinds))} share the label '{parent.labels[members[0]]}'; "
                "give each element labels of its own in the file"
            )
    elements = [parent.species[members[0]] for members in groups]
    labels = [tuple(dict.fromkeys(parent.labels[i] for i in members)) for members in groups]
    wanted = [
        own[0] if elements.count(e) > 1 and len(own) == 1 and is_label(own[0]) else e
        for own, e in zip(labels, elements, strict=True)
    ]
    taken: Counter[str] = Counter()
    result = []
    for members, element, own, name in zip(groups, elements, labels, wanted, strict=True):
        taken[name] += 1
        unique = name if wanted.count(name) == 1 else _free(f"{name}{taken[name]}", wanted)
        sites = None if _reached(parent, unique) == members else own
        result.append(SuggestedSublattice(unique, element, sites, len(members), len({orbits[i] for i in members})))
    return result


def _orbits(parent: Parent) -> NDArray[np.int64]:
    """Return, for each atom, the first atom that symmetry carries it onto."""
    first: NDArray[np.int64] = parent_action(parent)[0].min(axis=0)
    return first


def _told_apart(parent: Parent, orbits: NDArray[np.int64]) -> list[list[int]]:
    """Return the atoms of each orbit; orbits that share a label are one, because a spec cannot part them."""
    group = list(range(len(orbits)))

    def top(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    by_label: dict[str, int] = {}
    for i, label in enumerate(parent.labels):
        for other in (int(orbits[i]), by_label.setdefault(label, i)):
            low, high = sorted((top(i), top(other)))
            group[high] = low
    members: dict[int, list[int]] = {}
    for i in range(len(orbits)):
        members.setdefault(top(i), []).append(i)
    return list(members.values())


def _free(name: str, wanted: list[str]) -> str:
    return name if name not in wanted else _free(name + "b", wanted)


def _reached(parent: Parent, name: str) -> list[int]:
    """Return the atoms that a sublattice of this name takes: by label, else by element."""
    by_label = [i for i, label in enumerate(parent.labels) if label == name]
    return by_label or [i for i, element in enumerate(parent.species) if element == name]


def _check_name(name: str) -> None:
    pattern = str(Spec.model_json_schema()["properties"]["name"]["pattern"])
    if not re.fullmatch(pattern, name):
        fitting = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63] or "my-crystal"
        raise InputError(f"'{name}' is no name for a spec: lower-case letters, digits and dashes; such as '{fitting}'")


def _head(parent: Parent, field: str, file: str, name: str) -> list[str]:
    notes = [f"# Read from it with this in mind: {note}." for note in parent.notes]
    return [
        f"# Defects and substitutions in {parent.formula}: a spec for matbench-defects.",
        "# Sizes, counts and costs, before anything is built: `matbench-defects check` and the name of this file.",
        f"name: {name}   # lower-case letters, digits and dashes; ids of configurations begin with it",
        "version: 0.1.0   # of the dataset; a published version never changes",
        f"title: Defective {parent.formula}   # one line for people",
        "description: ''   # a paragraph for the dataset's card",
        "references: []   # DOIs of the work this rests on",
        "license: CC-BY-4.0   # SPDX identifier under which the dataset is given out",
        "",
        f"# The ideal host, every site filled. Its symmetry is found from the atoms: {parent.space_group}.",
        *notes,
        "parent:",
        f"  {field}: {_scalar(file)}   # relative to this file",
        "  symmetry_tolerance: 0.001   # how far an atom may lie from its symmetry image, Å",
        "  provenance:",
        "    source: to be filled in   # paper, database or calculation that lattice and positions come from",
        "    # doi: 10.xxxx/...   # where it has one",
        "    verified: false   # true once someone has read the numbers there or computed them again",
        "",
    ]


def _cell(parent: Parent, supercell: tuple[int, int, int]) -> list[str]:
    lengths = [n * float(np.linalg.norm(v)) for n, v in zip(supercell, parent.lattice, strict=True)]
    atoms = len(parent.species) * int(np.prod(supercell))
    return [
        f"# Repetitions of the cell in that file: {atoms} sites, {' x '.join(f'{x:.1f}' for x in lengths)} Å. Three",
        "# rows of three integers, such as [[1, 1, 0], [-1, 1, 0], [0, 0, 1]], give any other supercell.",
        f"supercell: [{', '.join(map(str, supercell))}]",
        "",
    ]


def _other(other: SuggestedSublattice, cells: int) -> list[str]:
    entry = _entry(other, f"{{{other.element}: rest, vacancy: 0..1}}")
    return [*_shared_sites(other), f"  # {entry}   # {other.count * cells} sites"]


def _shared_sites(sublattice: SuggestedSublattice) -> list[str]:
    if sublattice.orbits == 1:
        return []
    return [
        f"  # {sublattice.name}: {sublattice.orbits} symmetry-inequivalent sets of sites share this sublattice,",
        "  # because the file gives them one label; label them differently there to part them.",
    ]


def _entry(sublattice: SuggestedSublattice, species: str) -> str:
    if sublattice.sites is None:
        return f"{_scalar(sublattice.name)}: {species}"
    sites = ", ".join(_scalar(site) for site in sublattice.sites)
    return f"{_scalar(sublattice.name)}: {{sites: [{sites}], species: {species}}}"


def _scalar(text: str) -> str:
    """Return a string as YAML, quoted where it could be read as something else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text) and text not in _RESERVED
    return text if plain else json.dumps(text, ensure_ascii=False)


def _rest(first: SuggestedSublattice, sites: int, vacancies: int, *, alone: bool) -> list[str]:
    element = first.element
    # Of one element, the ideal crystal is all reference there can be.
    fewest = "" if alone else f", {{{element}: {sites - vacancies}}}"
    return [
        "# What is computed for each configuration. Left out, `relax` gives the energy of the ideal positions.",
        "labels:",
        f"  - engine: {ENGINE}     # a machine-learned potential, not DFT; see `matbench-defects list engines`",
        f"    model: {MODEL}",
        "    relax:",
        "      cell: true           # whether the cell relaxes with the positions",
        "      fmax: 0.05           # relaxed when no force exceeds this, eV/Å",
        "      steps: 500           # given up after this many",
        "",
        "# What models predict. The end members are the contents whose energies are the reference: formation energies",
        "# are those above the line between them (at 0 K, without vibrations). Widen them with the sublattice's range.",
        "targets:",
        "  formation_energy:",
        f"    label: {ENGINE}_relaxed",
        "    unit: eV",
        "    per: formula_unit      # of the ideal host",
        f"    end_members: [{{{element}: {sites}}}{fewest}]",
        "",
        "# How the dataset is parted; fractions add up to one. No configuration moves when the dataset grows.",
        "splits:",
        "  random: {by: random, train: 0.6, validation: 0.2, test: 0.2, seed: 0}",
    ]

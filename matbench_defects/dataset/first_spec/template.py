"""A commented spec for a user's own crystal: what ``matbench-defects init host.cif`` writes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matbench_defects.crystal.parent import Parent, build_parent
from matbench_defects.crystal.structure_files import format_of
from matbench_defects.crystal.vacuum import vacuum_across
from matbench_defects.dataset.first_spec.contents import Proposal, proposed
from matbench_defects.dataset.first_spec.exclusions import joined, sites_too_near
from matbench_defects.dataset.first_spec.occupied_text import OccupiedText
from matbench_defects.dataset.first_spec.sublattices import SuggestedSublattice, suggested_sublattices
from matbench_defects.dataset.first_spec.supercell import Repeats, larger_supercells, suggested_supercell
from matbench_defects.dataset.first_spec.yaml_text import commented, scalar, sublattice_entry
from matbench_defects.errors import InputError
from matbench_defects.spec.models import Spec
from matbench_defects.spec.parents import ParentSpec, Provenance

ENGINE, MODEL = "sevennet", "7net-0"
"""The engine that a new spec starts with: its weights come with its package."""


@dataclass(frozen=True)
class FirstSpec:
    """A spec to begin with.

    Parameters
    ----------
    text : str
        The spec, commented, as YAML.
    said : tuple of str
        What was decided for the user, who should know it without reading the file: how occupancies were rounded, what
        was taken to be too near, what is vacuum.
    """

    text: str
    said: tuple[str, ...] = ()


def template(file: Path, name: str) -> str:
    """Return the text of `first_spec`."""
    return first_spec(file, name).text


def first_spec(file: Path, name: str) -> FirstSpec:
    """Return a commented spec for a crystal, valid as it stands.

    Parameters
    ----------
    file : path
        The ideal host, or a crystal with partly occupied sites, as a CIF file or in another format that is read. The
        spec names it without its folder, so it belongs beside it.
    name : str
        Name of the spec: lower-case letters, digits and dashes.

    Returns
    -------
    FirstSpec
        The partly occupied sublattices hold whole numbers near their occupancies; where there are none, the first
        sublattice has vacancies. The others are there as comments.

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
    vacuum = vacuum_across(parent)
    every = suggested_sublattices(parent)
    occupied = [sublattice for sublattice in every if sublattice.occupancy]
    filled = [sublattice for sublattice in every if not sublattice.occupancy]
    said = (
        [f"{said_of_vacuum(vacuum)}: repeated and relaxed along {_named(_plane(vacuum)) or 'none'}"] if vacuum else []
    )
    if occupied:
        proposal = _proposal(parent, occupied, vacuum)
        text = OccupiedText(proposal, "CIF" if field == "cif" else "file")
        said += text.said()
        supercell, composition, selection = proposal.supercell, text.composition(parent), text.selection()
        above, held, target = text.exclusions(), [*text.rounding(), "sublattices:", *text.sublattices()], _TOTAL_ENERGY
    else:
        supercell, composition, selection = suggested_supercell(parent, vacuum), parent.formula, "{select: all}"
        first = filled.pop(0)
        above, held, target = [], ["sublattices:", *_vacancies(first, math.prod(supercell))], _FORMATION_ENERGY
    lines = [
        *_head(parent, field, file.name, name, composition),
        *_cell(parent, supercell, vacuum),
        *above,
        "# What substitutes or leaves where, and how many sites of the supercell's sublattice each species holds:",
        "# a number (3), a range (0..3), a list ([0, 2, 4]) or `rest`; `vacancy` is an empty site.",
        "# The sublattices are the sets of symmetry-equivalent sites; sites of no sublattice stay as they are.",
        *held,
        *(line for other in filled for line in _other(other, math.prod(supercell))),
        "",
        "# `all` labels every inequivalent configuration; `{select: uniform, count: 500, seed: 0}` draws some.",
        f"configurations: {selection}",
        "",
        *_labels(vacuum),
        *target,
        "# How the dataset is parted; fractions add up to one. No configuration moves when the dataset grows.",
        "splits:",
        "  random: {by: random, train: 0.6, validation: 0.2, test: 0.2, seed: 0}",
    ]
    return FirstSpec("\n".join(lines) + "\n", tuple(said))


def _check_name(name: str) -> None:
    pattern = str(Spec.model_json_schema()["properties"]["name"]["pattern"])
    if not re.fullmatch(pattern, name):
        fitting = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63] or "my-crystal"
        raise InputError(f"'{name}' is no name for a spec: lower-case letters, digits and dashes; such as '{fitting}'")


def _proposal(parent: Parent, occupied: list[SuggestedSublattice], vacuum: Mapping[int, float]) -> Proposal:
    near = sites_too_near(parent, occupied)
    return proposed(parent, joined(parent, occupied, near), near, larger_supercells(parent, vacuum))


def _head(parent: Parent, field: str, file: str, name: str, composition: str) -> list[str]:
    notes = [line for note in parent.notes for line in commented(f"Read from it with this in mind: {note}.")]
    host = "The ideal host, every site filled."
    if parent.occupancies:
        host = "The crystal. As the ideal host every site is filled, by what sits there most often."
    return [
        f"# Defects and substitutions in {composition}: a spec for matbench-defects.",
        "# Sizes, counts and costs, before anything is built: `matbench-defects check` and the name of this file.",
        f"name: {name}   # lower-case letters, digits and dashes; ids of configurations begin with it",
        "version: 0.1.0   # of the dataset; a published version never changes",
        f"title: {'Arrangements in' if parent.occupancies else 'Defective'} {composition}   # one line for people",
        "description: ''   # a paragraph for the dataset's card",
        "references: []   # DOIs of the work this rests on",
        "license: CC-BY-4.0   # SPDX identifier under which the dataset is given out",
        "",
        *commented(f"{host} Its symmetry is found from the atoms: {parent.space_group}."),
        *notes,
        "parent:",
        f"  {field}: {scalar(file)}   # relative to this file",
        "  symmetry_tolerance: 0.001   # how far an atom may lie from its symmetry image, Å",
        "  provenance:",
        "    source: to be filled in   # paper, database or calculation that lattice and positions come from",
        "    # doi: 10.xxxx/...   # where it has one",
        "    verified: false   # true once someone has read the numbers there or computed them again",
        "",
    ]


def _cell(parent: Parent, supercell: Repeats, vacuum: Mapping[int, float]) -> list[str]:
    lengths = [n * float(np.linalg.norm(v)) for n, v in zip(supercell, parent.lattice, strict=True)]
    sites = len(parent.species) * int(np.prod(supercell))
    along = f", repeated along {_named(_plane(vacuum))} only" if vacuum and _plane(vacuum) else ""
    said = [f"{said_of_vacuum(vacuum)}{along}."] if vacuum else []
    return [
        *(line for text in said for line in commented(text)),
        f"# Repetitions of the cell in that file: {sites} sites, {' x '.join(f'{x:.1f}' for x in lengths)} Å. Three",
        "# rows of three integers, such as [[1, 1, 0], [-1, 1, 0], [0, 0, 1]], give any other supercell.",
        f"supercell: [{', '.join(map(str, supercell))}]",
        "",
    ]


def _plane(vacuum: Mapping[int, float]) -> list[str]:
    """Return the vectors along which a crystal goes on."""
    return [name for axis, name in enumerate("abc") if axis not in vacuum]


def _named(vectors: Sequence[str]) -> str:
    return " and ".join(vectors)


def said_of_vacuum(vacuum: Mapping[int, float]) -> str:
    """Return what vacuum was found, for people."""
    across = " and ".join(f"{height:.1f} Å of vacuum across {'abc'[axis]}" for axis, height in vacuum.items())
    what = {1: "a layer or a slab", 2: "a wire", 3: "a molecule"}[len(vacuum)]
    return f"{across}: {what}"


def _vacancies(sublattice: SuggestedSublattice, cells: int) -> list[str]:
    """Return the lines of a sublattice that has some vacancies."""
    sites = sublattice.count * cells
    vacancies = 2 if sites > 2 else 1
    entry = sublattice_entry(sublattice, f"{{{sublattice.element}: rest, vacancy: 0..{vacancies}}}")
    return [*_shared_sites(sublattice), f"  {entry}   # {sites} sites"]


def _other(other: SuggestedSublattice, cells: int) -> list[str]:
    entry = sublattice_entry(other, f"{{{other.element}: rest, vacancy: 0..1}}")
    return [*_shared_sites(other), f"  # {entry}   # {other.count * cells} sites"]


def _shared_sites(sublattice: SuggestedSublattice) -> list[str]:
    if sublattice.orbits == 1:
        return []
    return [
        f"  # {sublattice.name}: {sublattice.orbits} symmetry-inequivalent sets of sites share this sublattice,",
        "  # because the file gives them one label; label them differently there to part them.",
    ]


def _labels(vacuum: Mapping[int, float]) -> list[str]:
    plane = _plane(vacuum)
    value = "true" if not vacuum else f"[{', '.join(plane)}]" if plane else "false"
    why = "whether the cell relaxes with the positions"
    if vacuum:
        why = f"along which vectors the cell relaxes: not across the vacuum along {_named(['abc'[i] for i in vacuum])}"
    return [
        "# What is computed for each configuration. Left out, `relax` gives the energy of the ideal positions.",
        "labels:",
        f"  - engine: {ENGINE}     # a machine-learned potential, not DFT; see `matbench-defects list engines`",
        f"    model: {MODEL}",
        "    relax:",
        f"      cell: {value:<14} # {why}",
        "      fmax: 0.05           # relaxed when no force exceeds this, eV/Å",
        "      steps: 500           # given up after this many",
        "",
    ]


_FORMATION_ENERGY = [
    "# What models predict. The end members are the contents whose energies are the reference: formation energies",
    "# are those above what they mix to (at 0 K, without vibrations). `extremes` are the outermost compositions of the",
    "# sublattices above, whatever their ranges; contents such as [{Li: 8}, {Li: 0}] can be named instead.",
    "targets:",
    "  formation_energy:",
    f"    label: {ENGINE}_relaxed",
    "    unit: eV",
    "    per: formula_unit      # of the ideal host",
    "    end_members: extremes",
    "",
]
_TOTAL_ENERGY = [
    "# What models predict. All configurations have one composition, so total energies order them. Where numbers above",
    "# become ranges, formation energies compare compositions; take then",
    f"#   formation_energy: {{label: {ENGINE}_relaxed, unit: eV, per: formula_unit, end_members: extremes}}",
    "targets:",
    "  total_energy:",
    f"    label: {ENGINE}_relaxed",
    "    unit: eV",
    "    per: atom",
    "",
]

"""Parents in a spec: by space group and sites, by a file, or by Materials Project id."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from matbench_defects.spec.fields import ELEMENTS, Coordinate, Line, Name, Species, StrictModel, check_filled
from matbench_defects.spec.species import LARGEST_STATE, oxidation_state


class Provenance(StrictModel):
    """Where numbers come from."""

    source: Line
    """The paper, database or calculation, as a reader would look it up."""
    verified: bool = False
    """Whether someone of this project has read the numbers in that source or computed them again."""
    doi: str | None = None
    """The source's DOI, where it has one."""


class Lattice(StrictModel):
    """Lattice parameters; those that the crystal system fixes may be left out."""

    a: Annotated[float, Field(gt=0)]
    """Length of the first lattice vector, Å."""
    b: Annotated[float, Field(gt=0)] | None = None
    """Length of the second lattice vector, Å."""
    c: Annotated[float, Field(gt=0)] | None = None
    """Length of the third lattice vector, Å."""
    alpha: Annotated[float, Field(gt=0, lt=180)] | None = None
    """Angle between the second and third lattice vectors, degrees."""
    beta: Annotated[float, Field(gt=0, lt=180)] | None = None
    """Angle between the first and third lattice vectors, degrees."""
    gamma: Annotated[float, Field(gt=0, lt=180)] | None = None
    """Angle between the first and second lattice vectors, degrees."""


class Site(StrictModel):
    """One Wyckoff site of the parent; the space group makes the others."""

    species: Annotated[Species, AfterValidator(check_filled)]
    """The element that sits there in the ideal host, with its oxidation state if that matters: ``Ni3+``."""
    position: tuple[Coordinate, Coordinate, Coordinate]
    """Fractional coordinates; ``1/3`` may be written as such."""


def _parse_sites(value: Any) -> Any:
    """Read ``{O1: [0, 0, 0.26]}``: the element is what the label begins with. ``Ni3+`` is one with its state."""
    if not isinstance(value, dict):
        return value
    result = {}
    for label, site in value.items():
        if isinstance(site, list):
            match = re.match(r"[A-Z][a-z]?", str(label))
            symbol = match[0] if match else str(label)
            if symbol not in ELEMENTS and symbol[:1] in ELEMENTS:
                symbol = symbol[:1]
            if oxidation_state(str(label)) is not None:
                symbol = str(label)
            site = {"species": symbol, "position": site}
        result[label] = site
    return result


def _parse_group(value: Any) -> Any:
    """Read ``225`` as its symbol is read."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_SITES_SCHEMA = dict[str, tuple[Coordinate, Coordinate, Coordinate] | Site]


def _check_state(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < abs(value) <= LARGEST_STATE:
        return value
    raise ValueError(
        f"an oxidation state is a whole number from 1 to {LARGEST_STATE} or its negative, not {value!r}; leave out an "
        "atom without one"
    )


OxidationState = Annotated[int, BeforeValidator(_check_state)]
MaterialsProjectId = Annotated[str, Field(pattern=r"^mp-\d+$")]


class ParentSpec(StrictModel):
    """The ideal host crystal: by space group and sites, by a file, or by Materials Project id."""

    spacegroup: Annotated[str | None, BeforeValidator(_parse_group, json_schema_input_type=str | int | None)] = None
    """Hermann-Mauguin symbol, or number of the International Tables for the standard axes; its operations are the ones
    that count. ``Fd-3m:2`` names the second of two origins; a symbol that names none is read where the sites make one
    crystal with both, or are possible with one alone, and refused elsewhere. ``R-3m`` with ``a`` and ``c`` is on
    hexagonal axes, with ``a`` and ``alpha`` on rhombohedral ones."""
    lattice: Lattice | None = None
    """Lattice parameters of the conventional cell of that space group."""
    sites: Annotated[dict[Name, Site], BeforeValidator(_parse_sites, json_schema_input_type=_SITES_SCHEMA)] | None = (
        None
    )
    """One site of each Wyckoff orbit, by label: ``O1: [0, 0, 0.26]``, or with its species said."""
    cif: str | None = None
    """A CIF file, relative to this one; its symmetry is found from the atoms."""
    structure: str | None = None
    """A file of another format, relative to this one: POSCAR, extended XYZ and others; its symmetry is found, too."""
    materials_project: MaterialsProjectId | None = None
    """A Materials Project id such as ``mp-25411``; `fetch-parents` freezes its crystal in a file beside this one."""
    oxidation_states: dict[str, OxidationState] = {}
    """Oxidation states in the ideal host, by element or by a site's label: ``{Li: 1, Ni: 3, O: -2}``."""
    symmetry_tolerance: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    """How far an atom may lie from its symmetry image, Å, where symmetry is found from the atoms."""
    provenance: Provenance | None = None
    """Where lattice parameters and positions come from; may be left out for a Materials Project id, which says it."""

    @model_validator(mode="after")
    def _one_way(self) -> ParentSpec:
        by_group = {"spacegroup": self.spacegroup, "lattice": self.lattice, "sites": self.sites}
        given = [n for n, v in by_group.items() if v is not None]
        ways = (bool(given), *(way is not None for way in (self.cif, self.structure, self.materials_project)))
        if sum(ways) != 1:
            raise ValueError(
                "give exactly one of: spacegroup with lattice and sites; cif; structure; materials_project"
            )
        if self.sites is not None and not self.sites:
            raise ValueError("name at least one site")
        if given and len(given) < 3:
            absent = " and ".join(n for n in by_group if n not in given)
            raise ValueError(f"{' and '.join(given)} given without {absent}")
        if self.provenance is None and self.materials_project is None:
            raise ValueError("provenance is missing: say where lattice parameters and positions come from")
        return self

    @property
    def file_field(self) -> str:
        """The field that a file lies beside: the structure file, or the frozen crystal of a Materials Project id."""
        if self.structure is not None:
            return "structure"
        return "cif" if self.materials_project is None else "materials_project"


class ReferencePhase(ParentSpec):
    """A crystal outside the spaces, whose energy targets or pictures need."""

    cell: bool | None = None
    """Whether its cell relaxes, where a label's own choice does not suit it: a bulk metal beside sheets of fixed cell,
    or a molecule in a box. Left out, as the label says; labels that do not relax are not changed."""

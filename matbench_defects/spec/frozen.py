"""Parents fetched from a database, frozen in a file beside the spec: nothing that builds needs the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from matbench_defects.errors import InputError
from matbench_defects.spec.document import read_document, validate
from matbench_defects.spec.fields import PlainSpecies, StrictModel
from matbench_defects.spec.parents import MaterialsProjectId, ParentSpec, Provenance

MATERIALS_PROJECT_DOI = "10.1063/1.4812323"
"""Jain et al., APL Materials 1, 011002 (2013), which the Materials Project asks to be cited."""

Vector = Annotated[list[float], Field(min_length=3, max_length=3)]


class FrozenParent(StrictModel):
    """A crystal as a database gave it at one time, in its conventional cell."""

    materials_project: MaterialsProjectId
    """Its id in the Materials Project."""
    database_version: str
    """Version of the database."""
    fetched: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    """The day it was fetched."""
    symmetry_tolerance: float
    """How far an atom could lie from its symmetry image when the conventional cell was found, Å."""
    space_group: str
    """Hermann-Mauguin symbol that the atoms have within the tolerance; found again when it is read."""
    lattice_vectors: Annotated[list[Vector], Field(min_length=3, max_length=3)]
    """Lattice vectors as rows, Å."""
    species_at_sites: Annotated[list[PlainSpecies], Field(min_length=1)]
    """The element of each site."""
    site_labels: list[str]
    """Label of each site: the element, with a number where several orbits hold it. Sublattices may name them."""
    fractional_site_positions: list[Vector]
    """Fractional coordinates of each site."""

    @model_validator(mode="after")
    def _alike(self) -> FrozenParent:
        sites = len(self.species_at_sites)
        if not len(self.site_labels) == len(self.fractional_site_positions) == sites:
            raise ValueError(f"{sites} species need as many labels and positions")
        return self

    @property
    def provenance(self) -> Provenance:
        """Where the numbers come from; a program read them there, so they are verified."""
        source = (
            f"Materials Project, {self.materials_project}, database {self.database_version}, fetched {self.fetched}; "
            "relaxed by DFT"
        )
        return Provenance(source=source, verified=True, doi=MATERIALS_PROJECT_DOI)


def frozen_path(parent: ParentSpec, folder: Path) -> Path:
    """Return where a parent of the Materials Project is frozen: beside the file that names its id."""
    return folder / f"{parent.materials_project}.json"


def read_frozen(parent: ParentSpec, folder: Path) -> FrozenParent:
    """Read the frozen crystal of a parent that names an id of the Materials Project.

    Parameters
    ----------
    parent : ParentSpec
        The parent's part of a spec.
    folder : path
        The folder of the file in which the id is written.

    Raises
    ------
    InputError
        If it was not fetched yet or with another tolerance, or the file is not what `fetch-parents` writes.
    """
    path = frozen_path(parent, folder)
    if not path.is_file():
        raise InputError(
            f"{parent.materials_project} was not fetched yet: run `matbench-defects fetch-parents` on this spec once. "
            f"That needs the network and MP_API_KEY, and writes {path.name} beside it"
        )
    document = read_document(path)
    frozen = validate(FrozenParent, document.data, document)
    if frozen.materials_project != parent.materials_project:
        message = f"is {frozen.materials_project}, but {parent.materials_project} was expected by the file's name"
        raise document.error(("materials_project",), message)
    if frozen.symmetry_tolerance != parent.symmetry_tolerance:
        raise document.error(
            ("symmetry_tolerance",),
            f"is {frozen.symmetry_tolerance:g}, the spec's is {parent.symmetry_tolerance:g}; run `matbench-defects "
            "fetch-parents` on the spec again",
        )
    return frozen

"""Copper with vacancies and gold under effective-medium theory: cheap enough for every test of labels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from specs_for_tests import COPPER

from matbench_defects.crystal.space import Space
from matbench_defects.labels.ase_engine import AseEngine
from matbench_defects.labels.engine import EngineSettings
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Spec

PATHWAY = "pathway: {species: Cu, cutoff: 2.7}"
BAND = "{engine: neb, forces: {engine: emt}, images: 3, fmax: 0.02, relax: {cell: CELL, fmax: 0.01}}"


class Emt(AseEngine):
    """Effective-medium theory."""

    Settings: ClassVar[type[EngineSettings]] = EngineSettings
    level_of_theory: ClassVar[str] = "effective medium theory; a toy"
    version = "emt 1"

    def calculator(self):
        from ase.calculators.emt import EMT

        return EMT()


def copper(folder: Path, content: str, pathway: str = "", label: str = "{engine: emt}") -> Spec:
    """Return the spec of copper with this content and label."""
    path = folder / "spec.yaml"
    text = COPPER.replace("CONTENT", content).replace("PATHWAY", pathway)
    path.write_text(text.replace("LABEL", label))
    return load_spec(path)


def only_space(spec: Spec) -> Space:
    """Return the only space of a spec."""
    from matbench_defects.crystal.building import build_spaces

    (space,) = build_spaces(spec).values()
    return space

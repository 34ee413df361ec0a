"""The DFT numbers in specs/README.md are those of the committed energies."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from matbench_defects.labels.engines.gpaw import GpawSettings
from matbench_defects.labels.store import LabelStore
from matbench_defects.shipped import shipped_specs
from matbench_defects.spec.document import read_document

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "dft"
SAID = read_document(FOLDER / "reactions.yaml").data
ENGINES = ("gpaw", "sevennet", "chgnet")


@pytest.fixture(scope="module")
def labels():
    """Static labels by phase and engine."""
    found = {}
    for label in LabelStore(FOLDER / "labels.parquet"):
        if label.description["relax"] is None:
            assert (label.key.id, label.description["engine"]) not in found, "computed twice in different ways"
            found[label.key.id, label.description["engine"]] = label
    return found


def rows():
    text = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
    lines = text.partition("<!-- dft -->")[2].partition("<!-- end of dft -->")[0].strip().splitlines()[2:]
    return {line.split("`")[1]: [cell.strip() for cell in line.strip("|").split("|")] for line in lines}


@pytest.mark.parametrize("reaction", SAID["reactions"], ids=lambda one: one["domain"])
def test_a_number_is_the_sum_of_its_energies(reaction, labels):
    stated = rows()[reaction["domain"]]
    for place, engine in enumerate(ENGINES, start=3):
        total = 0.0
        for phase, times in reaction["of"].items():
            total += float(Fraction(str(times))) * labels[phase, engine].outcome.energy
        assert stated[place] == f"{total:.3f}"


@pytest.mark.parametrize("reaction", SAID["reactions"], ids=lambda one: one["domain"])
def test_how_it_was_computed_is_said(reaction, labels):
    atoms, cutoff, density, hubbard, force = rows()[reaction["domain"]][6:]
    found = [labels[phase, "gpaw"] for phase in reaction["of"]]
    assert atoms == ", ".join(str(len(label.outcome.crystal)) for label in found)
    for label in found:
        settings = label.description["settings"]
        assert f"{settings['cutoff']:g}" in cutoff.split(" and ")
        assert f"{settings['kpoint_density']:g}" in density.split(" and ")
        assert all(f"{element} {plus['u']:g}" in hubbard for element, plus in settings["hubbard"].items())
    assert force == f"{max(label.outcome.max_force for label in found):.2f}"


@pytest.mark.parametrize("reaction", SAID["reactions"], ids=lambda one: one["domain"])
def test_it_is_balanced_and_of_one_geometry(reaction, labels):
    atoms: dict[str, float] = {}
    for phase, times in reaction["of"].items():
        crystals = [labels[phase, engine].outcome.crystal for engine in ENGINES]
        for species in crystals[0].species:
            atoms[species] = atoms.get(species, 0) + float(Fraction(str(times)))
        for other in crystals[1:]:
            assert np.allclose(other.lattice, crystals[0].lattice)
            assert np.allclose(other.positions, crystals[0].positions)
        label = labels[phase, "gpaw"]
        assert label.usable
        settings = SAID["gpaw"] | SAID["phases"][phase]["gpaw"]
        assert label.level_of_theory == GpawSettings.model_validate(settings).level_of_theory()
    assert all(abs(number) < 1e-9 for number in atoms.values()), atoms


def test_every_domain_has_one_or_a_reason():
    text = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
    covered = set(rows())
    for domain in shipped_specs():
        after = text.partition("<!-- end of dft -->")[2].partition("\n## ")[0]
        assert domain in covered or f"`{domain}`" in after

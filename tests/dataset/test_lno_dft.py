"""The engines against the 31 DFT energies of LixNiO2: the numbers that stand in the dataset's card."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.targets.formation_energy import formation_energy
from matbench_defects.exchange.comparison import agreement
from matbench_defects.labels.engine import Method, engines, methods_of
from matbench_defects.labels.job import Job
from matbench_defects.labels.running import run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.loading import load_spec

SHARED = Path(os.environ.get("MATBENCH_DEFECTS_SHARED", Path(__file__).parents[2].parent / "shared"))
ENTRIES = SHARED / "data" / "lno-smol" / "lno_entries.json"
RELAXED = json.loads((Path(__file__).parent / "lno_dft_relaxed.json").read_text())
"""Formation energies that the engines gave, eV per formula unit, in the order of the entries."""

pytestmark = pytest.mark.skipif(not ENTRIES.exists(), reason=f"the DFT energies are not here: {ENTRIES}")


def dft_entries() -> tuple[list[float], list[Crystal]]:
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    energies, crystals = [], []
    for entry in map(ComputedStructureEntry.from_dict, json.loads(ENTRIES.read_text())):
        structure = entry.structure.remove_oxidation_states()
        energies.append(entry.energy)
        crystals.append(
            Crystal(structure.lattice.matrix, tuple(s.specie.symbol for s in structure), structure.cart_coords)
        )
    return energies, crystals


def labels_of(method: Method, crystals: dict[int, Crystal], store: Path):
    """Return the usable outcome of one method for each structure; they start as DFT relaxed them."""
    jobs = {i: Job(f"lno-smol:{i}", "lno-smol", crystal, method) for i, crystal in crystals.items()}
    labels = run_jobs(list(jobs.values()), [LabelStore(store)])
    assert all(label.usable for label in labels.values())
    return {i: labels[job.key].outcome for i, job in jobs.items()}


def formation(energies, crystals):
    """Return formation energies against the fullest and the emptiest of the structures, eV per Ni."""
    atoms = [Counter(c.species) for c in crystals]
    lithium = [a["Li"] / a["Ni"] for a in atoms]
    ends = []
    for end in (max(lithium), min(lithium)):
        members = [i for i, x in enumerate(lithium) if x == end]
        lowest = min(members, key=lambda i: energies[i] / atoms[i]["Ni"])
        ends.append((energies[lowest], atoms[lowest]))
    return np.array([formation_energy(e, a, ends) / a["Ni"] for e, a in zip(energies, atoms, strict=True)])


def assert_stated(label, found):
    """The card's numbers are these, to the digits that it shows."""
    stated = next(c for c in load_spec("lno-cathode").comparisons if c.label == label)
    assert (found.rows, found.mae, found.spearman) == (
        stated.rows,
        pytest.approx(stated.mae, abs=1e-4),
        pytest.approx(stated.spearman, abs=1e-3),
    )


def test_card_states_the_relaxed_energies():
    """From the formation energies that the engines gave, which the slow test below samples again."""
    expected = formation(*dft_entries())
    for label, energies in RELAXED.items():
        assert_stated(label, agreement(np.array(energies), expected))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sevennet", "chgnet"])
def test_card_states_the_static_energies(engine, tmp_path):
    energies, crystals = dft_entries()
    method = Method(f"{engine}_static", engine, engines.get(engine).Settings(), None)
    found = labels_of(method, dict(enumerate(crystals)), tmp_path / "labels.parquet")
    energies_found = [found[i].energy for i in range(len(crystals))]
    assert_stated(f"{engine}_static", agreement(formation(energies_found, crystals), formation(energies, crystals)))


@pytest.mark.slow
@pytest.mark.parametrize("label", ["sevennet_relaxed", "chgnet_relaxed"])
def test_relaxed_energies_come_out_again(label, tmp_path):
    """Both ends and three structures between them; all 31 took 7 minutes on two busy cores."""
    _, crystals = dft_entries()
    method = next(m for m in methods_of(load_spec("lno-cathode")) if m.name == label)
    lithium = [c.species.count("Li") for c in crystals]
    chosen = [lithium.index(0), 2, 18, 21, lithium.index(6)]
    found = labels_of(method, {i: crystals[i] for i in chosen}, tmp_path / "labels.parquet")
    energies = formation([found[i].energy for i in chosen], [found[i].crystal for i in chosen])
    np.testing.assert_allclose(energies, [RELAXED[label][i] for i in chosen], atol=2e-3)

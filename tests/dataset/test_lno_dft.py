"""The engines against the 31 DFT energies of LixNiO2: the numbers that stand in the dataset's card."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.comparison import agreement, formation_energies_along
from matbench_defects.labels.engine import Method, engines, methods_of
from matbench_defects.labels.running import Job, run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.spec.loading import load_spec

SHARED = Path(os.environ.get("MATBENCH_DEFECTS_SHARED", Path(__file__).parents[2].parent / "shared"))
ENTRIES = SHARED / "data" / "lno-smol" / "lno_entries.json"


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


def compare(method: Method, store: Path):
    """Return how one method's formation energies agree with DFT; structures start as DFT relaxed them."""
    energies, crystals = dft_entries()
    jobs = [Job(f"lno-smol:{i}", "lno-smol", crystal, method) for i, crystal in enumerate(crystals)]
    labels = run_jobs(jobs, [LabelStore(store)])
    outcomes = [labels[job.key].outcome for job in jobs]
    assert all(labels[job.key].usable for job in jobs)
    found = formation_energies_along([o.energy for o in outcomes], [o.crystal for o in outcomes], "Li", "Ni")
    return agreement(found, formation_energies_along(energies, crystals, "Li", "Ni"))


@pytest.mark.slow
@pytest.mark.skipif(not ENTRIES.exists(), reason=f"the DFT energies are not here: {ENTRIES}")
@pytest.mark.parametrize("label", ["sevennet_relaxed", "chgnet_relaxed", "sevennet_static", "chgnet_static"])
def test_card_states_what_is_measured(label, tmp_path):
    spec = load_spec("lno-cathode")
    stated = next(c for c in spec.comparisons if c.label == label)
    methods = {method.name: method for method in methods_of(spec)}
    for engine in ("sevennet", "chgnet"):
        settings = engines.get(engine).Settings()
        methods[f"{engine}_static"] = Method(f"{engine}_static", engine, settings, None)
    found = compare(methods[label], tmp_path / "labels.parquet")
    assert (found.rows, found.mae, found.spearman) == (
        stated.rows,
        pytest.approx(stated.mae, abs=1e-3),
        pytest.approx(stated.spearman, abs=5e-3),
    )

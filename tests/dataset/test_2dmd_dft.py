"""The 200 MoS2 structures of the 2DMD pilot: mapped, their formation energies computed again, and compared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.finding import Finder
from matbench_defects.enumeration.identify import identify
from matbench_defects.exchange.comparison import PER_SITE, compare_values, formation_energies_per_site
from matbench_defects.exchange.mapping import Mapped, map_published
from matbench_defects.exchange.published_defects import CHEMICAL_POTENTIALS, PRISTINE_ENERGIES
from matbench_defects.exchange.published_table import read_published, write_published
from matbench_defects.exchange.source import SourceSettings, format_settings, formats
from matbench_defects.shipped import find_spec
from matbench_defects.spec.loading import load_spec

SHARED = Path(os.environ.get("MATBENCH_DEFECTS_SHARED", Path(__file__).parents[2].parent / "shared"))
PILOT = SHARED / "data" / "2dmd-mos2-pilot"
ENTRIES = SHARED / "data" / "lno-smol" / "lno_entries.json"

needs_pilot = pytest.mark.skipif(not PILOT.exists(), reason=f"the DFT energies are not here: {PILOT}")


@pytest.fixture(scope="module")
def pilot() -> tuple[Mapped, dict]:
    published = formats.get("2dmd")(format_settings("2dmd", {})).read(PILOT)
    return map_published(published, Finder(load_spec("2dmd-low"))), published.quantities


@needs_pilot
def test_every_structure_maps_and_has_the_published_formation_energy(pilot):
    mapped, _ = pilot
    # A remark would say that one did not map, is of another type than it is called, or is off by more than 2 meV.
    assert (mapped.structures, mapped.mapped, mapped.remarks) == (200, 200, [])
    assert all(row["content_type"] and row["displacement"] < 1e-3 for row in mapped.rows)
    for row in mapped.rows:
        removed = _exchanged(row["content"])
        total = row["energy"] - PRISTINE_ENERGIES["MoS2", "8,8,1"]
        total += sum(CHEMICAL_POTENTIALS[e] * n for e, n in removed.items())
        assert total == pytest.approx(row["formation_energy"], abs=0.002)


def _exchanged(content: str) -> dict[str, int]:
    """Return how many atoms of each element fewer than in the host a content such as ``Mo64.Va1Se1S126`` has."""
    import re

    atoms = {e: int(n) for e, n in re.findall(r"([A-Z][a-z]?)(\d+)", content)}
    host = {"Mo": 64, "S": 128}
    return {e: host.get(e, 0) - atoms.get(e, 0) for e in ("Mo", "S", "W", "Se")}


@needs_pilot
def test_the_spec_labels_all_of_them(pilot):
    also = load_spec("2dmd-low").all_spaces()["MoS2"][0].configurations.also
    assert set(also) == {row["id"] for row in pilot[0].rows}


@needs_pilot
def test_the_spec_states_how_far_its_labels_are(pilot, tmp_path):
    spec = load_spec("2dmd-low")
    labels = find_spec("2dmd-low").parent / "labels.parquet"
    if not spec.comparisons or not labels.exists():
        pytest.skip("the labels of 2dmd-low are not computed, or not compared yet")
    write_published(tmp_path / "pilot.parquet", *pilot, SourceSettings())
    table = read_published(tmp_path / "pilot.parquet")
    for stated in spec.comparisons:
        values = formation_energies_per_site(spec, stated.label, labels)
        found = compare_values(values, PER_SITE, table, "formation_energy_per_site")
        assert (found.rows, found.mae, found.spearman) == (
            stated.rows,
            pytest.approx(stated.mae, abs=1e-4),
            pytest.approx(stated.spearman, abs=1e-3),
        )


@pytest.mark.skipif(not ENTRIES.exists(), reason=f"the DFT energies are not here: {ENTRIES}")
def test_cells_of_six_formula_units_are_none_of_the_space_of_twelve():
    finder = Finder(load_spec("lno-cathode"))
    published = formats.get("computed-entries")(format_settings("computed-entries", {})).read(ENTRIES)
    structures = list(published.structures)
    assert len(structures) == published.count == 31
    mapped = map_published(type(published)(published.quantities, 31, iter(structures)), finder)
    assert not mapped.rows
    assert {r.reason for r in mapped.remarks} == {"it has 6 Ni, the host alone 12"}
    # Doubled, every one has the right composition, but another shape.
    shapes = 0
    for structure in structures:
        crystal = structure.crystal.to_pymatgen() * (1, 1, 2)
        found = identify(finder.spaces["lno-cathode"], Crystal.from_pymatgen(crystal))
        shapes += found.id is None and found.reason.startswith("its cell")
    assert shapes == 31

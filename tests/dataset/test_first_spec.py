"""From a CIF file with partly occupied sites, or with vacuum, to a spec, by the commands a user types."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ase.build import fcc111, graphene
from ase.calculators.emt import EMT
from ase.io import write
from typer.testing import CliRunner

import matbench_defects as md
from matbench_defects.cli.app import app
from matbench_defects.crystal.parent import build_parent
from matbench_defects.crystal.vacuum import vacuum_across
from matbench_defects.dataset.first_spec.template import first_spec, template
from matbench_defects.errors import InputError
from matbench_defects.labels.ase_engine import relaxed
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.models import Relaxation
from matbench_defects.spec.parents import ParentSpec

GARNET = """
Li1 Li+ 0.375 0 0.25 0.56
Li2 Li+ 0.0962 0.6853 0.5770 0.445
La1 La3+ 0.125 0 0.25 1
Zr1 Zr4+ 0 0 0 1
O1 O2- -0.0318 0.0549 0.1503 1
"""
SALT = "\nMg1 Mg2+ 0 0 0 0.75\nNi1 Ni2+ 0 0 0 0.25\nO1 O2- 0.5 0.5 0.5 1\n"
OXYNITRIDE = "\nSr1 Sr 0.5 0.5 0.5 1\nTa1 Ta 0 0 0 1\nO1 O 0.5 0 0 0.667\nN1 N 0.5 0 0 0.333\n"
TWO_ORBITS = """
Sr1 Sr 0 0.5 0.25 1
Ta1 Ta 0 0 0 1
O1 O 0 0 0.25 0.6667
N1 N 0 0 0.25 0.3333
O2 O 0.22 0.72 0 0.6667
N2 N 0.22 0.72 0 0.3333
"""


def cif(folder: Path, sites: str, group: str, a: float, c: float | None = None) -> Path:
    lengths = f"_cell_length_a {a}\n_cell_length_b {a}\n_cell_length_c {c or a}\n"
    angles = "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    tags = "".join(f"_atom_site_{t}\n" for t in ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy"))
    path = folder / "mine.cif"
    path.write_text(
        f"data_x\n{lengths}{angles}_symmetry_space_group_name_H-M '{group}'\nloop_\n{tags}{sites.strip()}\n"
    )
    return path


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return re.sub(r"\s+", " ", done.output)


def begun(file: Path, folder: Path) -> tuple[str, Path]:
    said = run("init", file, "--out", folder / "spec" / "spec.yaml")
    return said, folder / "spec" / "spec.yaml"


def test_a_mixed_site(tmp_path: Path) -> None:
    said, spec = begun(cif(tmp_path, SALT, "F m -3 m", 4.2), tmp_path)
    assert "MgNi: Mg 24 of 32 = 0.750 (CIF 0.75), Ni 8 of 32 = 0.250 (CIF 0.25)" in said
    assert "# MgNi: Mg 24 of 32 = 0.750 (CIF 0.75), Ni 8 of 32 = 0.250 (CIF 0.25)" in spec.read_text()
    found = run("check", spec)
    assert "Mg24Ni8 10,518,300 8,043" in found and "500 wanted" in found
    small = spec.with_name("small.yaml")
    text = spec.read_text().replace("[2, 2, 2]", "[2, 1, 1]").replace("Mg: 24, Ni: 8", "Mg: 6, Ni: 2")
    small.write_text(text.replace("count: 500", "count: 3"))
    assert "Mg6Ni2 28 4" in run("check", small)
    run("enumerate", small, "--out", tmp_path / "index")
    (index,) = (tmp_path / "index").glob("*.parquet")
    assert pq.read_table(index)["multiplicity"].to_numpy().sum() == 28


@pytest.mark.parametrize(
    ("sites", "group", "cell", "numbers", "supercell"),
    [
        (OXYNITRIDE, "P m -3 m", (4.03,), "ON: O 16 of 24 = 0.667 (CIF 0.667), N 8 of 24 = 0.333", [2, 2, 2]),
        (TWO_ORBITS, "I 4/m c m", (5.7, 8.06), "ON: O 32 of 48 = 0.667 (CIF 0.6667), N 16 of 48", [2, 2, 1]),
    ],
)
def test_mixed_anions(tmp_path: Path, sites: str, group: str, cell: tuple, numbers: str, supercell: list[int]) -> None:
    said, path = begun(cif(tmp_path, sites, group, *cell), tmp_path)
    assert numbers in said
    spec = md.load_spec(path)
    assert load_spec(path).supercell == supercell and len(list(spec.space().sample(5, seed=0))) == 5
    (anions,) = load_spec(path).sublattices.values()
    assert set(anions.sites) == ({"O1", "O2"} if "O2" in sites else {"O1"})  # what shares a composition is one


def test_sites_that_exclude_each_other(tmp_path: Path) -> None:
    said, spec = begun(cif(tmp_path, GARNET, "I a -3 d", 12.9827), tmp_path)
    assert "Li: Li 56 of 120 = 0.467 (CIF 0.468): Li 0.56 on Li1 and Li 0.445 on Li2" in said
    assert (
        "yours to confirm in `exclude`: Li and Li closer than 2 Å, which are at 0.78 Å (Li2-Li2), 1.63 Å (Li1-" in said
    )
    text = spec.read_text()
    assert "exclude:\n  - {between: [Li, Li], closer_than: 2}   # Å" in text
    assert "Allowed are 2.37 Å (Li1-Li2)" in re.sub(r"\s+#?\s*", " ", text)
    for one in md.load_spec(spec).space().sample(5, seed=1):
        atoms = one.to_ase()
        lithium = atoms[atoms.numbers == 3]
        apart = lithium.get_all_distances(mic=True)
        assert len(lithium) == 56 and apart[~np.eye(56, dtype=bool)].min() > 2.0


def test_numbers_that_no_cell_holds_well_are_said_to_be_off(tmp_path: Path) -> None:
    sites = "Mg1 Mg 0 0 0 0.9737\nNi1 Ni 0 0 0 0.0263\n" + "".join(
        f"O{i} O {0.1 + 0.2 * (i % 5)} {0.1 + 0.2 * (i // 5 % 5)} {0.1 + 0.2 * (i // 25)} 1\n" for i in range(125)
    )
    found = first_spec(cif(tmp_path, sites, "P 1", 12.0), "mine")
    assert "Mg1 1 of 1" not in found.text
    assert any("off the occupancies by up to" in said for said in found.said)


def test_more_than_one_of_two_split_sites_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sites that are 0\.\d+ Å apart \(A-A\) more often than one at a time"):
        template(cif(tmp_path, "A Li .06 .5 .5 0.9\nB F 0 0 0 1", "P m m m", 5.0), "mine")


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("kind", ["layer", "slab"])
def test_vacuum(tmp_path: Path, kind: str, axis: int) -> None:
    atoms = graphene("BN", a=2.504, vacuum=7.5) if kind == "layer" else fcc111("Cu", (1, 1, 4), vacuum=8.0)
    atoms.pbc = True
    order = [(axis + 1) % 3, (axis + 2) % 3, axis]
    turned = np.empty((3, 3))
    turned[order] = np.array(atoms.cell)
    atoms.set_cell(turned)
    write(tmp_path / "mine.cif", atoms)
    said, path = begun(tmp_path / "mine.cif", tmp_path)
    plane = [vector for i, vector in enumerate("abc") if i != axis]
    assert (
        f"Å of vacuum across {'abc'[axis]}: a layer or a slab: repeated and relaxed along {' and '.join(plane)}" in said
    )
    spec = load_spec(path)
    assert spec.supercell == [1 if i == axis else 2 for i in range(3)]
    assert spec.labels[0].relax is not None and spec.labels[0].relax.cell == plane
    assert "# " + f"{15.0 if kind == 'layer' else 16.0} Å of vacuum" in path.read_text()
    run("check", path)
    run("enumerate", path, "--out", tmp_path / "index")


@pytest.mark.parametrize(("group", "a", "c", "sites"), [
    ("P 63/m m c", 2.46, 6.71, "C1 C 0 0 .25 1\nC2 C .33333 .66667 .25 1"),  # graphite
    ("P m -3 m", 4.12, None, "A Cs 0 0 0 1\nB Cl .5 .5 .5 1"),
])  # fmt: skip
def test_gaps_between_bulk_layers_are_no_vacuum(tmp_path: Path, group: str, a: float, c: float, sites: str) -> None:
    path = cif(tmp_path, sites, group, a, c)
    path.write_text(path.read_text().replace("gamma 90", "gamma 120" if c else "gamma 90"))
    parent = build_parent(ParentSpec.model_validate({"cif": "mine.cif", "provenance": {"source": "x"}}), tmp_path)
    assert vacuum_across(parent) == {}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_cell_relaxes_in_the_plane_alone_wherever_that_points(seed: int) -> None:
    slab = fcc111("Cu", (2, 2, 3), a=3.5, vacuum=6.0)
    slab.pbc = True
    slab.rattle(0.02, seed=seed)
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    slab.set_cell(np.array(slab.cell) @ q.T, scale_atoms=True)
    before, slab.calc = np.array(slab.cell), EMT()
    converged, _ = relaxed(slab, Relaxation(cell=["a", "b"], fmax=0.01))
    after = np.array(slab.cell)
    assert converged
    np.testing.assert_allclose(after[2], before[2], atol=1e-6)  # it is perpendicular to the plane
    assert np.linalg.norm(after[0]) > np.linalg.norm(before[0]) + 0.02
    normal = before[2] / np.linalg.norm(before[2])
    np.testing.assert_allclose(after[:2] @ normal, 0, atol=1e-6)


@pytest.mark.parametrize("value", ["[a, d]", "[]", "[a, a]", "along a", "2"])
def test_what_a_cell_cannot_relax_along(tmp_path: Path, value: str) -> None:
    write(tmp_path / "mine.cif", graphene("BN", a=2.504, vacuum=7.5))
    text = template(tmp_path / "mine.cif", "mine")
    (tmp_path / "spec.yaml").write_text(text.replace("cell: [a, b]", f"cell: {value}"))
    with pytest.raises(InputError, match=r"labels.0.relax.cell: true, false, or vectors .* such as \[a, b\]"):
        load_spec(tmp_path / "spec.yaml")


def test_reference_phases_say_whether_their_cell_relaxes(tmp_path: Path) -> None:
    write(tmp_path / "mine.cif", graphene("BN", a=2.504, vacuum=7.5))
    phase = (
        "reference_phases: {B: {spacegroup: Im-3m, lattice: {a: 3.0}, sites: {B: [0, 0, 0]}, provenance: {source: x}}}"
    )
    (tmp_path / "spec.yaml").write_text(template(tmp_path / "mine.cif", "mine") + phase + "\n")
    with pytest.raises(
        InputError, match=r"reference_phases.B: `cell` is missing: .* relaxes cells along a and b alone"
    ):
        md.check(tmp_path / "spec.yaml")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sites", "group", "cell", "rows"),
    [
        (SALT, "F m -3 m", (4.2,), 12),
        (OXYNITRIDE, "P m -3 m", (4.03,), 12),
        (GARNET, "I a -3 d", (12.9827,), 5),
    ],
)
def test_from_a_file_to_a_dataset(tmp_path: Path, sites: str, group: str, cell: tuple, rows: int) -> None:
    _, spec = begun(cif(tmp_path, sites, group, *cell), tmp_path)
    text = re.sub(r"    relax:\n(      .*\n)+", "", spec.read_text()).replace("sevennet_relaxed", "sevennet_static")
    spec.write_text(text.replace("count: 500", f"count: {rows}"))
    run("build", spec, "--out", tmp_path / "built")
    tables = [pq.read_table(path) for path in (tmp_path / "built").rglob("*.parquet")]
    tables = [table for table in tables if "total_energy" in table.column_names]
    energies = np.concatenate([table["total_energy"].to_numpy().astype(float) for table in tables])
    assert len(energies) == rows and np.isfinite(energies).all() and energies.std() > 1e-5

"""`check` questions the symmetry that counts, and its advice never ends it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from matbench_defects.cli.commands.crystal import show_check
from matbench_defects.dataset import symmetry_advice
from matbench_defects.dataset.check import check_spec
from matbench_defects.plotting import shown_number
from matbench_defects.spec.loading import load_spec

LOWER = """\
name: fe-min
version: 0.1.0
title: bcc iron in P1 with two labels
parent:
  spacegroup: P1
  lattice: {a: 2.87, b: 2.87, c: 2.87, alpha: 90, beta: 90, gamma: 90}
  sites: {Fe1: [0, 0, 0], Fe2: [1/2, 1/2, 1/2]}
  provenance: {source: made up for a test, verified: false}
supercell: [2, 2, 2]
sublattices: {Fe1: {Fe: 6, vacancy: 2}}
"""
FROM_FILE = """\
name: from-file
version: 0.1.0
title: a host from a file
parent: {structure: POSCAR, symmetry_tolerance: TOLERANCE, provenance: {source: made up for a test}}
supercell: SUPERCELL
sublattices: SUBLATTICES
"""


def checked(folder: Path, spec: str):
    (folder / "spec.yaml").write_text(spec)
    return check_spec(str(folder / "spec.yaml"))


def poscar(lattice, atoms, digits: int = 12) -> str:
    rows = [line for species in atoms for line in atoms[species]]
    lines = ["host", "1.0", *(" ".join(f"{x:.{digits}f}" for x in v) for v in lattice), " ".join(atoms)]
    lines += [" ".join(str(len(a)) for a in atoms.values()), "Direct"]
    return "\n".join([*lines, *(" ".join(f"{x:.{digits}f}" for x in row) for row in rows)]) + "\n"


def nickelate(noise: float) -> str:
    """Return LiNiO2 in its hexagonal cell, each atom moved at random, Å."""
    lattice = np.array([[2.88, 0, 0], [-1.44, 2.88 * np.sqrt(3) / 2, 0], [0, 0, 14.19]])
    centring = np.array([[0, 0, 0], [2 / 3, 1 / 3, 1 / 3], [1 / 3, 2 / 3, 2 / 3]])
    sites = {"Li": [[0, 0, 0]], "Ni": [[0, 0, 0.5]], "O": [[0, 0, 0.26], [0, 0, -0.26]]}
    random = np.random.default_rng(0)
    atoms = {}
    for species, places in sites.items():
        ideal = np.concatenate([centring + place for place in places])
        atoms[species] = ideal + random.normal(0, noise, ideal.shape) @ np.linalg.inv(lattice)
    return poscar(lattice, atoms)


LNO = FROM_FILE.replace("SUPERCELL", "[2, 2, 1]").replace("SUBLATTICES", "{Li: {Li: rest, vacancy: 0..12}}")


def test_a_declared_group_below_that_of_the_atoms_counts(tmp_path: Path) -> None:
    found = checked(tmp_path, LOWER)
    assert [(s.every, s.inequivalent) for s in found.spaces] == [(28, 7)]
    # Of the atoms' group, operations that would carry one sublattice into the other part no space.
    assert found.spaces[0].warning == (
        "the atoms have Im-3m with 96 operations, 48 of which keep the sublattices apart, more than the declared P1 "
        "with 1: 3 configurations would differ instead of 7. The declared one counts."
    )


def test_noise_that_lowers_the_symmetry_is_said_with_both_counts(tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text(nickelate(0.001))
    (space,) = checked(tmp_path, LNO.replace("TOLERANCE", "0.001")).spaces
    assert space.space.parent.space_group == "P1"
    lowest, highest = "P1 (1 operations) up to", "R-3m (36 operations) beyond"
    assert lowest in space.warning and highest in space.warning
    assert (
        f"{space.inequivalent:,} configurations differ with P1, which counts (`symmetry_tolerance: 0.001`)"
        in space.warning
    )
    assert "87 with R-3m (`symmetry_tolerance: 0.01`)" in space.warning
    assert space.inequivalent > 1000
    # With the tolerance that is proposed the counts are as said, and the doubt still is.
    (other,) = checked(tmp_path, LNO.replace("TOLERANCE", "0.01")).spaces
    assert other.inequivalent == 87
    assert "87 configurations differ with R-3m, which counts (`symmetry_tolerance: 0.01`)" in other.warning


def test_no_word_where_nothing_depends_on_it(tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text(nickelate(0.0))
    (space,) = checked(tmp_path, LNO.replace("TOLERANCE", "0.001")).spaces
    assert (space.inequivalent, space.warning) == (87, "")


@pytest.mark.parametrize(("digits", "inequivalent"), [(4, 40), (8, 17)])
def test_rounded_digits(tmp_path: Path, digits: int, inequivalent: int) -> None:
    """Ti3Al in P6_3/mmc, as 2x2x2 cells listed atom by atom: four digits make it Cmcm."""
    cell = np.array([[11.5017, 0, 0], [-11.5017 / 2, 11.5017 * np.sqrt(3) / 2, 0], [0, 0, 9.3106]])
    layer = [(5 / 6, 2 / 3), (1 / 3, 1 / 6), (5 / 6, 1 / 6)]
    small = {"Ti": [(x, y, 1 / 4) for x, y in layer] + [(y, x, 3 / 4) for x, y in layer]}
    small["Al"] = [(1 / 3, 2 / 3, 1 / 4), (2 / 3, 1 / 3, 3 / 4)]
    shifts = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
    atoms = {s: ((np.array(p)[:, None] + shifts) / 2).reshape(-1, 3) for s, p in small.items()}
    (tmp_path / "POSCAR").write_text(poscar(cell, atoms, digits))
    spec = FROM_FILE.replace("SUPERCELL", "[1, 1, 1]").replace("SUBLATTICES", "{Ti: {Ti: 46, Nb: 2}}")
    (space,) = checked(tmp_path, spec.replace("TOLERANCE", "0.001")).spaces
    assert space.inequivalent == inequivalent
    if digits == 4:
        assert "P6_3/mmc (192 operations) beyond" in space.warning
        assert "40 configurations differ with Cmcm" in space.warning and "17 with P6_3/mmc" in space.warning
    else:
        assert space.warning == ""


def test_shapes_of_one_parent_are_warned_of_once(tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text(nickelate(0.001))
    spec = LNO.replace("[2, 2, 1]", "{sizes: 1..2}").replace("vacancy: 0..12", "vacancy: 0..6")
    found = checked(tmp_path, spec.replace("TOLERANCE", "0.001"))
    (warning,) = [s.warning for s in found.spaces if s.warning]
    total = sum(s.inequivalent for s in found.spaces)
    assert f"{total:,} configurations differ with P1" in warning
    again = checked(tmp_path, spec.replace("TOLERANCE", "0.01"))
    assert f"{sum(s.inequivalent for s in again.spaces):,} with R-3m" in warning


def test_advice_that_fails_is_said_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OverflowError("too large")

    monkeypatch.setattr(symmetry_advice, "found_symmetry", broken)
    (space,) = checked(tmp_path, LOWER).spaces
    assert space.inequivalent == 7
    assert space.warning == "whether the atoms have another symmetry could not be worked out: too large"


def test_labels_that_cannot_be_read_are_said_and_end_nothing(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "labels-0.parquet").write_bytes(b"PAR1 spoilt")
    (tmp_path / "labels.parquet").write_bytes(b"PAR1 spoilt")
    found = checked(tmp_path, LOWER + "labels: [{engine: ewald, charges: {Fe: 1}, background: true}]\n")
    assert any("the labels beside the spec cannot be read, so what is present is unknown" in w for w in found.warnings)
    assert [(label.wanted, label.present) for label in found.labels] == [(7, 0)]


@pytest.mark.slow
def test_counts_that_no_float_holds_are_shown(tmp_path: Path) -> None:
    spec = LOWER.replace(", Fe2: [1/2, 1/2, 1/2]", "").replace("[2, 2, 2]", "[11, 10, 10]").replace("b: 2.87", "b: 2.9")
    spec = spec.replace("c: 2.87, alpha: 90, beta: 90", "c: 3.0, alpha: 85, beta: 87")
    found = checked(tmp_path, spec.replace("Fe: 6, vacancy: 2", "Fe: 560, vacancy: 540"))
    assert found.spaces[0].every > 10**320
    shown = io.StringIO()
    show_check(found, Console(file=shown, width=200))
    assert shown_number(found.spaces[0].inequivalent) in shown.getvalue()
    assert [shown_number(n) for n in (1234567, 10**29, 10**30, 2**20000)] == [
        "1,234,567", "100" + ",000" * 9, "1.0e+30", "4.0e+6020",
    ]  # fmt: skip


def test_notes_of_a_file_are_warnings(tmp_path: Path) -> None:
    lattice = 'Lattice="4.2 0 0 0 4.2 0 0 0 20" Properties=species:S:1:pos:R:3 pbc="T T F"'
    (tmp_path / "a.xyz").write_text(f"2\n{lattice}\nMg 0 0 0\nO 2.1 2.1 2.1\n")
    spec = FROM_FILE.replace("POSCAR", "a.xyz").replace("TOLERANCE", "0.001").replace("SUPERCELL", "[2, 2, 1]")
    found = checked(tmp_path, spec.replace("SUBLATTICES", "{Mg: {Mg: rest, vacancy: 0..1}}"))
    said = "the parent's file: its cell is periodic in some directions only, and is taken as periodic in all three"
    assert found.warnings == [said]
    assert load_spec(str(tmp_path / "spec.yaml")).all_parents()[0][0].file_field == "structure"

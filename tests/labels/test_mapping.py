"""A published structure goes to the configuration from which its atoms moved least, and nowhere without a reason."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

import matbench_defects as md
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.finding import Finder
from matbench_defects.errors import InputError
from matbench_defects.exchange.importing import import_published
from matbench_defects.exchange.published_table import read_published
from matbench_defects.spec.loading import load_spec

SHARED = Path(os.environ.get("MATBENCH_DEFECTS_SHARED", Path(__file__).parents[2].parent / "shared"))
AG_AU = SHARED / "data" / "ag-au"


def alloy(sizes: str | int = "1..6") -> dict:
    """Return a spec of silver and gold on an fcc lattice."""
    return {
        "name": "agau",
        "version": "1.0.0",
        "title": "Ag-Au fcc",
        "parent": {
            "spacegroup": "Fm-3m",
            "lattice": {"a": 4.15},
            "sites": {"Au": [0, 0, 0]},
            "provenance": {"source": "a test", "verified": False},
        },
        "supercell": {"sizes": sizes},
        "sublattices": {"Au": {"sites": ["Au"], "species": {"Ag": "0..6", "Au": "rest"}}},
    }


def imported(frames, spec, tmp_path, **limits):
    """Return what is mapped, the rows of the table and the lines of the report."""
    for number, atoms in enumerate(frames):
        atoms.info |= {"label": f"s{number}", "energy": -3.0 * len(atoms) - 0.1 * number**2}
    ase.io.write(tmp_path / "frames.xyz", frames, format="extxyz")
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    out = tmp_path / "published.parquet"
    given = {"name": "label"}
    mapped, report = import_published(
        "extxyz", tmp_path / "frames.xyz", str(tmp_path / "spec.yaml"), out, given, **limits
    )
    return mapped, read_published(out).to_pylist(), report.read_text().splitlines()[1:]


def shaken(configuration, seed: int, noise: float = 0.03) -> Atoms:
    """Return a configuration turned, strained a little, each atom moved, in vectors of another choice."""
    generator = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    atoms = configuration.to_ase()
    away = generator.normal(size=(len(atoms), 3))
    atoms.positions += noise * away / np.linalg.norm(away, axis=1)[:, None]
    strain = np.eye(3) + 0.01 * generator.uniform(-1, 1, (3, 3))
    setting = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    atoms.set_cell(setting @ np.array(atoms.cell))
    atoms.set_cell(np.array(atoms.cell) @ strain @ turn, scale_atoms=True)
    return atoms


def test_each_of_two_structures_of_one_content_goes_to_its_own_shape(tmp_path):
    """Version 1 put one of two such structures on the shape of the other too, and let its energy win there."""
    spec = md.load_spec(alloy())
    of_content = [
        one
        for name in spec.space_names
        if name.startswith("agau-6-")
        for one in spec.space(name).enumerate()
        if one.space.content_name(one.content) == "Ag4Au2"
    ][::3]
    assert len({one.space.name for one in of_content}) > 3
    mapped, rows, report = imported([shaken(one, i) for i, one in enumerate(of_content)], alloy(), tmp_path)
    assert [r["id"] for r in rows] == sorted(one.id for one in of_content)
    assert not report and mapped.mapped == len(of_content)
    assert all(0.005 < r["displacement"] < 0.06 for r in rows)
    assert {r["structure"]: r["id"] for r in rows} == {f"s{i}": one.id for i, one in enumerate(of_content)}


def cells(symbols: str, a: float = 4.15) -> Atoms:
    """Return four atoms in the conventional fcc cell."""
    half = a / 2
    positions = [[0, 0, 0], [0, half, half], [half, 0, half], [half, half, 0]]
    return Atoms(symbols, positions=positions, cell=[a, a, a], pbc=True)


def test_repeats_go_to_the_smallest_cell_with_scaled_energies(tmp_path):
    primitive = Atoms("Au", cell=[[0, 2.075, 2.075], [2.075, 0, 2.075], [2.075, 2.075, 0]], pbc=True)
    frames = [primitive, cells("Au4"), cells("AgAu3"), cells("Ag2Au2"), cells("AgAu3").repeat((2, 1, 1))]
    mapped, rows, report = imported(frames, alloy("1..4"), tmp_path)
    assert mapped.mapped == 5 and len(rows) == 3
    dataset_ids = {one.id for name in md.load_spec(alloy("1..4")).space_names for one in ids_of(name)}
    assert {r["id"] for r in rows} <= dataset_ids
    found = {r["structure"]: (r["id"].split("-")[1], r["energy"]) for r in rows}
    assert found["s3"] == ("2", pytest.approx((-3.0 * 4 - 0.9) / 2))
    # Of two on one configuration the lower is kept, and both are reported.
    assert found["s1"] == ("1", pytest.approx((-3.0 * 4 - 0.1) / 4)) and "s0" not in found
    assert found["s4"] == ("4", pytest.approx((-3.0 * 8 - 1.6) / 2)) and "s2" not in found
    kinds = sorted(tuple(line.split(",")[:2]) for line in report)
    assert kinds.count(("s0", "duplicate")) == kinds.count(("s1", "duplicate")) == 1
    assert {name for name, kind in kinds if kind == "note"} == {"s1", "s3", "s4"}


def ids_of(name: str):
    return md.load_spec(alloy("1..4")).space(name).enumerate()


def test_a_reason_concerns_its_structure(tmp_path):
    larger = next(md.load_spec(alloy(5)).space("agau-5-1").enumerate())
    other = cells("AgAu3")
    other.symbols[0] = "Cu"
    flat = cells("AgAu3")
    flat.set_cell([5.2, 4.15, 4.15], scale_atoms=True)
    wide = next(md.load_spec(alloy(4)).space("agau-4-2").enumerate()).to_ase()
    wide.positions[1] += [0.9, 0.9, 0.0]
    frames = [larger.to_ase(), other, flat, wide]
    mapped, rows, report = imported(frames, alloy("1..4"), tmp_path, displacement=0.2)
    assert not rows and mapped.mapped == 0
    reasons = {line.split(",")[0]: line for line in report}
    assert "no content of agau in 1..4 parent cells has its composition" in reasons["s0"]
    assert "the space has no Cu" in reasons["s1"]
    assert "strained by" in reasons["s2"] and "Å from its site; 0.2 Å are allowed" in reasons["s3"]


def test_displacement_and_strain_that_are_allowed_can_be_given(tmp_path):
    strained = cells("AgAu3")
    strained.set_cell([4.15 * 1.16, 4.15, 4.15], scale_atoms=True)
    spec = alloy(4)
    assert imported([strained], spec, tmp_path)[0].mapped == 0
    mapped, rows, _ = imported([strained], spec, tmp_path, strain=0.17)
    assert mapped.mapped == 1 and rows[0]["strain"] == pytest.approx(0.16)
    assert md.load_spec(spec).identify(strained, strain=0.17).id == rows[0]["id"]
    for limits, message in (({"strain": 0.5}, "strain above 0"), ({"displacement": -1.0}, "displacement above 0")):
        with pytest.raises(InputError, match=message):
            imported([strained], spec, tmp_path, **limits)


def two_hosts(lengths: tuple[float, float], species: tuple[str, str] = ("Na", "Na")) -> dict:
    """Return a spec of two tetragonal hosts of one element that differ in one length."""
    spaces = {
        name: {
            "parent": {
                "spacegroup": "P4/mmm",
                "lattice": {"a": 4.0, "c": length},
                "sites": {"A": {"species": "Na", "position": [0, 0, 0]}},
                "provenance": {"source": "a test", "verified": False},
            },
            "sublattices": {"A": {"sites": ["A"], "species": {"Na": "rest", other: "0..1"}}},
        }
        for name, length, other in zip(("one", "two"), lengths, ("K", "Li"), strict=True)
    }
    head = {"name": "hosts", "version": "1.0.0", "title": "two hosts", "supercell": [1, 1, 1]}
    return {**head, "spaces": spaces}


def test_a_structure_between_two_is_ambiguous_and_has_no_row(tmp_path):
    between = Atoms("Na", cell=[4.0, 4.0, 4.2], pbc=True)
    mapped, rows, report = imported([between], two_hosts((4.0, 4.4)), tmp_path)
    assert not rows and mapped.mapped == 0
    assert [r.kind for r in mapped.remarks] == ["ambiguous"]
    assert "one:Na1:0" in report[0] and "two:Na1:0" in report[0] and "none is much nearer than another" in report[0]
    near = Atoms("Na", cell=[4.0, 4.0, 4.05], pbc=True)
    assert [r["id"] for r in imported([near], two_hosts((4.0, 4.4)), tmp_path)[1]] == ["one:Na1:0"]


def test_an_atom_between_its_site_and_a_vacancy_is_ambiguous(tmp_path):
    parent = {"spacegroup": "P4/mmm", "lattice": {"a": 4.0, "c": 2.0}, "sites": {"A": {"species": "Na"}}}
    parent["sites"]["A"]["position"] = [0, 0, 0]
    parent["provenance"] = {"source": "a test", "verified": False}
    head = {"name": "row", "version": "1.0.0", "title": "a row of sites", "parent": parent, "supercell": [1, 1, 5]}
    spec = {**head, "sublattices": {"A": {"sites": ["A"], "species": {"Na": 2, "vacancy": 3}}}}
    near, next_but_one = ([0, 0, 0], [0, 0, 2.0]), ([0, 0, 0], [0, 0, 4.0])
    for height, id_ in ((2.1, "row:Na2Va3:0"), (3.9, "row:Na2Va3:1"), (3.0, None)):
        atoms = Atoms("Na2", positions=[[0, 0, 0], [0, 0, height]], cell=[4.0, 4.0, 10.0], pbc=True)
        mapped, rows, _ = imported([atoms], spec, tmp_path)
        assert [r["id"] for r in rows] == ([id_] if id_ else [])
        assert id_ or mapped.remarks[0].kind == "ambiguous"
    for positions, id_ in ((near, "row:Na2Va3:0"), (next_but_one, "row:Na2Va3:1")):
        atoms = Atoms("Na2", positions=positions, cell=[4.0, 4.0, 10.0], pbc=True)
        assert md.load_spec(spec).identify(atoms).id == id_


@pytest.mark.parametrize(("rules", "spaces"), [(1, ["one", "two"]), (2, ["one"])])
def test_one_crystal_in_two_spaces_is_one_row_or_under_old_rules_two(rules, spaces, tmp_path):
    spec = {**two_hosts((4.0, 4.0)), "rules": rules}
    sodium = Atoms("Na", cell=[4.0, 4.0, 4.02], pbc=True)
    assert [r["space"] for r in imported([sodium], spec, tmp_path)[1]] == spaces
    lithium = Atoms("Li", cell=[4.0, 4.0, 4.02], pbc=True)
    assert [r["space"] for r in imported([lithium], spec, tmp_path)[1]] == ["two"]


@pytest.mark.skipif(not AG_AU.exists(), reason=f"the published energies are not here: {AG_AU}")
def test_all_of_silver_gold(tmp_path):
    """Each at its own id, as found by least displacement; a hundredth of a second a structure on an idle core."""
    expected = json.loads((AG_AU / "expected-mapping.json").read_text())
    spec = alloy("1..8")
    frames = ase.io.read(AG_AU / "Ag-Au.extxyz", ":")
    finder = Finder(load_spec(spec))
    assert len(finder.spaces) == 55
    found = {}
    finder.find(Crystal.from_ase(frames[-1]))
    start = time.process_time()
    for number, frame in enumerate(frames):
        one = finder.find(Crystal.from_ase(frame), displacement=1.0)
        found[one.id] = (one.displacement, number)
    assert (time.process_time() - start) / len(frames) < 0.1
    assert found.keys() == expected.keys() and len(found) == 135
    for id_, (displacement, number) in found.items():
        assert number == expected[id_][2]
        assert displacement == pytest.approx(expected[id_][0], abs=1e-6) and displacement < 0.035
    (tmp_path / "spec.yaml").write_text(json.dumps(spec))
    done = md.import_labels("extxyz", AG_AU / "Ag-Au.extxyz", tmp_path / "spec.yaml", tmp_path / "out.parquet")
    assert not done.mapped.remarks
    assert {r["id"]: r["energy"] for r in done.mapped.rows} == {
        id_: pytest.approx(one[1], abs=1e-8) for id_, one in expected.items()
    }

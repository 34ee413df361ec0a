import json
from collections import Counter

import numpy as np
import pytest

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

NICKELATE = {
    "spacegroup": "R-3m",
    "lattice": {"a": 2.88, "c": 14.19},
    "sites": {"Li": [0, 0, 0], "Ni": [0, 0, "1/2"], "O": [0, 0, 0.26]},
    "provenance": {"source": "test"},
}
# Two lithium sites that a translation of half a cell connects.
DOUBLED = {
    "spacegroup": "Im-3m",
    "lattice": {"a": 3.4},
    "sites": {"Li": [0, 0, 0]},
    "provenance": {"source": "test"},
}


@pytest.fixture
def build(tmp_path):
    def build(parent, supercell, sublattices):
        data = {"name": "x", "version": "1.0.0", "title": "x", "parent": parent}
        path = tmp_path / "spec.yaml"
        path.write_text(json.dumps(data | {"supercell": supercell, "sublattices": sublattices}, indent=1))
        return build_spaces(load_spec(path))["x"]

    return build


def test_a_space(build):
    space = build(NICKELATE, [2, 2, 1], {"Li": {"Li": "0..12", "vacancy": "rest"}})
    assert (space.size, space.formula_units, space.group.shape) == (12, 12, (144, 12))
    assert space.contents() == [((n, 12 - n),) for n in range(13)]
    assert len(space.host_species) == len(space.positions) == 48
    occupation = np.array([0, 1] * 6, dtype=np.uint8)
    assert space.content(occupation) == ((6, 6),)
    assert space.content_name(((6, 6),)) == "Li6Va6"
    assert space.content_name(((12, 0),)) == "Li12"
    crystal = Configuration(space, occupation).crystal
    assert Counter(crystal.species) == {"Li": 6, "Ni": 12, "O": 24}
    assert crystal.volume == pytest.approx(4 * 2.88**2 * 14.19 * np.sqrt(3) / 2)


def test_every_site_lies_in_the_supercell(build):
    space = build(NICKELATE, [[2, 1, 0], [-1, 1, 0], [0, 0, -1]], {"Li": {"Li": "rest"}})
    fractional = space.positions @ np.linalg.inv(space.lattice)
    assert ((fractional > -1e-9) & (fractional < 1)).all()
    assert len(fractional) == 36
    full = Configuration(space, np.zeros(9, dtype=np.uint8)).crystal.to_pymatgen()
    assert full.matches(space.parent.crystal.to_pymatgen(), ltol=1e-4, stol=1e-4, angle_tol=1e-3)


def test_several_sublattices_and_species(build):
    sublattices = {"Ni": {"Ni": "rest", "Co": [1], "Al": "0..1"}, "Li": {"Li": 2, "vacancy": 1}}
    space = build(NICKELATE, [1, 1, 1], sublattices)
    assert [s.name for s in space.sublattices] == ["Ni", "Li"]
    assert space.contents() == [((1, 1, 1), (2, 1)), ((2, 1, 0), (2, 1))]
    assert space.content_name(space.contents()[0]) == "Ni1Co1Al1.Li2Va1"
    occupation = np.array([0, 1, 2, 1, 0, 0], dtype=np.uint8)
    assert Counter(Configuration(space, occupation).crystal.species) == {"Ni": 1, "Co": 1, "Al": 1, "Li": 2, "O": 6}


@pytest.mark.parametrize(
    ("species", "contents"),
    [
        ({"Li": 3}, [(3,)]),
        ({"Li": "rest"}, [(3,)]),
        ({"Li": "0..9", "vacancy": "rest"}, [(0, 3), (1, 2), (2, 1), (3, 0)]),
        ({"vacancy": "rest", "Li": [0, 3, 8]}, [(0, 3), (3, 0)]),
        ({"Li": "0..2", "Na": "0..2"}, [(1, 2), (2, 1)]),
        ({"Li": "rest", "Na": "0..1", "K": "0..1"}, [(1, 1, 1), (2, 0, 1), (2, 1, 0), (3, 0, 0)]),
    ],
)
def test_contents_in_order(build, species, contents):
    assert [c[0] for c in build(NICKELATE, [1, 1, 1], {"Li": species}).contents()] == contents


@pytest.mark.parametrize(
    ("supercell", "sublattices", "field", "message"),
    [
        ([1, 1, 1], {"Li": {"Li": 4, "vacancy": "rest"}}, "sublattices.Li",
         "the species add up to 4, but the supercell has 3 of these sites"),
        ([1, 1, 1], {"Li": {"Li": 1, "vacancy": 1}}, "sublattices.Li",
         "the species add up to 2, but the supercell has 3 of these sites; name one species as `rest`"),
        ([1, 1, 1], {"Li": {"Li": "4..6"}}, "sublattices.Li",
         "the species add up to 4 to 6, but the supercell has 3 of these sites"),
        ([[1, 0, 0], [0, 1, 0], [1, 1, 0]], {"Li": {"Li": 1}}, "supercell", "its three vectors lie in a plane"),
        ([1, 1, 1], {"Co": {"Co": 1}}, "sublattices.Co",
         "the parent has no site 'Co'; did you mean 'O'? known: Li, Ni, O"),
        ([1, 1, 1], {"Li": {"Li": 3}, "M": {"sites": ["Ni", "Li"], "species": {"Ni": "rest"}}}, "sublattices.M",
         "shares sites with the sublattice 'Li'; each site belongs to one"),
    ],
)  # fmt: skip
def test_what_is_refused(build, tmp_path, supercell, sublattices, field, message):
    with pytest.raises(InputError) as caught:
        build(NICKELATE, supercell, sublattices)
    assert (caught.value.field, caught.value.message) == (field, message)
    assert caught.value.file == str(tmp_path / "spec.yaml")
    assert caught.value.line > 1


def labelled_apart(tmp_path):
    """A crystal whose symmetry-equivalent sites have labels of their own, as P1 files do."""
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.cif import CifWriter

    structure = Structure(Lattice.cubic(3.4), ["Li", "Li"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    CifWriter(structure).write_file(tmp_path / "host.cif")
    return {"cif": "host.cif", "provenance": {"source": "test"}}


def test_sublattices_that_symmetry_connects_are_refused(build, tmp_path):
    parent = labelled_apart(tmp_path)
    both = {"A": {"sites": ["Li0"], "species": {"Li": "rest"}}, "B": {"sites": ["Li1"], "species": {"Na": "rest"}}}
    with pytest.raises(InputError, match=r"sublattices.A: symmetry carries its sites onto the sublattice 'B'; put"):
        build(parent, [1, 1, 1], both)
    with pytest.raises(InputError, match=r"sublattices.A: symmetry carries its sites onto sites outside it; put"):
        build(parent, [1, 1, 1], {"A": both["A"]})
    whole = build(parent, [1, 1, 1], {"A": {"sites": ["Li0", "Li1"], "species": {"Li": 1, "Na": 1}}})
    assert whole.size == 2


def test_a_label_wins_over_an_element_and_an_element_takes_every_label(build):
    parent = {
        "spacegroup": "P4/mmm",
        "lattice": {"a": 4, "c": 4.2},
        "sites": {"Ba": [0, 0, 0], "Ti": [0.5, 0.5, 0.5], "O1": [0.5, 0.5, 0], "O2": [0.5, 0, 0.5]},
        "provenance": {"source": "test"},
    }
    assert build(parent, [1, 1, 1], {"O2": {"O": "rest"}}).size == 2
    assert build(parent, [1, 1, 1], {"O": {"O": "rest"}}).size == 3
    assert build(parent, [1, 1, 1], {"A": {"sites": ["O1", "Ba"], "species": {"O": "rest"}}}).size == 2


def test_the_digest_is_that_of_everything_an_ideal_structure_depends_on(build):
    plain = build(DOUBLED, [1, 1, 1], {"Li": {"Li": "rest", "vacancy": "0..1"}})
    same = build(DOUBLED, [1, 1, 1], {"Li": {"Li": "rest", "vacancy": 2}})  # which contents are wanted does not matter
    other = build(DOUBLED, [1, 1, 1], {"Li": {"Li": "rest", "Na": "0..1"}})
    larger = build(DOUBLED, [2, 1, 1], {"Li": {"Li": "rest", "vacancy": "0..1"}})
    assert plain.digest() == same.digest()
    assert len({plain.digest(), other.digest(), larger.digest()}) == 3

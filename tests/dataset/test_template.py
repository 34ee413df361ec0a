import re

import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

import matbench_defects as md
from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.first_spec.template import template
from matbench_defects.dataset.targets.extremes import extremes
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec


def crystals():
    thirds = [1 / 3, 2 / 3]
    return {
        "NaCl": Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0] * 3, [0.5] * 3]),
        "LiNiO2": Structure.from_spacegroup(
            "R-3m", Lattice.hexagonal(2.88, 14.19), ["Li", "Ni", "O"], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.26]]
        ),
        "MoS2": Structure.from_spacegroup(
            "P6_3/mmc", Lattice.hexagonal(3.16, 12.3), ["Mo", "S"], [[*thirds, 0.25], [*thirds, 0.621]]
        ),
        "CaTiO3": Structure.from_spacegroup(
            "Pnma",
            Lattice.orthorhombic(5.4, 7.6, 5.3),
            ["Ca", "Ti", "O", "O"],
            [[0.03, 0.25, 0.99], [0, 0, 0.5], [0.48, 0.25, 0.07], [0.29, 0.04, 0.71]],
        ),
        "SiO3": Structure(
            Lattice.from_parameters(4, 5, 6, 80, 95, 100),
            ["O", "O", "Si", "O"],
            [[0.1, 0.1, 0.1], [0.5, 0.45, 0.5], [0.2, 0.6, 0.7], [0.8, 0.2, 0.6]],
        ),
    }


SUBLATTICES = {  # how many of which element, a line each
    "NaCl": ["Na 4", "Cl 4"],
    "LiNiO2": ["Li 3", "Ni 3", "O 6"],
    "MoS2": ["Mo 2", "S 4"],
    "CaTiO3": ["Ca 4", "Ti 4", "O 4", "O 8"],
    "SiO3": ["Si 1", "O 1", "O 1", "O 1"],
}


def write(tmp_path, structure, symprec=None, name="host.cif"):
    CifWriter(structure, symprec=symprec).write_file(tmp_path / name)
    return tmp_path / name


def spaces_of(tmp_path, text):
    (tmp_path / "spec.yaml").write_text(text)
    spec = load_spec(tmp_path / "spec.yaml")
    return spec, build_spaces(spec)


@pytest.mark.parametrize("symprec", [None, 0.01])
@pytest.mark.parametrize("name", SUBLATTICES)
def test_the_spec_is_valid_as_it_stands(tmp_path, name, symprec):
    text = template(write(tmp_path, crystals()[name], symprec), "mine")
    spec, spaces = spaces_of(tmp_path, text)
    (space,) = spaces.values()
    assert (spec.name, spec.parent.cif, spec.parent.provenance.verified) == ("mine", "host.cif", False)
    assert len(space.sublattices) == 1
    assert len(space.host_species) <= 100
    assert max(len(line) for line in text.splitlines()) <= 120
    assert spec.labels[0].label_name == spec.targets["formation_energy"].label
    assert spec.targets["formation_energy"].model_extra["end_members"] == "extremes"
    first, last = extremes(space)
    assert first == space.contents()[-1] and last == space.contents()[0]  # the host, and what has most vacancies


EDITS = ["0..1", "0..3", "1..2", "[0, 2]", "2..3"]


@pytest.mark.parametrize("name", ["NaCl", "CaTiO3"])
def test_the_end_members_survive_an_edit_of_the_ranges(tmp_path, name):
    text = template(write(tmp_path, crystals()[name]), "mine")
    text = text.replace("supercell: [2, 2, 2]", "supercell: [2, 1, 1]").replace("[2, 1, 2]", "[1, 1, 1]")
    uncommented = re.sub(r"^  # (\S+: \{.*rest)", r"  \1", text, flags=re.MULTILINE)
    for edited in [*(text.replace("vacancy: 0..2", f"vacancy: {edit}") for edit in EDITS), uncommented]:
        (tmp_path / "spec.yaml").write_text(edited)
        assert md.check(tmp_path / "spec.yaml").labels[0].wanted
    (tmp_path / "spec.yaml").write_text(text.replace("vacancy: 0..2", "vacancy: 2"))
    with pytest.raises(InputError, match=r"there is one content only.*`quantity: total_energy`, or widen the ranges"):
        md.check(tmp_path / "spec.yaml")


@pytest.mark.parametrize("symprec", [None, 0.01])
@pytest.mark.parametrize("name", SUBLATTICES)
def test_every_commented_sublattice_can_be_uncommented(tmp_path, name, symprec):
    text = template(write(tmp_path, crystals()[name], symprec), "mine")
    text = re.sub(r"^  # (\S+: \{.*rest)", r"  \1", text, flags=re.MULTILINE)
    _, spaces = spaces_of(tmp_path, text)
    (space,) = spaces.values()
    cells = len(space.cells.offsets)
    found = [f"{s.species[0]} {len(s.sites) // cells}" for s in space.sublattices]
    assert sorted(found) == sorted(SUBLATTICES[name])
    assert all(f"# {len(s.sites)} sites" in text for s in space.sublattices)
    assert space.size == len(space.host_species)


@pytest.mark.parametrize(
    ("name", "supercell"), [("NaCl", [2, 2, 2]), ("LiNiO2", [2, 2, 2]), ("CaTiO3", [2, 1, 2]), ("SiO3", [2, 2, 2])]
)
def test_the_supercell_stays_small(tmp_path, name, supercell):
    spec, _ = spaces_of(tmp_path, template(write(tmp_path, crystals()[name]), "mine"))
    assert spec.supercell == supercell


def test_a_large_cell_is_not_repeated(tmp_path):
    large = crystals()["NaCl"] * [2, 2, 2]
    large.replace(0, "K")
    spec, _ = spaces_of(tmp_path, template(write(tmp_path, large), "mine"))
    assert spec.supercell == [1, 1, 1]


def test_orbits_of_one_label_share_a_sublattice_and_the_comment_says_so(tmp_path):
    structure = crystals()["CaTiO3"]
    structure.add_site_property("x", [0] * len(structure))
    path = write(tmp_path, structure)
    path.write_text(re.sub(r"\b(Ca|Ti|O)\d+  ", r"\1  ", path.read_text()))
    text = template(path, "mine")
    assert "# O: 2 symmetry-inequivalent sets of sites share this sublattice" in text
    assert "# O: {O: rest, vacancy: 0..1}   # 48 sites" in text
    spaces_of(tmp_path, text)


def test_names_that_yaml_or_a_spec_would_misread(tmp_path):
    path = write(tmp_path, crystals()["NaCl"], name="null: #1 Å.cif")
    spec, _ = spaces_of(tmp_path, template(path, "mine"))
    assert spec.parent.cif == "null: #1 Å.cif"
    with pytest.raises(InputError, match=r"'My host' is no name for a spec: .*such as 'my-host'"):
        template(path, "My host")


def test_what_cannot_be_a_host_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no CIF file"):
        template(tmp_path / "none.cif", "mine")
    path = write(tmp_path, crystals()["NaCl"])
    path.write_text(re.sub(r"\b(Na|Cl)(\d+)  ", r"X  ", path.read_text()))
    with pytest.raises(InputError, match="sites of Cl and Na share the label 'X'"):
        template(path, "mine")

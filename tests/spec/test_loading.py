import copy
import json
from pathlib import Path

import pytest
import yaml
from ase.data import chemical_symbols
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rock_salt import SPEC, changed

from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.parts_of_spec import resolved
from matbench_defects.errors import MOST_SHOWN, InputError
from matbench_defects.shipped import shipped_specs
from matbench_defects.spec import fields
from matbench_defects.spec.fields import Content
from matbench_defects.spec.loading import load_spec, spec_schema
from matbench_defects.spec.models import Spec
from matbench_defects.spec.visible_text import check_line

FROM_FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_the_spec_that_the_mistakes_are_made_in_is_right(load):
    spec = load(SPEC)
    assert spec.parent.sites["Cl"].position == (0.5, 0.5, 0.5)
    assert spec.sublattices["Na"].species["vacancy"].counts == (0, 1, 2)
    assert spec.sublattices["Cl"].species["F"].counts is None
    assert spec.labels[0].label_name == "sevennet_relaxed"
    assert len(build_spaces(spec)["rock-salt"].contents()) == 9


MISTAKES = [
    # before, after, line, field, message
    ("name: rock-salt\n", "", 1, "name", "is missing"),
    ("name: rock-salt", "name: Rock Salt", 1, "name", "string should match pattern '^[a-z0-9][a-z0-9-]{0,62}$', "
     "not 'Rock Salt'"),
    ("name: rock-salt", "name: 5", 1, "name", "input should be a valid string, not 5"),
    ("version: 1.0.0", "version: 1.0", 2, "version", "input should be a valid string, not 1.0"),
    ("version: 1.0.0", "version: 1.0.0-a", 2, "version", r"string should match pattern '^\d+\.\d+\.\d+$', "
     "not '1.0.0-a'"),
    ("title: Rock salt", "titel: Rock salt", 3, "titel",
     f"unknown field; did you mean 'title'? known: {', '.join(sorted(Spec.model_fields))}"),
    ("title: Rock salt", "title: [a]", 3, "title", "input should be a valid string, not ['a']"),
    ("  spacegroup: Fm-3m\n", "", 4, "parent", "lattice and sites given without spacegroup"),
    ("  spacegroup: Fm-3m\n", "  cif: a.cif\n", 4, "parent",
     "give exactly one of: spacegroup with lattice and sites; cif; structure; materials_project"),
    ("  spacegroup: Fm-3m", "  spacegrp: Fm-3m", 5, "parent.spacegrp",
     "unknown field; did you mean 'spacegroup'? known: cif, lattice, materials_project, oxidation_states, provenance, "
     "sites, spacegroup, structure, symmetry_tolerance"),
    ("  provenance: {source: textbook, verified: true}\n", "", 4, "parent",
     "provenance is missing: say where lattice parameters and positions come from"),
    ("source: textbook, ", "", 10, "parent.provenance.source", "is missing"),
    ("verified: true", "verified: maybe", 10, "parent.provenance.verified",
     "input should be a valid boolean, unable to interpret input, not 'maybe'"),
    ("{a: 5.6}", "{a: -5.6}", 6, "parent.lattice.a", "input should be greater than 0, not -5.6"),
    ("{a: 5.6}", "{a: .nan}", 6, "parent.lattice.a", "input should be a finite number, not nan"),
    ("{a: 5.6}", "{a: 5.6, gamma: 180}", 6, "parent.lattice.gamma", "input should be less than 180, not 180"),
    ("{a: 5.6}", "{a: 5.6 Å}", 6, "parent.lattice.a",
     "a number was expected, not '5.6 Å'"),
    ("{a: 5.6}", "{c: 5.6}", 6, "parent.lattice.a", "is missing"),
    ("{a: 5.6}", "{a: 5.6, A: 5.6}", 6, "parent.lattice.A", "unknown field; did you mean 'a'? known: a, alpha, b, "
     "beta, c, gamma"),
    ("    Na: [0, 0, 0]", "    Na: [0, 0, one]", 8, "parent.sites.Na.2",
     "a number or a fraction such as 1/3 was expected, not 'one'"),
    ("    Na: [0, 0, 0]", "    Na: [0, 0, 1/0]", 8, "parent.sites.Na.2",
     "a number or a fraction such as 1/3 was expected, not '1/0'"),
    ("    Na: [0, 0, 0]", "    Na: [0, 0, true]", 8, "parent.sites.Na.2",
     "a number or a fraction such as 1/3 was expected, not True"),
    ("    Na: [0, 0, 0]", "    Na: [0, 0, .inf]", 8, "parent.sites.Na.2",
     "a number between -1000 and 1000 was expected, not inf"),
    ("    Na: [0, 0, 0]", "    Na: [0, 0, 1e300]", 8, "parent.sites.Na.2",
     "a number between -1000 and 1000 was expected, not 1e+300"),
    ("    Na: [0, 0, 0]", "    Na: [0, 0]", 8, "parent.sites.Na", "is too short; item 3 is missing"),
    ("    Na: [0, 0, 0]", "    Nq: [0, 0, 0]", 8, "parent.sites.Nq", None),
    ("    Na: [0, 0, 0]", "    X: [0, 0, 0]", 8, "parent.sites.X", "'X' is neither an element nor 'vacancy'; "
     "write 'vacancy'"),
    ("    Na: [0, 0, 0]", "    vacancy: [0, 0, 0]", 8, "parent.sites.vacancy",
     "the ideal host has every site filled; say in `sublattices` what leaves"),
    ("    Na: [0, 0, 0]", "    M: {species: Na, position: [0, 0, 0], occupancy: 1}", 8, "parent.sites.M.occupancy",
     "unknown field; known: position, species"),
    ("supercell: [1, 1, 2]", "supercell: [1, 1]", 11, "supercell",
     "three integers or three rows of three integers were expected, not [1, 1]"),
    ("supercell: [1, 1, 2]", "supercell: [1, 1, 2.5]", 11, "supercell",
     "three integers or three rows of three integers were expected, not [1, 1, 2.5]"),
    ("supercell: [1, 1, 2]", "supercell: [[1, 0, 0], [0, 1, 0]]", 11, "supercell",
     "three integers or three rows of three integers were expected, not [[1, 0, 0], [0, 1, 0]]"),
    ("supercell: [1, 1, 2]", "supercell: 2x2x1", 11, "supercell",
     "three integers or three rows of three integers were expected, not '2x2x1'"),
    ("supercell: [1, 1, 2]\n", "", 1, None, "parent, supercell and sublattices are needed, or spaces that have them"),
    ("vacancy: 0..2", "vacancy: 2..0", 13, "sublattices.Na.vacancy", "the range 2..0 runs backwards; write 0..2"),
    ("vacancy: 0..2", "vacancy: -1", 13, "sublattices.Na.vacancy", "a number of sites cannot be negative: -1"),
    ("vacancy: 0..2", "vacancy: some", 13, "sublattices.Na.vacancy",
     "a number, a range such as 0..12, a list of numbers or 'rest' was expected, not 'some'"),
    ("vacancy: 0..2", "vacancy: 0-2", 13, "sublattices.Na.vacancy",
     "a number, a range such as 0..12, a list of numbers or 'rest' was expected, not '0-2'"),
    ("vacancy: 0..2", "vacancy: true", 13, "sublattices.Na.vacancy",
     "a number, a range such as 0..12, a list of numbers or 'rest' was expected, not True"),
    ("vacancy: 0..2", "vacancy: []", 13, "sublattices.Na.vacancy",
     "a number, a range such as 0..12, a list of numbers or 'rest' was expected, not []"),
    ("vacancy: 0..2", "vacancy: 0..999999999", 13, "sublattices.Na.vacancy",
     "999999999 is more than any supercell's sites (100000)"),
    ("vacancy: 0..2", "vacancy: rest", 13, "sublattices.Na", "only one species can be the rest, not Na and vacancy"),
    ("vacancy: 0..2", "Vac: 0..2", 13, "sublattices.Na.Vac",
     "'Vac' is neither an element nor 'vacancy'; write 'vacancy'"),
    ("vacancy: 0..2", "vacancyy: 0..2", 13, "sublattices.Na.vacancyy",
     "'vacancyy' is neither an element nor 'vacancy'; did you mean 'vacancy'?"),
    ("vacancy: 0..2", "LI: 0..2", 13, "sublattices.Na.LI", "'LI' is neither an element nor 'vacancy'; did you mean "
     "'Li'?"),
    ("{Na: rest, vacancy: 0..2}", "{}", 13, "sublattices.Na", "name at least one species"),
    ("    sites: [Cl]", "    sites: Cl", 15, "sublattices.Cl.sites", "input should be a valid list, not 'Cl'"),
    ("    species: {Cl: 6..8, F: rest}\n", "", 14, "sublattices.Cl.species", "is missing"),
    ("engine: sevennet, ", "", 18, "labels.0.engine", "is missing"),
    ("{engine: sevennet", "{name: A, engine: sevennet", 18, "labels.0.name",
     "string should match pattern '^[a-z][a-z0-9_]*$', not 'A'"),
    ("{cell: true}", "{cell: true, fmax: 0}", 18, "labels.0.relax.fmax", "input should be greater than 0, not 0"),
    ("{cell: true}", "{cell: true, optimizer: BFGS}", 18, "labels.0.relax.optimizer",
     "input should be 'LBFGS' or 'FIRE', not 'BFGS'"),
    ("{cell: true}", "{cell: true, fmx: 1}", 18, "labels.0.relax.fmx",
     "unknown field; did you mean 'fmax'? known: attempts, cell, fixed, fmax, optimizer, rattle, steps"),
    ("{cell: true}", "{}", 18, "labels.0.relax.cell", "is missing"),
    ("{cell: true}}", "{cell: true}}\n  - {engine: sevennet, relax: {cell: false}}", 1, None,
     "two labels are called 'sevennet_relaxed'; give each its own `name`"),
    ("{unit: eV}", "{}", 20, "targets.formation_energy.unit", "is missing"),
    ("formation_energy:", "Formation:", 1, None, "'Formation' must be lower-case letters, digits, _ and -"),
    ("random: {", "by content: {", 1, None, "'by content' must be lower-case letters, digits, _ and -"),
    ("{train: 0.6}", "{by: 3}", 22, "splits.random.by", "input should be a valid string, not 3"),
    ("supercell: [1, 1, 2]", "supercell: [1, 1, 2]\nconfigurations: {select: uniform}", 12, "configurations",
     "`count`, `per_content` or `strata`, one of them, goes with `uniform` and `by-multiplicity` only"),
    ("supercell: [1, 1, 2]", "supercell: [1, 1, 2]\nconfigurations: {select: al}", 12, "configurations.select",
     "input should be 'all', 'uniform' or 'by-multiplicity', not 'al'"),
    ("supercell: [1, 1, 2]", "supercell: [1, 1, 2]\nspaces: {}", 1, None, "name at least one space"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "line", "field", "message"), MISTAKES)
def test_mistakes_name_file_line_and_field(load, tmp_path, before, after, line, field, message):
    text = changed(before, after)
    if message is None:  # a label may be any word whose beginning is an element: Nq is nitrogen
        assert load(text.replace("Na: {Na: rest", "N: {Na: rest")).parent.sites["Nq"].species == "N"
        return
    with pytest.raises(InputError) as caught:
        load(text)
    error = caught.value
    assert (error.file, error.line, error.field) == (str(tmp_path / "spec.yaml"), line, field)
    assert error.message == message


def test_every_mistake_is_told_and_those_that_others_follow_from_come_first(load):
    text = changed("vacancy: 0..2", "vacancy: 2..0").replace("title:", "titel:").replace("engine:", "engne:")
    with pytest.raises(InputError) as caught:
        load(text.replace("version: 1.0.0\n", "").replace("{a: 5.6}", "{a: -5.6}"))
    places = [text.split("spec.yaml:")[1].split(": ")[:2] for text in caught.value.each]
    assert [field for _, field in places] == [
        "titel",  # and not that `title` is missing: it follows
        "parent.lattice.a",
        "sublattices.Na.vacancy",
        "version",
        "labels.0.engine",
    ]
    assert caught.value.each[-1].endswith("is missing; is 'engne' meant for it?")
    assert str(caught.value) == "; ".join(caught.value.each)


def test_so_many_mistakes_are_told_that_one_can_read_them(load):
    sites = "".join(f"    X{number}: [0, 0, 0]\n" for number in range(700))
    with pytest.raises(InputError) as caught:
        load(changed("    Na: [0, 0, 0]\n", "    Na: [0, 0, 0]\n" + sites))
    assert len(caught.value.each) == MOST_SHOWN + 1
    assert caught.value.each[-1].endswith("and 600 more mistakes") and len(str(caught.value)) <= 1500


def test_mistakes_in_labels_targets_and_splits_are_told_at_once(load):
    text = changed("engine: sevennet", "engine: sevennt").replace(
        "  random: {train: 0.6}", "  a: {by: contnt}\n  b: {tes: 1}"
    )
    spec = load(text.replace("  formation_energy: {unit: eV}", "  volum: {unit: A}\n  colour: {unit: eV}"))
    with pytest.raises(InputError) as caught:
        resolved(spec, build_spaces(spec))
    fields = [line.split("spec.yaml:")[1].split(": ")[1] for line in caught.value.each]
    assert fields == [
        "labels.0.engine",
        "targets.volum",
        "targets.colour",
        "splits.a.by",
        "splits.b.tes",
        "splits.b.train",
    ]


# What only the crystal can tell.


@pytest.mark.parametrize(
    ("before", "after", "line", "field", "message"),
    [
        ("Fm-3m", "Fm3m", 4, "parent", "no space group has the symbol 'Fm3m'; did you mean 'Fm-3m'?"),
        ("  Cl:\n    sites: [Cl]", "  Cl:\n    sites: [Br]", 15, "sublattices.Cl.sites",
         "the parent has no site 'Br'; known: Cl, Na"),
        ("  Na: {Na", "  K: {Na", 13, "sublattices.K", "the parent has no site 'K'; known: Cl, Na"),
        ("sites: [Cl]", "sites: [Cl, Na]", 14, "sublattices.Cl",
         "shares sites with the sublattice 'Na'; each site belongs to one"),
        ("{Cl: 6..8, F: rest}", "{Cl: 6..7}", 14, "sublattices.Cl",
         "the species add up to 6 to 7, but the supercell has 8 of these sites; name one species as `rest`"),
        ("{Cl: 6..8, F: rest}", "{Cl: 9, F: rest}", 14, "sublattices.Cl",
         "the species add up to 9, but the supercell has 8 of these sites"),
        ("[1, 1, 2]", "[1, 1, 0]", 11, "supercell", "its three vectors lie in a plane"),
        ("[1, 1, 2]", "[100001, 1, 1]", 11, "supercell", "no number may exceed 100000"),
        ("[1, 1, 2]", f"[{10**25}, 1, 1]", 11, "supercell", "no number may exceed 100000"),
        ("[1, 1, 2]", "[100, 100, 10]", 11, "supercell",
         "100000 cells of 8 atoms exceed the 100000 sites that are handled"),
        ("[1, 1, 2]", "[[99999, 99998, 0], [99998, 99997, 0], [0, 0, 1]]", 11, "supercell",
         "its vectors are too skewed; give shorter ones of the same lattice"),
    ],
)  # fmt: skip
def test_what_the_crystal_forbids_names_file_and_line(load, tmp_path, before, after, line, field, message):
    spec = load(changed(before, after))
    with pytest.raises(InputError) as caught:
        build_spaces(spec)
    error = caught.value
    assert (error.file, error.line, error.field, error.message) == (str(tmp_path / "spec.yaml"), line, field, message)


def test_a_cif_file_is_looked_for_beside_the_file_that_names_it(load, tmp_path):
    (tmp_path / "below").mkdir()
    load(SPEC, "below/base.yaml")
    child = "extends: below/base.yaml\nname: child\nparent: {spacegroup: ~, lattice: ~, sites: ~, cif: host.cif}\n"
    with pytest.raises(InputError, match=rf"child.yaml:3: parent: there is no CIF file {tmp_path}/host.cif$"):
        build_spaces(load(child, "child.yaml"))
    load(changed("spacegroup: Fm-3m\n  lattice: {a: 5.6}\n  sites:\n    Na: [0, 0, 0]\n    Cl: [1/2, 1/2, 1/2]\n",
                 "cif: host.cif\n"), "below/base.yaml")  # fmt: skip
    with pytest.raises(InputError, match=rf"base.yaml:4: parent: there is no CIF file {tmp_path}/below/host.cif$"):
        build_spaces(load("extends: below/base.yaml\nname: child\n", "child.yaml"))


def test_materials_project_ids_are_read_but_not_fetched(load):
    start, end = SPEC.index("  spacegroup"), SPEC.index("  provenance")
    spec = load(SPEC[:start] + "  materials_project: mp-22862\n" + SPEC[end:])
    with pytest.raises(InputError, match="mp-22862 was not fetched yet: run `matbench-defects fetch-parents`"):
        build_spaces(spec)
    with pytest.raises(InputError, match=r"spec.yaml:5: parent.materials_project: .*not '22862'"):
        load(SPEC[:start] + "  materials_project: '22862'\n" + SPEC[end:])


# Contents.


@pytest.mark.parametrize(
    ("written", "counts"),
    [
        (9, (9,)), (0, (0,)), ("0..3", (0, 1, 2, 3)), (" 2 .. 3 ", (2, 3)), ("4..4", (4,)),
        ([4, 0, 2, 2], (0, 2, 4)), ("rest", None),
    ],
)  # fmt: skip
def test_contents(written, counts):
    assert Content.model_validate(Content.parse(written)).counts == counts


@given(st.integers(0, 500), st.integers(0, 500))
def test_ranges_hold_both_ends(low, high):
    if low <= high:
        assert Content.parse(f"{low}..{high}")["counts"] == tuple(range(low, high + 1))
    else:
        with pytest.raises(ValueError, match="runs backwards"):
            Content.parse(f"{low}..{high}")


# Loading, in general.


def test_a_spec_is_found_by_file_folder_and_shipped_name(load, tmp_path):
    load(SPEC)
    assert load_spec(tmp_path) == load_spec(tmp_path / "spec.yaml")
    for name, path in shipped_specs().items():
        assert load_spec(name).name == load_spec(path).name == name
    with pytest.raises(InputError, match="no spec is called 'lno-cathod'; did you mean 'lno-cathode'"):
        load_spec("lno-cathod")


def test_the_schema_knows_every_field():
    schema = spec_schema()
    assert set(schema["properties"]) == set(Spec.model_fields)
    assert all("description" in field for field in schema["properties"].values())
    json.dumps(schema)


ELEMENTS = st.sampled_from(["Li", "Na", "Ni", "O", "Cl", "vacancy"])
COUNTS = st.integers(0, 50) | st.just("0..4") | st.lists(st.integers(0, 20), min_size=1, max_size=3)
SUBLATTICE = st.dictionaries(ELEMENTS, COUNTS, min_size=1, max_size=3)
COORDINATES = st.lists(st.floats(-2, 2) | st.just("1/3") | st.integers(-2, 2), min_size=3, max_size=3)


def is_line(text: str) -> bool:
    try:
        return check_line(text) == text
    except ValueError:
        return False


SPECS = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True),
        "version": st.just("1.2.3"),
        "title": st.text(st.characters(categories=["L", "N", "Zs", "P", "So"])).filter(is_line),
        "parent": st.fixed_dictionaries(
            {
                "spacegroup": st.just("P1"),
                "lattice": st.dictionaries(st.sampled_from("bc"), st.floats(1, 20)).map(lambda d: {"a": 3.0, **d}),
                "sites": st.dictionaries(st.sampled_from(["Li1", "O", "Na"]), COORDINATES, min_size=1),
                "provenance": st.fixed_dictionaries({"source": st.sampled_from(["No", "1:30", "null", "1e3"])}),
            }
        ),
        "supercell": st.lists(st.integers(-3, 3), min_size=3, max_size=3)
        | st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=3, max_size=3),
        "sublattices": st.dictionaries(
            st.sampled_from(["Li", "O"]), SUBLATTICE | SUBLATTICE.map(lambda s: {"species": s}), min_size=1
        ),
    }
)


@given(SPECS)
@settings(FROM_FILES, max_examples=30)
def test_a_spec_written_and_read_again_is_the_same(tmp_path, data):
    path = tmp_path / "spec.yaml"
    direct = Spec.model_validate(copy.deepcopy(data)).model_dump()
    for dumped in (json.dumps(data, ensure_ascii=False), block_style(data)):
        path.write_text(dumped)
        assert load_spec(path).model_dump() == direct


def block_style(data):
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data):
            return True

        def represent_word(self, data):
            return self.represent_scalar("tag:yaml.org,2002:str", data, style='"')

    Dumper.add_representer(str, Dumper.represent_word)
    return yaml.dump(data, Dumper=Dumper, default_flow_style=False, allow_unicode=True)


def loads_or_says_why(path: Path) -> None:
    try:
        load_spec(path)
    except InputError as error:
        assert error.file
        assert "\n" not in error.message.rstrip()


@given(st.text() | st.binary())
@settings(FROM_FILES, max_examples=100)
def test_garbage_is_an_input_error(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    loads_or_says_why(path)


WORDS = st.sampled_from(["rest", "0..3", "1/3", "vacancy", "Li", "lno-cathode", "uniform", "-1", "", "R-3m"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5)
FIELDS = st.sampled_from([*Spec.model_fields, "species", "sites", "lattice", "engine", "relax", "by", "provenance"])
RECURSIVE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(FIELDS | WORDS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(FIELDS, RECURSIVE))
@settings(FROM_FILES, max_examples=100)
def test_nonsense_in_every_field_is_an_input_error(tmp_path, data):
    (tmp_path / "spec.yaml").write_text(json.dumps(data, ensure_ascii=False))
    loads_or_says_why(tmp_path / "spec.yaml")


@given(st.data())
@settings(FROM_FILES, max_examples=100)
def test_one_value_replaced_by_nonsense_loads_or_says_why(tmp_path, data):
    (tmp_path / "spec.yaml").write_text(SPEC)
    spec = load_spec(tmp_path / "spec.yaml").document.data
    spec = copy.deepcopy(spec)
    place, key = spec, data.draw(st.sampled_from(sorted(spec)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(RECURSIVE)
    (tmp_path / "spec.yaml").write_text(json.dumps(spec, ensure_ascii=False))
    loads_or_says_why(tmp_path / "spec.yaml")


def test_the_elements_are_those_of_ase():
    assert set(chemical_symbols[1:]) == fields.ELEMENTS

"""Specs that extend others, and several spaces in one spec."""

import pytest
from rock_salt import SPEC, changed

from matbench_defects.crystal.building import build_spaces
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

# Inheritance.

CHILD = "extends: spec.yaml\nname: child\n"


def test_extends_by_path(load):
    load(SPEC)
    child = load(CHILD + "supercell: [2, 2, 2]\nsublattices: {Cl: null}\n", "child.yaml")
    assert (child.name, child.title, child.supercell) == ("child", "Rock salt", [2, 2, 2])
    assert list(child.sublattices) == ["Na"]
    assert child.extends is None


def test_extends_a_shipped_name(load):
    child = load("extends: lno-cathode\nname: small\nsupercell: [1, 1, 1]\nsublattices: {Li: {Li: 0..3}}\n")
    assert child.parent == load_spec("lno-cathode").parent
    assert build_spaces(child)["small"].size == 3


def test_extends_in_a_chain_where_each_path_is_relative_to_its_own_file(load, tmp_path):
    load(SPEC, "below/spec.yaml")
    load(CHILD + "title: middle\n", "below/middle.yaml")
    last = load("extends: below/middle.yaml\nname: last\nversion: 2.0.0\n", "last.yaml")
    assert (last.name, last.title, last.version, last.supercell) == ("last", "middle", "2.0.0", [1, 1, 2])
    assert last.error(("title",), "x").file == str(tmp_path / "below/middle.yaml")
    assert last.error(("supercell",), "x").line == 11


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("child.yaml", "goes round in a circle through child.yaml"),
        ("./nowhere.yaml", "no spec file there; give a YAML file or a shipped name ("),
        ("lno-cathod", "no spec is called 'lno-cathod'; did you mean 'lno-cathode'? known: "),
        ("3", "a file or a shipped name was expected, not 3"),
        ("[a]", "a file or a shipped name was expected, not ['a']"),
        ("''", "no spec"),
        ("x" * 300, "cannot be read (File name too long)"),
    ],
)
def test_what_cannot_be_extended(load, tmp_path, extends, message):
    with pytest.raises(InputError) as caught:
        load(f"name: child\nextends: {extends}\n", "child.yaml")
    error = caught.value
    assert (error.file, error.line, error.field) == (str(tmp_path / "child.yaml"), 2, "extends")
    assert error.message.startswith(message)


def test_a_long_circle_is_found(load, tmp_path):
    for here, there in ("ab", "bc"):
        (tmp_path / f"{here}.yaml").write_text(f"name: {here}\nextends: {there}.yaml\n")
    with pytest.raises(InputError, match=r"c.yaml:1: extends: goes round in a circle through a.yaml"):
        (tmp_path / "c.yaml").write_text("extends: a.yaml\nname: c\n")
        load_spec(tmp_path / "a.yaml")


def test_a_child_has_a_name_of_its_own(load):
    load(SPEC)
    with pytest.raises(InputError, match=r"child.yaml:1: name: is missing; a spec that extends another has a name"):
        load("extends: spec.yaml\n", "child.yaml")


def test_a_mistake_in_the_parent_names_the_parents_file_and_line(load, tmp_path):
    (tmp_path / "base.yaml").write_text(changed("vacancy: 0..2", "vacancy: 2..0"))
    with pytest.raises(InputError, match=r"base.yaml:13: sublattices.Na.vacancy: the range 2..0 runs backwards"):
        load("extends: base.yaml\nname: child\n", "child.yaml")


# Several spaces.

SHARED = "spaces:\n  one: {}\n  two:\n    supercell: [2, 1, 1]\n    sublattices: {Cl: null}\n"


def test_what_spaces_share_is_said_once(load):
    spec = load(SPEC + SHARED)
    assert spec.parent is None
    one, two = (spec.all_spaces()[name][0] for name in ("one", "two"))
    assert (one.supercell, two.supercell) == ([1, 1, 2], [2, 1, 1])
    assert (list(one.sublattices), list(two.sublattices)) == (["Na", "Cl"], ["Na"])
    assert one.parent == two.parent
    assert list(build_spaces(spec)) == ["one", "two"]


@pytest.mark.parametrize(
    ("before", "after", "line", "field", "message"),
    [
        ("one: {}", "one: {supercel: [1, 1, 1]}", 24, "spaces.one.supercel",
         "unknown field; did you mean 'supercell'? known: cell, configurations, contents, defects, exchange, exclude, "
            "groups, kind, parent, pathway, sublattices, supercell, tied"),
        ("    supercell: [2, 1, 1]", "    supercell: [2, 1]", 26, "spaces.two.supercell",
         "three integers or three rows of three integers were expected, not [2, 1]"),
        ("    supercell: [2, 1, 1]", "    supercell: null", 26, "spaces.two.supercell", "is missing"),
        ("one: {}", "one: 3", 24, "spaces.one", "input should be a valid dictionary or instance of SpaceSpec, not 3"),
        ("  one: {}", "  o_ne: {}", 1, None, "the space 'o_ne' must be letters, digits and dashes"),
        ("  two:\n", "  one:\n", 25, "spaces", "the key 'one' is given twice (first on line 24)"),
    ],
)  # fmt: skip
def test_mistakes_in_spaces(load, before, after, line, field, message):
    with pytest.raises(InputError) as caught:
        load(SPEC + SHARED.replace(before, after))
    assert (caught.value.line, caught.value.field, caught.value.message) == (line, field, message)


def test_a_mistake_in_what_is_shared_stands_where_it_is_written(load):
    with pytest.raises(InputError) as caught:
        load(changed("vacancy: 0..2", "vacancy: 2..0") + SHARED)
    assert (caught.value.line, caught.value.field) == (13, "spaces.one.sublattices.Na.vacancy")

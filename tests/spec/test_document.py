from pathlib import Path

import pytest

from matbench_defects.errors import InputError
from matbench_defects.spec.document import DEEPEST, LARGEST_BYTES, Mark, merge, read_document


@pytest.fixture
def read(tmp_path):
    """Read text, or bytes, as a document."""

    def read(text, name="spec.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_document(path)

    return read


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "", "the key 'a' is given twice (first on line 1)"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", 4, "a", "the key 'b' is given twice (first on line 2)"),
        ("a: 1\nb: {c: 1, c: 2}\n", 2, "b", "the key 'c' is given twice (first on line 2)"),
        ("No: 1\n'No': 2\n", 2, "", "the key 'No' is given twice (first on line 1)"),
        ("a: &x 1\nb: *x\n", 1, None, "anchors and aliases are not used here ('x')"),
        ("a: 1\nb: *x\n", 2, None, "anchors and aliases are not used here ('x')"),
        ("a: !!int '3'\n", 1, None, "the tag 'tag:yaml.org,2002:int' is not allowed; write plain values"),
        ("a: 1\nb: !!int abc\n", 2, None, "the tag 'tag:yaml.org,2002:int' is not allowed"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, None, "python/object/apply:os.system' is not allowed"),
        ("a: !mine {b: 1}\n", 1, None, "the tag '!mine' is not allowed"),
        ("a: !!set {b, c}\n", 1, None, "the tag 'tag:yaml.org,2002:set' is not allowed"),
        ("a:\n\tb: 1\n", 2, None, "a tab is used for indentation; YAML allows only spaces there"),
        (b"a: \xff\n", None, None, "is not UTF-8 text"),
        (b"\xff\xfea\x00:\x00 \x001\x00", None, None, "is not UTF-8 text"),
        ("a: \x00\n", None, None, "not valid YAML: unacceptable character #x0000"),
        ('a: 1\nb: "\\ud800"\n', 2, None, "an escape stands for half a character"),
        ('a: 1\n"\\ud800": 2\n', 2, None, "an escape stands for half a character"),
        ("a: [1, 2\n", 2, None, "not valid YAML: "),
        ("a: 1\n b: 2\n", 2, None, "not valid YAML: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2\n", 2, None, "not valid YAML: a second document begins; a file holds one"),
        ("", None, None, "is empty"),
        ("# only a comment\n", None, None, "is empty"),
        ("- a\n- b\n", 1, None, "a mapping of fields was expected at the top"),
        ("just words\n", 1, None, "a mapping of fields was expected at the top"),
        ("? [a, b]\n: 1\n", 1, "", "a key must be a plain word"),
        ("a: 1\nb: " + "9" * 5000, 2, "b", "a whole number may have 30 digits, not 5000"),
        ("a:\n  " + "[" * 40 + "]" * 40, 2, None, f"is nested more than {DEEPEST} levels deep"),
    ],
)
def test_mistakes_name_file_and_line(read, tmp_path, text, line, field, message):
    with pytest.raises(InputError) as caught:
        read(text)
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "spec.yaml"), line)
    assert (caught.value.field or None) == (field or None)
    assert message in caught.value.message
    assert "\n" not in str(caught.value)


def test_nesting_is_refused_before_it_costs_anything(read):
    with pytest.raises(InputError, match="nested more than 32 levels"):
        read("a: " + "[" * 900_000)


def test_nesting_is_allowed_to_the_limit(read):
    depth = DEEPEST - 1  # the mapping at the top is a level
    data = read("a: " + "[" * depth + "]" * depth).data["a"]
    for _ in range(depth - 1):
        (data,) = data
    assert data == []


def test_large_files_are_not_parsed(read):
    with pytest.raises(InputError, match=f"has {LARGEST_BYTES + 1} bytes; at most {LARGEST_BYTES} are read"):
        read(b"a: " + b"x" * (LARGEST_BYTES - 2))
    assert len(read(b"a: " + b"x" * (LARGEST_BYTES - 3)).data["a"]) == LARGEST_BYTES - 3


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_unreadable_files(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        read_document(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("No", "No"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("N", "N"),
        ("true", True), ("False", False), ("TRUE", True),
        ("null", None), ("~", None), ("", None), ("Null", None),
        ("1:30", "1:30"), ("1_000", "1_000"), ("0x10", "0x10"), ("0o17", "0o17"), ("0b1", "0b1"),
        ("010", 10), ("08", 8), ("-7", -7), ("+7", 7), ("0", 0), ("9" * 30, int("9" * 30)),
        ("1e-3", 1e-3), ("1E5", 1e5), ("-1.5e+3", -1500.0), (".5", 0.5), ("1.", 1.0), ("+.5", 0.5),
        (".inf", float("inf")), ("-.inf", float("-inf")), ("inf", "inf"), ("nan", "nan"),
        ("2024-01-01", "2024-01-01"), ("2024-01-01 10:00:00", "2024-01-01 10:00:00"),
        ("1/3", "1/3"), ("0..12", "0..12"), ("1.0.0", "1.0.0"), ("=", "="), ("'12'", "12"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(read, text, value):
    found = read(f"a: {text}\n").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_stay_words(read):
    assert read("No: 1\n12: 2\ntrue: 3\n<<: {x: 4}\n").data == {"No": 1, "12": 2, "true": 3, "<<": {"x": 4}}


def test_a_byte_order_mark_and_windows_lines_are_read(read):
    document = read(b"\xef\xbb\xbfa: 1\r\nb: {c: 2}\r\n")
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert document.marks["b", "c"].line == 2


def test_every_value_is_marked(read, tmp_path):
    document = read("# title\na:\n  b: 1\n  c:\n    - x\n    - y: 2\nd: {e: [1,\n  2]}\n")
    lines = {".".join(map(str, route)): mark.line for route, mark in document.marks.items()}
    expected = {"": 1, "a": 2, "a.b": 3, "a.c": 4, "a.c.0": 5, "a.c.1": 6, "a.c.1.y": 6}
    assert lines == expected | {"d": 7, "d.e": 7, "d.e.0": 7, "d.e.1": 8}
    assert {mark.file for mark in document.marks.values()} == {str(tmp_path / "spec.yaml")}


def test_an_error_stands_at_the_nearest_place_above(read, tmp_path):
    document = read("a:\n  b: 1\n")
    error = document.error(("a", "b", "c", 0), "is wrong")
    assert str(error) == f"{tmp_path / 'spec.yaml'}:2: a.b.c.0: is wrong"
    assert document.error(("z",), "is wrong").line == 1


@pytest.fixture
def merged(read):
    def merged(parent, child):
        return merge(read(parent, "parent.yaml"), read(child, "child.yaml"))

    return merged


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        ("a: 1\nb: 2", "b: 3\nc: 4", {"a": 1, "b": 3, "c": 4}),
        ("a: {x: 1, y: {z: 2}}", "a: {y: {w: 3}}", {"a": {"x": 1, "y": {"z": 2, "w": 3}}}),
        ("a: [1, 2, 3]", "a: [4]", {"a": [4]}),
        ("a: {x: 1}", "a: [4]", {"a": [4]}),
        ("a: 1", "a: {x: 1}", {"a": {"x": 1}}),
        ("a: 1\nb: 2", "a: null", {"b": 2}),
        ("a: {x: 1, y: 2}", "a: {x: ~}", {"a": {"y": 2}}),
        ("a: 1", "b: null", {"a": 1}),
        ("a: {x: {z: 1}, y: 2}", "a: {x: null}\nb: 1", {"a": {"y": 2}, "b": 1}),
        ("a: 1", "a: false", {"a": False}),
        ("a: {x: 1}", "a: {}", {"a": {"x": 1}}),
    ],
)
def test_merging(merged, parent, child, expected):
    assert merged(parent, child).data == expected


def test_merging_leaves_both_documents_alone(read):
    parent, child = read("a: {x: 1}", "p.yaml"), read("a: {y: 2}", "c.yaml")
    merge(parent, child)
    assert (parent.data, child.data) == ({"a": {"x": 1}}, {"a": {"y": 2}})


def test_marks_across_two_files(merged):
    document = merged("a:\n  x: 1\n  y: [1, 2]\nb: 1\n", "# child\na:\n  y:\n    - 5\nc: 1\n")
    places = {route: (Path(mark.file).name, mark.line) for route, mark in document.marks.items()}
    assert places == {
        (): ("child.yaml", 1),
        ("a",): ("child.yaml", 2),
        ("a", "x"): ("parent.yaml", 2),
        ("a", "y"): ("child.yaml", 3),
        ("a", "y", 0): ("child.yaml", 4),  # and no mark is left of the parent's second item
        ("b",): ("parent.yaml", 4),
        ("c",): ("child.yaml", 5),
    }


def test_files_are_relative_to_where_they_are_named(read, tmp_path):
    (tmp_path / "below").mkdir()
    parent, child = read("parent: {cif: x.cif}", "below/p.yaml"), read("a: 1", "c.yaml")
    assert merge(parent, child).folder(("parent", "cif")) == tmp_path / "below"
    assert merge(parent, read("parent: {cif: y.cif}", "c.yaml")).folder(("parent", "cif")) == tmp_path
    assert merge(parent, child).marks[()] == Mark(str(tmp_path / "c.yaml"), 1)

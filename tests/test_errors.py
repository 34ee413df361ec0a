import pickle

import pytest

from matbench_defects.errors import LONGEST, InputError, nearest


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({}, "is wrong"),
        ({"file": "a.yaml"}, "a.yaml: is wrong"),
        ({"file": "a.yaml", "line": 3}, "a.yaml:3: is wrong"),
        ({"file": "a.yaml", "line": 3, "field": "b.c"}, "a.yaml:3: b.c: is wrong"),
        ({"field": "b"}, "b: is wrong"),
        ({"line": 3}, "is wrong"),
    ],
)
def test_an_error_says_where(where, text):
    assert str(InputError("is wrong", **where)) == text


def test_an_error_crosses_processes_whole():
    error = pickle.loads(pickle.dumps(InputError("is wrong", file="a.yaml", line=3, field="b")))
    assert str(error) == "a.yaml:3: b: is wrong"
    assert (error.message, error.file, error.line, error.field) == ("is wrong", "a.yaml", 3, "b")


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("randm", ["random", "content"], "did you mean 'random'? known: content, random"),
        ("CHGNET", ["chgnet", "sevennet"], "did you mean 'chgnet'? known: chgnet, sevennet"),
        ("zzz", ["random", "content"], "known: content, random"),
        ("zzz", [], "none is known"),
        ("Nii", ["Li", "Ni"], "did you mean 'Ni'? known: Li, Ni"),
        ("Xi", ["Li", "Ni", "Xe"], "did you mean 'Xe'? known: Li, Ni, Xe"),  # what begins alike is likelier
    ],
)
def test_the_nearest_name(name, known, text):
    assert nearest(name, iter(known)) == text


def test_a_message_is_one_line_and_ends():
    text = str(InputError("first\nsecond \x1b[31m \u202e \ud800", file="a\nb", field="c\td"))
    assert text == r"a\nb: c\td: first\nsecond \x1b[31m \u202e \ud800"
    assert str(InputError("Å ö 食 \U0001f4a5")) == "Å ö 食 \U0001f4a5"
    assert len(str(InputError("x" * 10**6))) == LONGEST

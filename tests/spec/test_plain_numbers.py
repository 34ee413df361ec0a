"""True and text are no numbers, wherever a spec or a task has one."""

from __future__ import annotations

import copy

import pytest

import matbench_defects as md
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import Task
from matbench_defects.spec.document import Document, validate
from matbench_defects.spec.plain_numbers import PlainNumbers

SPEC = {
    "name": "salt",
    "version": "1.0.0",
    "title": "A salt",
    "parent": {
        **{"spacegroup": "Pm-3m", "lattice": {"a": 4.0}, "provenance": {"source": "a test"}},
        "sites": {"Na": [0, 0, 0], "Cl": ["1/2", "1/2", "1/2"]},
    },
    "supercell": [2, 1, 1],
    "exclude": [{"between": ["K", "K"], "closer_than": 3.0}],
    "sublattices": {"Na": {"Na": "rest", "K": "0..2"}},
    "configurations": {
        **{"select": "uniform", "count": 1, "seed": 1},
        "where": {
            "distances": [{"between": ["K", "K"], "at_least": 1.0, "at_most": 90.0}],
            "charges": {"Na": 1, "K": 1, "Cl": -1},
            "symmetry_order": {"at_least": 1},
        },
    },
    "labels": [
        {"engine": "ewald", "charges": {"Na": 1, "K": 1, "Cl": -1}, "name": "one"},
        {"engine": "ase", "calculator": "any", "name": "two", "relax": {"cell": False, "fmax": 0.1, "steps": 3}},
    ],
    "moments": {"Na": 1.0},
    "splits": {"random": {"train": 0.6, "validation": 0.2, "test": 0.2, "seed": 3}},
}
ROUTES = [
    *[("exclude", 0, "closer_than"), ("configurations", "count"), ("configurations", "seed")],
    *[("configurations", "where", "distances", 0, name) for name in ("at_least", "at_most")],
    *[("configurations", "where", "charges", "K"), ("configurations", "where", "symmetry_order", "at_least")],
    *[("parent", "lattice", "a"), ("parent", "sites", "Na", 0), ("supercell", 0), ("sublattices", "Na", "K")],
    *[("labels", 0, "charges", "K"), ("labels", 1, "relax", "fmax"), ("labels", 1, "relax", "steps")],
    *[("moments", "Na"), ("splits", "random", "train"), ("splits", "random", "seed")],
]


def changed(route, value):
    spec = copy.deepcopy(SPEC)
    inside = spec
    for part in route[:-1]:
        inside = inside[part]
    inside[route[-1]] = value
    return spec


def test_numbers_are_taken():
    md.load_spec(SPEC).check()


@pytest.mark.parametrize("value", [True, "3"], ids=str)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: ".".join(map(str, route)))
def test_what_is_no_number_is_refused(route, value):
    with pytest.raises(InputError, match=rf"(?i){route[0]}.*expected") as caught:
        md.load_spec(changed(route, value)).check()
    assert "function" not in str(caught.value)


def test_a_whole_number_may_be_written_with_an_exponent():
    assert md.load_spec(changed(("configurations", "count"), 1e0)).configurations.count == 1


class _Several(PlainNumbers):
    one: int | str = 0
    many: dict[str, list[float | None]] = {}
    pair: tuple[int, float] | None = None


def test_numbers_at_any_depth():
    read = lambda data: validate(_Several, data, Document(data), ())  # noqa: E731
    found = read({"one": "3", "many": {"a": [1, 2.5, None]}, "pair": [1, 2]})
    assert (found.one, found.many, found.pair) == ("3", {"a": [1.0, 2.5, None]}, (1, 2.0))
    for wrong in ({"one": True}, {"many": {"a": ["1"]}}, {"many": {"a": [False]}}, {"pair": [1, True]}):
        with pytest.raises(InputError, match="a number was expected, not"):
            read(wrong)


def test_tasks_too():
    assert issubclass(Task, PlainNumbers)

"""What every split has to keep: no leak, no row moved by order or growth. A new operator adds an example."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from specs_for_tests import NAMED_CONTENTS, TWO_DOPANTS

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.canonical import configuration_of
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.audit import Audit
from matbench_defects.dataset.identity import structure_keys
from matbench_defects.dataset.similarity import Similarity
from matbench_defects.dataset.splits import operators, splits_of
from matbench_defects.dataset.splits.assign import Parting, part_rows
from matbench_defects.dataset.splits.grouping import value_of, values_of
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec
from matbench_defects.testing.splits import (
    check_split,
    folds_have_names,
    images,
    no_leak,
    order_and_growth_move_no_row,
)

PATHWAYS = "extends: kfeo2-ti-pathways\nname: hops\nspaces: {ti2: null, ti3: null}\nlabels: []\n"

# Operator, with the split as a spec says it and the spec that it stands in.
EXAMPLES = [
    ("random", "{train: 0.5, validation: 0.2, test: 0.3, seed: 3}", "rock-salt"),
    ("random", "{train: 0.5, test: 0.5, together: pattern.Mg, keep_apart: [pattern.Mg]}", "rock-salt"),
    ("content", "{by: content.Ca, train: '< 2', test: '>= 2'}", "rock-salt"),
    ("content", "{by: content.O.vacancy, train: '0', validation: '1', test: '2'}", "rock-salt"),
    ("defects", "{by: defects, train: '<= 2', test: '> 2'}", "rock-salt"),
    ("concentration", "{by: concentration, train: '< 0.3', test: '>= 0.3'}", "rock-salt"),
    ("symmetry", "{by: symmetry, train: '<= 16', test: '> 16'}", "rock-salt"),
    ("group", "{by: group.dopant, train: [Ca], test: [Sr], validation: 0.3, keep_apart: [dopant]}", "rock-salt"),
    ("group", "{by: group.type, train: [none, two], test: [one], validation: [pair], keep_apart: [type]}", "types"),
    ("leave-one-group-out", "{by: leave-one-group-out.space, keep_apart: [space]}", "rock-salt"),
    ("leave-one-group-out", "{by: leave-one-group-out.type, validation: 0.2, keep_apart: [type]}", "types"),
    ("leave-one-group-out", "{by: leave-one-group-out.content, keep_apart: [content]}", "rock-salt"),
    ("leave-one-group-out", "{by: leave-one-group-out.pattern.O, keep_apart: [pattern.O]}", "rock-salt"),
    ("leave-one-group-out", "{by: leave-one-group-out.pathway, keep_apart: [pathway]}", "hops"),
    ("k-fold", "{by: k-fold, folds: 4, validation: 0.2, seed: 1}", "rock-salt"),
    ("k-fold", "{by: k-fold, folds: 3, together: pattern.Mg, keep_apart: [pattern.Mg]}", "rock-salt"),
    ("counts", "{by: counts, test: {2: 2, 3: all}, validation: [{1: 1}, {0: 1, 2: 1}], seeds: [0, 1]}", "rock-salt"),
    ("fixed", "{by: fixed, file: list.csv}", "rock-salt"),
    ("fixed", "{by: fixed, file: folds.csv}", "rock-salt"),
]
POPULATION = {"counts", "fixed"}  # they say how many rows, or which: the rows have to be there


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return each example's operator with the spec and every row of its spaces."""
    folder = tmp_path_factory.mktemp("specs")
    (folder / "rock-salt.yaml").write_text(TWO_DOPANTS)
    (folder / "types.yaml").write_text(NAMED_CONTENTS)
    (folder / "hops.yaml").write_text(PATHWAYS)

    @functools.cache
    def rows_of(name: str) -> tuple[list[Configuration], dict[str, Space]]:
        spaces = build_spaces(load_spec(folder / f"{name}.yaml"))
        return [row for space in spaces.values() for row in enumerate_configurations(space)], spaces

    ids = [row.id for row in rows_of("rock-salt")[0]]
    parts = ["train", "validation", "test"]
    (folder / "list.csv").write_text("id,part\n" + "".join(f"{n},{parts[i % 3]}\n" for i, n in enumerate(ids[:9])))
    lines = [f"{f},{n},{parts[(i + f) % 3]}\n" for f in range(2) for i, n in enumerate(ids)]
    (folder / "folds.csv").write_text("fold,id,part\n" + "".join(lines))

    @functools.cache
    def make(number: int):
        _, text, name = EXAMPLES[number]
        path = folder / f"example{number}.yaml"
        path.write_text(f"extends: {name}.yaml\nname: example\nsplits:\n  mine: {text}\n")
        spec = load_spec(path)
        rows, _ = rows_of(name)
        spaces = build_spaces(spec)
        here = [Configuration(spaces[row.space.name], row.occupation) for row in rows]
        return splits_of(spec, spaces)["mine"], here, spec, spaces

    return make


def audit(rows, spaces):
    data = [
        {
            "id": row.id,
            "space": row.space.name,
            "content": row.space.content_name(row.content),
            "occupation": row.occupation.tobytes(),
        }
        for row in rows
    ]
    return Audit(data, rows, spaces)


def test_every_operator_has_an_example():
    assert {name for name, _, _ in EXAMPLES} == set(operators.names())


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_no_structure_and_no_kept_value_is_on_both_sides(made, number):
    operator, rows, spec, spaces = made(number)
    keep = spec.splits["mine"].keep_apart
    no_leak(operator, rows, spec, keep)
    parting = part_rows(spec, {"mine": operator}, rows)["mine"]
    assert audit(rows, spaces).of(parting, keep)["description"].endswith(".")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_order_and_growth_move_no_row(made, number):
    operator, rows, _, _ = made(number)
    order_and_growth_move_no_row(operator, rows, whole=EXAMPLES[number][0] in POPULATION)


@pytest.mark.parametrize(("by", "split"), [(by, text) for by, text, name in EXAMPLES[:4] if name == "rock-salt"])
def test_the_same_for_people_with_a_split_of_their_own(by, split):
    settings = yaml.safe_load(split)
    keep = settings.pop("keep_apart", [])
    check_split(settings.pop("by", by), settings, keep_apart=keep)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_folds(made, number):
    operator, rows, _, _ = made(number)
    folds_have_names(operator)
    folds = operator.folds()
    if EXAMPLES[number][0] in ("k-fold", "leave-one-group-out"):
        tested = [row.id for f in folds for row, p in zip(rows, operator.parts(rows, f), strict=True) if p == "test"]
        assert sorted(tested) == sorted(row.id for row in rows)
    if EXAMPLES[number][0] == "counts":
        found = [operator.parts(rows, fold) for fold in folds]
        assert len({tuple(p == "test" for p in parts) for parts in found}) == 1
        assert len({tuple(parts) for parts in found}) == len(found) == 4
        assert [parts.count("validation") for parts in found] == [2, 2, 4, 4]  # of two spaces


def test_a_pattern_is_the_orbit_of_one_sublattice(made):
    _, rows, _, spaces = made(0)
    for space in spaces.values():
        found: dict[str, set[bytes]] = {}
        here = space.ranges[0]
        for row in rows:
            if row.space.name == space.name:
                images = row.occupation[here][space.group[:, here]]
                found.setdefault(value_of("pattern.Mg", row), set()).add(min(i.tobytes() for i in images))
        assert all(len(images) == 1 for images in found.values())
        assert len({i for images in found.values() for i in images}) == len(found)
        assert set(found) <= set(values_of("pattern.Mg", spaces))


def test_pathway_types_are_the_orbits_of_edges(made):
    number = next(i for i, (_, text, _) in enumerate(EXAMPLES) if "pathway" in text)
    operator, rows, _, _ = made(number)
    assert operator.folds() == ["a", "b", "c", "d", "e"]
    sizes = {f: operator.parts(rows, f).count("test") for f in operator.folds()}
    assert sorted(sizes.values()) == [16, 16, 32, 32, 32] and len(rows) == 128  # 8 8 16 16 16 edges, twice


def test_a_leak_is_found(made):
    _, rows, _, spaces = made(0)
    found = audit(rows, spaces)
    undoped = [i for i, row in enumerate(rows) if row.content[0] in ((0, 4), (4, 0)) and row.content[1] == (0, 4)]
    assert [rows[i].space.name for i in undoped] == ["ca", "sr"]  # one structure, two ids
    parts = ["train"] * len(rows)
    parts[undoped[1]] = "test"
    with pytest.raises(InputError, match=f"{rows[undoped[1]].id} is in two parts"):
        found.of(Parting("mine", "By hand.", {"": parts}))
    parts = ["train" if row.space.name == "ca" else None for row in rows]
    parts[3] = "test"
    with pytest.raises(InputError, match="keeps dopant apart, but of fold x both tests and is fitted on Ca"):
        found.of(Parting("mine", "By hand.", {"x": parts}), ["dopant"])


def test_equal_structures_have_equal_keys(made):
    _, rows, _, _ = made(0)
    keys = structure_keys(rows)
    every = [images(row) for row in rows]
    assert len(set(keys)) < len(rows)
    for i in range(len(rows)):
        for j in range(i):
            assert (keys[i] == keys[j]) == (every[i] == every[j]), (rows[i].id, rows[j].id)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_similarity_is_the_smallest_number_of_sites_that_differ(made, seed):
    space = made(0)[3]["ca"]
    random = np.random.default_rng(seed)
    occupations = np.concatenate(
        [random.integers(0, len(s.species), size=(6, len(s.sites)), dtype=np.uint8) for s in space.sublattices], axis=1
    )
    found = Similarity(space, occupations)
    for i in range(6):
        by_hand = [min((occupations[i][g] != other).sum() for g in space.group) for other in occupations]
        assert found.differences(i).tolist() == by_hand
    assert found.nearest([0, 1], [2, 3]) == [found.differences(i)[[2, 3]].min() for i in (0, 1)]


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{by: group.dopant, train: [Ca], test: [Zr]}", "no dopant is called 'Zr'; did you mean 'Sr'?"),
        ("{by: group.dopant, train: [Ca], test: [Ca]}", "'Ca' would be in train and in test"),
        ("{by: group.host, train: [Ca], test: [Sr]}", "no group is called 'host' in ca; "),
        ("{by: group, train: [Ca], test: [Sr]}", "say which group after a dot, such as group.host"),
        ("{by: group.type, train: [a], test: [b]}", "names no `contents`, so its configurations have no type"),
        ("{by: leave-one-group-out.pattern.Li}", "say which sublattice, such as pattern.Mg; known: Mg, O"),
        ("{by: leave-one-group-out.pathway}", "holds structures, which have no pathway type"),
        ("{by: random.x, train: 1.0, test: 0}", "'random' takes nothing after a dot, not 'x'"),
        ("{by: random, train: 1.0, test: 0, keep_apart: [dopand]}", "did you mean 'dopant'?"),
        ("{by: k-fold, folds: 50, together: dopant}", "dopant has 2 values, which do not make 50 folds"),
        ("{by: content.Na, train: '1', test: '2'}", "no content is called 'Na' in any space; did you mean 'Ca'?"),
        ("{by: fixed, file: none.csv}", "none.csv: cannot be read"),
    ],
)
def test_a_mistake_is_one_message(tmp_path, split, message):
    (tmp_path / "spec.yaml").write_text(f"{TWO_DOPANTS}splits:\n  mine: {split}\n")
    spec = load_spec(tmp_path)
    with pytest.raises(InputError) as caught:
        splits_of(spec, build_spaces(spec))
    assert message in str(caught.value) and str(caught.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,part\nca:Mg4.O4:0,trian\n", "list.csv:2: no part is called 'trian'; did you mean 'train'?"),
        ("id,side\nx,train\n", "list.csv:1: has the columns id, side; id and part were expected"),
        ("id,part\nx,train\nx,test\n", "list.csv:3: 'x' is listed twice"),
        ("id,part\nx,trian\ny,test\ny,train\n", "validation; LISTlist.csv:4: 'y' is listed twice"),
        ("id,part\nx,train\ny,train\n", "or not here; LISTlist.csv: 'y' is not among"),
        ("id,part\n", "list.csv: names no row"),
        ("id,part\nx,train\n", "'x' is not among the 1 labelled configurations"),
    ],
)
def test_a_list_is_read_with_care(tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    (tmp_path / "spec.yaml").write_text(f"{TWO_DOPANTS}splits:\n  mine: {{by: fixed, file: list.csv}}\n")
    spec = load_spec(tmp_path)
    spaces = build_spaces(spec)
    with pytest.raises(InputError) as caught:
        found = splits_of(spec, spaces)
        part_rows(spec, found, [Configuration(spaces["ca"], configuration_of(spaces["ca"], "ca:Mg4.O4:0"))])
    assert message.replace("LIST", f"{tmp_path}/") in str(caught.value)


def test_counts_that_are_not_there_are_refused(tmp_path):
    split = "{by: counts, test: {0: 1}, validation: [{0: 1}], seeds: [0]}"
    (tmp_path / "spec.yaml").write_text(f"{TWO_DOPANTS}splits:\n  mine: {split}\n")
    spec = load_spec(tmp_path)
    spaces = build_spaces(spec)
    rows = [Configuration(spaces["ca"], configuration_of(spaces["ca"], "ca:Mg4.O4:0"))]
    with pytest.raises(InputError, match=r"ca has 1 rows with 0 defects; group1-seed0 asks for 1 for test and 1"):
        part_rows(spec, splits_of(spec, spaces), rows)

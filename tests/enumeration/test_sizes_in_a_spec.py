"""Supercells of every shape, declared by their sizes."""

from __future__ import annotations

from collections import Counter

import pytest
from specs_for_tests import SIZES

from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.estimate import estimate_spaces
from matbench_defects.enumeration.derivative import draw_from_shapes
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec
from matbench_defects.spec.spaces import Selection


def spec_of(tmp_path, sizes="1..6", content="0..6", more=""):
    path = tmp_path / "spec.yaml"
    path.write_text(SIZES.replace("SIZES", sizes).replace("CONTENT", content) + more)
    return load_spec(path)


def test_derivative_structures_of_fcc(tmp_path):
    """2 6 19 28 80 for sizes 2 to 6, species told apart."""
    spec = spec_of(tmp_path)
    found, estimated = Counter(), Counter()
    for name, part in select(spec).items():
        assert part.space.family == "fcc"
        found[int(name.split("-")[1])] += len(part.chosen)
    for space in estimate_spaces(spec):
        estimated[int(space.space.name.split("-")[1])] += space.inequivalent
    assert found == estimated == {1: 2, 2: 2, 3: 6, 4: 19, 5: 28, 6: 80}


def test_shapes_without_a_content_are_left_out(tmp_path):
    assert {name.split("-")[1] for name in build_spaces(spec_of(tmp_path, content="4"))} == {"4", "5", "6"}


def test_a_dataset_of_all_shapes(tmp_path):
    dataset = build_dataset(spec_of(tmp_path, sizes="[1, 2, 3]"), tmp_path / "out")
    assert len(dataset.index) == len(dataset.structures) == 10
    assert len(set(dataset.structures["id"].to_pylist())) == 10
    assert {tuple(f) for f in zip(dataset.structures["nsites"].to_pylist(), strict=True)} == {(1,), (2,), (3,)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": "0..3"}, "sizes from 1 to 64 were expected"),
        ({"sizes": "1..65"}, "sizes from 1 to 64 were expected"),
        ({"sizes": "rest"}, "sizes from 1 to 64 were expected"),
        ({"content": "9"}, "the species add up to 9, but the supercell has 6 of these sites"),
        ({"more": "configurations: {also: [x]}"}, "does not go with sizes of supercells"),
    ],
)
def test_a_mistake_names_its_place(tmp_path, arguments, message):
    with pytest.raises(InputError) as caught:
        build_spaces(spec_of(tmp_path, **arguments))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "spec.yaml") + ":")


def drawn(tmp_path, selection, sizes="1..4"):
    found = select(spec_of(tmp_path, sizes=sizes, more=f"configurations: {selection}"))
    return [name for part in found.values() for name in part.labelled.ids()]


def test_a_draw_is_over_all_shapes_together(tmp_path):
    shapes = {name: found.configurations for name, found in select(spec_of(tmp_path, sizes="1..3")).items()}
    times = Counter()
    for seed in range(300):
        chosen = draw_from_shapes(shapes, Selection(select="uniform", count=7, seed=seed))
        names = [(shape, i) for shape, positions in chosen.items() for i in positions.tolist()]
        assert len(set(names)) == 7
        times.update(names)
    assert len(times) == 2 + 2 + 6
    expected = 300 * 7 / 10  # of each; with a standard deviation of 8
    assert all(abs(n - expected) < 40 for n in times.values())


@pytest.mark.parametrize("weighting", ["uniform", "by-multiplicity"])
def test_draws_over_shapes_depend_on_the_seed_alone(tmp_path, weighting):
    selection = f"{{select: {weighting}, count: 9, seed: SEED}}"
    first, again, other = (drawn(tmp_path, selection.replace("SEED", seed)) for seed in "001")
    assert first == again != other
    spec = spec_of(tmp_path, sizes="1..4", more="configurations: " + selection.replace("SEED", "0"))
    assert sum(estimate.labelled for estimate in estimate_spaces(spec)) == 9


def test_as_many_of_each_content_over_all_shapes(tmp_path):
    chosen = Counter(name.split(":")[1] for name in drawn(tmp_path, "{select: uniform, per_content: 2}"))
    every = Counter(name.split(":")[1] for name in drawn(tmp_path, "{select: all}"))
    assert chosen == {content: min(2, number) for content, number in every.items()}


def test_more_than_all_shapes_hold(tmp_path):
    spec = spec_of(tmp_path, sizes="1..3", more="configurations: {select: uniform, count: 11}")
    for refuse in (select, estimate_spaces):
        with pytest.raises(InputError, match=r"count: 11 were asked for, but only 10 configurations differ"):
            refuse(spec)

"""Supercells of every shape, declared by their sizes."""

from __future__ import annotations

from collections import Counter

import pytest

from matbench_defects.crystal.space import build_spaces
from matbench_defects.dataset.building import build_dataset
from matbench_defects.dataset.estimate import estimate_spaces
from matbench_defects.errors import InputError
from matbench_defects.labels.jobs import select
from matbench_defects.spec.loading import load_spec

SPEC = """
name: fcc
version: 1.0.0
title: Face-centred cubic alloys
parent: {spacegroup: Fm-3m, lattice: {a: 4.0}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
supercell: {sizes: SIZES}
sublattices: {Cu: {Cu: rest, Au: CONTENT}}
splits: {random: {train: 0.5, test: 0.5}}
"""


def spec_of(tmp_path, sizes="1..6", content="0..6", more=""):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("SIZES", sizes).replace("CONTENT", content) + more)
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
        ({"more": "configurations: {select: uniform, count: 2}"}, "only `all` goes with sizes of supercells"),
    ],
)
def test_a_mistake_names_its_place(tmp_path, arguments, message):
    with pytest.raises(InputError) as caught:
        build_spaces(spec_of(tmp_path, **arguments))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "spec.yaml") + ":")

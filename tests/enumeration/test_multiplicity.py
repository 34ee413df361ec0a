from __future__ import annotations

from collections import Counter

import pytest
from cases import space_of

from matbench_defects.enumeration import multiplicity
from matbench_defects.enumeration.counting import count_all, count_inequivalent
from matbench_defects.enumeration.multiplicity import count_by_multiplicity
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError


@pytest.mark.parametrize(
    ("parent", "supercell", "sublattices", "more"),
    [
        ("LiNiO2", "[2, 2, 1]", "{Li: {Li: [0, 1, 2, 3], vacancy: rest}}", ""),
        ("LiNiO2", "[2, 1, 1]", "{Li: {Li: 0..6, vacancy: rest}, Ni: {Ni: rest, Co: 1, Al: 1}}", ""),
        ("cubic", "[[1, 1, 0], [-1, 1, 0], [0, 0, 2]]", "{A: {sites: [Na], species: {Li: 1, K: 1, Na: 2}}}", ""),
        ("KFeO2", "[2, 1, 1]", "{K: {vacancy: 1..2, K: rest}}", "pathway: {species: K, cutoff: 3.9}"),
        ("gamma", "[2, 2, 2]", "{Pb: {Cd: [2, 4, 5], Pb: rest}}", ""),
    ],
)
def test_numbers_are_those_of_the_enumeration(parent, supercell, sublattices, more):
    space = space_of(parent, supercell, sublattices, more)
    for content in space.contents():
        found = count_by_multiplicity(space, content)
        assert found == Counter(enumerate_configurations(space, [content]).multiplicities.tolist())


def test_a_space_that_cannot_be_enumerated():
    space = space_of("MoS2", "[8, 8, 1]", "{X: {sites: [S], species: {vacancy: 7, Se: 6, S: rest}}}")
    content = space.contents()[0]
    found = count_by_multiplicity(space, content)
    assert sum(found.values()) == count_inequivalent(space, content) > 10**15
    assert sum(m * n for m, n in found.items()) == count_all(space, content)
    assert len(found) > 1


def test_too_many_subgroups_are_refused(monkeypatch):
    monkeypatch.setattr(multiplicity, "MOST_SUBGROUPS", 3)
    space = space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 6, vacancy: rest}}")
    with pytest.raises(InputError, match="enumerate it instead"):
        count_by_multiplicity(space, space.contents()[0])

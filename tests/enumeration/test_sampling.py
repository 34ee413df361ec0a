from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from cases import space_of
from scipy.stats import chisquare

from matbench_defects.crystal.configuration import Configuration
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.sampling import sample, sample_each_content
from matbench_defects.errors import InputError
from matbench_defects.spec.spaces import Conditions

SMALL = [
    ("LiNiO2", "[2, 2, 1]", "{Li: {Li: 3..5, vacancy: rest}}", ""),
    (
        "cubic",
        "[2, 2, 1]",
        "{A: {sites: [Na], species: {Li: 1..2, K: 1, Na: rest}}, B: {sites: [Cl], species: {Br: 2, Cl: rest}}}",
        "",
    ),
    ("KFeO2", "[2, 1, 1]", "{K: {vacancy: 1, K: rest}}", "pathway: {species: K, cutoff: 3.9}"),
]

CROWDED = """{M: {sites: [Mo], species: {vacancy: 4, W: 4, Mo: rest}},
    X: {sites: [S], species: {vacancy: 8, Se: 8, S: rest}}}"""


@pytest.mark.parametrize("case", SMALL)
@pytest.mark.parametrize("weighting", ["uniform", "by-multiplicity"])
def test_draws_have_their_distribution(case, weighting):
    parent, supercell, sublattices, more = case
    space = space_of(parent, supercell, sublattices, more)
    every = enumerate_configurations(space)
    number = max(2000, 60 * len(every))
    found = Counter(sample(space, number, 1, weighting, distinct=False).ids())
    observed = np.array([found[name] for name in every.ids()])
    assert observed.sum() == number
    weights = np.ones(len(every)) if weighting == "uniform" else every.multiplicities
    assert len(np.unique(every.multiplicities)) > 1
    assert chisquare(observed, weights / weights.sum() * number).pvalue > 1e-3
    # The test has the power to tell the two distributions apart.
    other = every.multiplicities if weighting == "uniform" else np.ones(len(every))
    assert chisquare(observed, other / other.sum() * number).pvalue < 1e-6


def test_a_space_too_large_to_enumerate():
    space = space_of("MoS2", "[8, 8, 1]", CROWDED)
    assert count_inequivalent(space, space.contents()[0]) > 10**15
    found = sample(space, 500, 3)
    ids = found.ids()
    assert len(set(ids)) == 500
    assert ids == sample(space, 500, 3).ids() != sample(space, 500, 4).ids()
    assert (found.multiplicities == 768).mean() > 0.99


@pytest.mark.slow
def test_ten_thousand_of_a_large_space():
    space = space_of("MoS2", "[8, 8, 1]", CROWDED)
    start = time.process_time()
    assert len(set(sample(space, 10_000, 0).ids())) == 10_000
    assert time.process_time() - start < 30  # three times the goal; a regression to enumeration never ends


def test_distinct_draws_of_a_whole_space():
    space = space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 0..12, vacancy: rest}}")
    every = enumerate_configurations(space).ids()
    assert sample(space, 87, 0).ids() == every
    assert set(sample(space, 10, 0).ids()) < set(every)
    with pytest.raises(InputError, match="only 87"):
        sample(space, 88, 0)


@pytest.mark.parametrize("weighting", ["uniform", "by-multiplicity"])
def test_each_content_gets_its_share(weighting):
    space = space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 0..12, vacancy: rest}}")
    found = sample_each_content(space, 5, 2, weighting)
    assert [len(part) for part in found.parts] == [min(5, n) for n in [1, 1, 3, 6, 11, 13, 17, 13, 11, 6, 3, 1, 1]]
    smaller = space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 6, vacancy: rest}}")
    assert sample_each_content(smaller, 5, 2, weighting).ids() == found.ids()[1 + 1 + 3 + 5 + 5 + 5 :][:5]


def test_draws_keep_conditions():
    space = space_of("LiNiO2", "[4, 4, 1]", "{Li: {Li: 8, vacancy: rest}}")
    where = Conditions.model_validate({"distances": [{"between": ["Li", "Li"], "at_least": 3.0}]})
    found = sample(space, 20, 0, where=where)
    for occupation in found.occupations:
        assert len(occupation) == 48
        crystal = Configuration(space, occupation).crystal
        lithium = [i for i, s in enumerate(crystal.species) if s == "Li"]
        distances = crystal.to_pymatgen().distance_matrix[np.ix_(lithium, lithium)]
        assert distances[np.triu_indices(8, 1)].min() >= 3.0
    impossible = Conditions.model_validate({"distances": [{"between": ["Li", "Li"], "at_least": 9.0}]})
    with pytest.raises(InputError, match="only 0"):
        sample(space, 1, 0, where=impossible)
    fuller = space_of("LiNiO2", "[4, 4, 1]", "{Li: {Li: 12, vacancy: rest}}")
    with pytest.raises(InputError, match="only 0 configurations differ; at most 1 Li fit"):
        sample(fuller, 1, 0, where=impossible)

"""Clusters: complete, symmetric, the same in every supercell; the expansions on them learn what they should."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs_for_tests import SALT_SPACES

from matbench_defects.columns import Quantity
from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.structures import structure_rows, structure_schema
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.models.clusters import cluster_counts, features, orbits
from matbench_defects.models.linear_fit import LinearFit
from matbench_defects.models.model import make_model
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.loading import load_spec
from matbench_defects.testing import samples


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("salt") / "spec.yaml"
    path.write_text(SALT_SPACES)
    return load_spec(path)


@pytest.fixture(scope="module")
def spaces(spec):
    return build_spaces(spec)


@pytest.fixture(scope="module")
def rows(spec):
    selected = {name: part for name, part in select(spec).items() if name != "hops"}
    spaces = {name: part.space for name, part in selected.items()}
    every = [row for part in selected.values() for row in part.rows]
    table = pa.Table.from_pylist(structure_rows(every, spaces), structure_schema(spaces))
    return Rows.of(table, Background(spec, "energy", Quantity("eV", "formula unit")))


def any_occupation(space, seed):
    """A configuration of any content, of pathways with one edge."""
    generator = np.random.default_rng(seed)
    kinds = [generator.integers(len(s.species), size=len(s.sites)) for s in space.sublattices]
    result = np.concatenate(kinds).astype(np.uint8)
    points = space.kind.points
    if points.blocks:
        result[points.sites[generator.integers(len(points))]] = points.mark
    return result


@given(seed=st.integers(0, 10**6), name=st.sampled_from(["small", "large", "hops"]))
def test_equivalent_configurations_have_equal_counts(spaces, seed, name):
    space = spaces[name]
    clusters = cluster_counts(space, 7.0, 6.0)
    occupation = any_occupation(space, seed)
    image = np.empty_like(occupation)
    image[space.group[np.random.default_rng(seed).integers(len(space.group))]] = occupation
    found = clusters.counts(np.array([occupation, image]))
    np.testing.assert_array_equal(found[0], found[1])


@given(seed=st.integers(0, 10**6))
def test_a_repeated_cell_has_the_same_clusters_twice(spaces, seed):
    small, large = spaces["small"], spaces["large"]
    occupation = any_occupation(small, seed)
    species = dict(zip(map(tuple, np.round(small.positions[small.variable_sites], 6)), occupation, strict=True))
    wrapped = large.positions[large.variable_sites] % [8.0, 8.0, 8.0]
    repeated = np.array([species[tuple(np.round(p, 6))] for p in wrapped], dtype=np.uint8)
    one, two = cluster_counts(small, 7.0, 6.0), cluster_counts(large, 7.0, 6.0)
    assert one.names == two.names
    np.testing.assert_array_equal(2 * one.counts(occupation[None]), two.counts(repeated[None]))
    np.testing.assert_allclose(
        features(small, occupation[None], 7.0, 6.0), features(large, repeated[None], 7.0, 6.0), rtol=1e-12
    )


def test_pairs_and_triplets_are_those_that_counting_by_hand_finds(spaces):
    """Every image of every defect in 27 cells around the first, all pairs and triplets with one point in the cell."""
    space = spaces["small"]
    clusters = cluster_counts(space, 5.0, 5.0)
    for seed in range(2):
        occupation = any_occupation(space, seed)
        points, kinds = [], []
        for shift in itertools.product((0, -1, 1), repeat=3):
            for s, r in zip(space.sublattices, space.ranges, strict=True):
                for site, number in zip(s.sites, occupation[r], strict=True):
                    if number < len(s.species) - 1:  # the last is the host's
                        points.append(space.positions[site] + np.array(shift) @ space.lattice)
                        kinds.append(f"{s.name}.{s.species[number]}")
        points, inside = np.array(points), len(points) // 27
        apart = np.linalg.norm(points[:, None] - points[None], axis=2)
        expected: dict[tuple, float] = {}
        for first, size in itertools.product(range(inside), (2, 3)):
            near = [j for j in range(first + 1, len(points)) if apart[first, j] <= 5.0]
            for others in itertools.combinations(near, size - 1):
                cluster = (first, *others)
                sides = [apart[i, j] for i, j in itertools.combinations(cluster, 2)]
                if max(sides) <= 5.0:
                    key = tuple(sorted(kinds[i] for i in cluster)), tuple(sorted(np.round(sides, 3).tolist()))
                    expected[key] = expected.get(key, 0) + sum(i < inside for i in cluster) / size
        found: dict[tuple, float] = {}
        for cluster, number in zip(clusters.names, clusters.counts(occupation[None])[0], strict=True):
            if len(cluster.defects) > 1 and number:
                key = cluster.defects, cluster.distances
                found[key] = found.get(key, 0) + number
        assert found == pytest.approx(expected)


def test_the_edge_of_a_pathway_is_a_pair(spaces):
    space = spaces["hops"]
    occupation = any_occupation(space, 0)
    clusters = cluster_counts(space, 4.1)
    ends = [i for i, c in enumerate(clusters.names) if c.defects == ("Na.edge", "Na.edge")]
    assert clusters.counts(occupation[None])[0, ends].tolist() == [1.0]


def test_weights_without_a_table_of_features_give_the_same_sum(spaces):
    clusters = cluster_counts(spaces["large"], 7.0, 6.0)
    occupations = np.array([any_occupation(spaces["large"], seed) for seed in range(20)])
    weights = np.random.default_rng(0).normal(size=len(clusters.names))
    np.testing.assert_allclose(
        clusters.weighted(occupations, weights), clusters.counts(occupations) @ weights, rtol=1e-9
    )


@pytest.mark.parametrize("name", ["cluster-expansion", "cluster-expansion-triplets"])
@pytest.mark.parametrize("per", ["formula unit", "cell", "atom", "defect site"])
def test_energies_of_pairs_are_learnt_in_two_supercells_and_screened_alike(rows, name, per):
    background = Background(rows.background.spec, "energy", Quantity("eV", per))
    rows = Rows(rows.table, background)
    values = np.empty(len(rows))
    for space_name in ("small", "large"):
        where, occupations = rows.occupations(space_name)
        space = background.spaces[space_name]
        clusters = cluster_counts(space, 6.0)
        weights = [len(c.defects) - sum(c.distances) / 10 for c in clusters.names]
        divisor = {
            "formula unit": space.formula_units,
            "cell": 1,
            "atom": rows.take(where).table["nsites"].to_numpy(),
            "defect site": [len(d) for d in rows.take(where).column("defect_species")],
        }[per]
        values[where] = clusters.counts(occupations) @ weights / divisor
    train, test = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    model = make_model(name, settings={"cutoff": 6.0})
    model.fit(rows.take(train), values[train], None)
    found = model.predict(rows.take(test)).values
    assert np.abs(found - values[test]).mean() < 0.03 * values.std()
    for space_name in ("small", "large"):
        where, occupations = rows.take(test).occupations(space_name)
        straight = model.occupation_values(background.spaces[space_name], occupations, per)
        np.testing.assert_allclose(straight, found[where], rtol=1e-9, atol=1e-12)


def test_an_element_that_no_training_row_had_is_refused(rows):
    bromine = np.array([n > 0 for n in rows.column("content_Cl_Br")])
    model = make_model("cluster-expansion")
    without = rows.take(np.flatnonzero(~bromine))
    model.fit(without, np.arange(len(without), dtype=float), None)
    with pytest.raises(InputError, match="no training row had Br"):
        model.predict(rows.take(np.flatnonzero(bromine)))


def test_too_many_clusters_are_refused(spaces, monkeypatch):
    monkeypatch.setattr(orbits, "MOST_CLUSTERS", 100)
    with pytest.raises(InputError, match="take a smaller cutoff"):
        cluster_counts(spaces["small"], 6.5, 6.5)


@pytest.mark.parametrize("name", ["cluster-expansion", "cluster-expansion-triplets"])
def test_what_energies_refer_to_changes_no_expansion(name):
    """Other reference energies add a function that is linear in composition to values, and just that to predictions."""
    sample = samples.structures()
    (train, values), (test, _) = sample.train, sample.test

    def lithium(rows):
        return 5.0 - 7.0 * np.array(rows.column("content_Li_Li")) / 12

    found = []
    for more in (np.zeros(len(train)), lithium(train)):
        model = make_model(name)
        model.fit(train, values + more, None)
        found.append(model.predict(test).values)
    assert np.ptp(found[0]) > 0.01
    np.testing.assert_allclose(found[1] - lithium(test), found[0], atol=1e-8)


def test_what_is_not_penalised_gets_its_least_squares():
    """Ridge regression with a penalty on some features alone, against the normal equations."""
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(0)
    features, values = random.normal(size=(30, 5)), random.normal(size=30)
    free = np.array([True, False, True, False, False])
    fit = LinearFit.of(Ridge(alpha=3.0), features, values, free)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    slopes = np.linalg.solve(scaled.T @ scaled + np.diag(3.0 * ~free), scaled.T @ (values - values.mean()))
    np.testing.assert_allclose(fit.predict(features), scaled @ slopes + values.mean(), atol=1e-10)

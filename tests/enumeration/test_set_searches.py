"""Every search for sets of sites finds the same ones, in the same order, with the same orders of what keeps them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matbench_defects.enumeration import pair_cosets
from matbench_defects.enumeration.dense import dense_subsets
from matbench_defects.enumeration.pair_cosets import pair_coset_subsets
from matbench_defects.enumeration.site_sets import number_of_sets
from matbench_defects.enumeration.subsets import _grow

LARGEST_GROUP = 1500


def generated(*permutations):
    """The group that permutations generate, or as much of it as makes a group of at most `LARGEST_GROUP`."""
    identity = tuple(range(len(permutations[0])))
    found = {identity}
    for new in permutations:
        together, edge = set(found), set(found)
        while edge and len(together) <= LARGEST_GROUP:
            edge = {
                tuple(g[i] for i in p) for p in edge for g in (*permutations[: permutations.index(new)], new)
            } - together
            together |= edge
        if len(together) > LARGEST_GROUP:
            break
        found = together
    return np.array(sorted(found), dtype=np.int32)


@st.composite
def groups(draw):
    size = draw(st.integers(4, 11))
    return generated(*draw(st.lists(st.permutations(range(size)).map(tuple), min_size=1, max_size=3, unique=True)))


@st.composite
def wide_groups(draw):
    """Groups on more sites than a word has bits: shifts and reflections of rows or grids, some side by side."""
    rows, columns, copies = draw(st.sampled_from([(1, 67, 1), (8, 9, 1), (5, 7, 2), (3, 11, 4), (1, 33, 2)]))
    site = np.arange(rows * columns * copies).reshape(copies, rows, columns)
    choices = [np.roll(site, 1, 1), np.roll(site, 1, 2), site[:, ::-1], site[:, :, ::-1], site[::-1]]
    chosen = draw(st.lists(st.sampled_from(range(len(choices))), min_size=1, max_size=4, unique=True))
    return generated(*{tuple(choices[i].ravel().tolist()): None for i in chosen})


def same(one, other):
    assert (one.sites == other.sites).all() and one.sites.shape == other.sites.shape
    assert (one.orders == other.orders).all()


def repeated(action, copies):
    return np.repeat(action, copies, axis=0)


@settings(max_examples=100, deadline=None)
@given(groups(), st.integers(3, 8), st.integers(1, 2))
def test_pairs_of_sites(action, count, copies):
    count = min(count, action.shape[1])
    action = repeated(action, copies)
    found = pair_coset_subsets(action, count)
    assert found.sites.shape[1] == number_of_sets(action, count)
    same(found, _grow(action, count, None))
    same(found, dense_subsets(action, count))


@settings(max_examples=15, deadline=None)
@given(wide_groups(), st.integers(3, 4))
def test_several_words(action, count):
    same(pair_coset_subsets(action, count), _grow(action, count, None))


@settings(max_examples=100, deadline=None)
@given(groups(), st.integers(3, 5), st.integers(0, 2**32 - 1))
def test_only_sites_that_may_be_together(action, count, seed):
    """What a group makes of pairs that may not be together may not be either."""
    size = action.shape[1]
    count = min(count, size)
    one, other = np.random.default_rng(seed).integers(0, size, 2)
    allowed = np.ones((size, size), dtype=bool)
    if one != other:
        allowed[action[:, one], action[:, other]] = allowed[action[:, other], action[:, one]] = False
    same(pair_coset_subsets(action, count, allowed), _grow(action, count, allowed))


@pytest.mark.parametrize("count", [3, 4, 5])
def test_two_threads_meet(monkeypatch, count):
    shifts = generated(tuple((i + 1) % 40 for i in range(40)), tuple(-i % 40 for i in range(40)))
    alone = pair_coset_subsets(shifts, count)
    monkeypatch.setattr(pair_cosets, "LARGE", 0)
    same(pair_coset_subsets(shifts, count), alone)
    assert alone.sites.shape[1] == number_of_sets(shifts, count)


def test_by_hand():
    """Three of six corners of a hexagon: neighbours, two neighbours and one apart (one way round), every second one."""
    turns = generated((1, 2, 3, 4, 5, 0), (0, 5, 4, 3, 2, 1))
    found = pair_coset_subsets(turns, 3)
    assert found.sites.T.tolist() == [[0, 1, 2], [0, 1, 3], [0, 2, 4]]
    assert found.orders.tolist() == [2, 1, 6]
    everything = {min(tuple(sorted(g[list(s)].tolist())) for g in turns) for s in itertools.combinations(range(6), 3)}
    assert sorted(everything) == [tuple(s) for s in found.sites.T.tolist()]

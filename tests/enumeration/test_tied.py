"""Contents whose numbers go together, on several sublattices."""

from __future__ import annotations

import pytest
from agreement import ids_by_every_command
from cases import every_occupation, orbits_of
from hypothesis import given, settings
from hypothesis import strategies as st

import matbench_defects as md
from matbench_defects.crystal.building import build_spaces
from matbench_defects.enumeration.counting import count_both
from matbench_defects.enumeration.sampling import sample
from matbench_defects.errors import InputError

SOURCE = {"source": "a test", "verified": False}
PLACES = {"Na.K": (0, 1), "Na.vacancy": (0, 2), "2 Cl.Br": (1, 1), "2 Cl.vacancy": (1, 2)}


def salt(tied, supercell=(2, 1, 1), most=2, **more):
    sites = {"Na": [0, 0, 0], "Cl": ["1/2", "1/2", "1/2"]}
    parent = {"spacegroup": "P4/mmm", "lattice": {"a": 4.0, "c": 5.0}, "sites": sites, "provenance": SOURCE}
    cations = {"Na": "rest", "K": f"0..{most}", "vacancy": f"0..{most}"}
    anions = {"Cl": "rest", "Br": f"0..{most}", "vacancy": f"0..{most}"}
    return {
        "name": "salt",
        "version": "1.0.0",
        "title": "A salt",
        "parent": parent,
        "supercell": supercell if isinstance(supercell, dict) else list(supercell),
        "sublattices": {"Na": cations, "2 Cl": {"sites": ["Cl"], "species": anions}},
        "tied": tied,
        **more,
    }


def only(spec):
    return next(iter(build_spaces(md.load_spec(spec)).values()))


TERM = st.tuples(st.integers(1, 3), st.sampled_from(sorted(PLACES)))
TERMS = st.lists(TERM, min_size=2, max_size=3, unique_by=lambda term: PLACES[term[1]])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(TERM, min_size=2, max_size=3, unique_by=lambda term: PLACES[term[1]]), min_size=1, max_size=2),
    st.data(),
)
def test_as_by_brute_force(ties, data):
    def holds(content):
        for terms in ties:
            numbers = {times * content[PLACES[name][0]][PLACES[name][1]] for times, name in terms}
            if len(numbers) > 1:
                return False
        return True

    written = [[name if times == 1 else f"{times} {name}" for times, name in terms] for terms in ties]
    space = only(salt(written))
    every = only(salt([])).contents()
    assert space.contents() == [c for c in every if holds(c)]
    content = data.draw(st.sampled_from(space.contents()))
    everything = list(every_occupation(space, content))
    assert count_both(space, content) == (len(everything), len(orbits_of(space, everything)))


def test_pairs_of_vacancies():
    """As many of a salt's cations are missing as of its anions."""
    space = only(salt([["Na.vacancy", "2 Cl.vacancy"], ["K", "Br"]]))
    assert {space.content_name(c) for c in space.contents()} == {
        "Na2.Cl2", "Na1Va1.Cl1Va1", "Va2.Va2", "Na1K1.Cl1Br1", "K1Va1.Br1Va1", "K2.Br2",
    }  # fmt: skip


def test_draws_keep_it():
    spec = salt([["2 K", "Br"]], (3, 3, 2), 8)
    space = only(spec)
    for one in sample(space, 50, 0):
        assert 2 * space.count(one.content, "K") == space.count(one.content, "Br")


@pytest.mark.slow
def test_every_command_means_the_same(tmp_path):
    spec = salt([["Na.vacancy", "2 Cl.vacancy"], ["K", "Br"]], {"sizes": 2}, 1)
    charges = {"Na": 1, "K": 1, "Cl": -1, "Br": -1}
    ids = ids_by_every_command({**spec, "configurations": {"where": {"charges": charges}}}, tmp_path, charges)
    # The host repeats a smaller cell, and so does what has all of a kind.
    assert {one.split(":")[1] for one in ids} == {"Na1Va1.Cl1Va1", "K1Va1.Br1Va1", "Na1K1.Cl1Br1"}


def test_what_is_not_tied_so_is_not_identified():
    one = next(c for c in md.load_spec(salt([])).space().enumerate() if c.content == ((1, 1, 0), (2, 0, 0)))
    found = md.load_spec(salt([["K", "Br"]])).identify(one.to_ase())
    assert found.id is None and found.reason.startswith("no content of the space has its composition")


def test_sizes_that_hold_nothing_are_named():
    spec = salt([["Na", "3 K"], ["Na.vacancy", "2 Cl.vacancy"]], {"sizes": "1..4"}, defects="1..9")
    assert "salt: the sizes" not in " ".join(md.load_spec(salt([], {"sizes": "1..2"})).check())
    fixed = {**spec, "sublattices": {**spec["sublattices"], "Na": {"Na": "rest", "K": "1..4", "vacancy": 0}}}
    assert md.load_spec(fixed).check()[0] == (
        "salt: the sizes 1, 2, 3 hold nothing, for no content adds up to their sites and goes together as `tied` says"
    )


@pytest.mark.parametrize(
    ("tied", "message"),
    [
        ([["K", "Bx"]], "tied: no content is called 'Bx' in salt; did you mean 'Br'"),
        ([["K", "2 Bx"]], "tied: no content is called 'Bx' in salt; did you mean 'Br'"),
        ([["K", "vacancy"]], "tied: no content is called 'vacancy' in salt; say which of Na.vacancy, 2 Cl.vacancy"),
        ([["K"]], "tied.0: .*at least 2 items"),
        ([["K", "-1 Br"]], "tied: no content is called '-1 Br'"),
        ([["K", "2 K"]], "tied: ties 'K' to '2 K', which is the same species"),
        ([["Br", "0 K"]], "tied: '0 K' is always zero"),
        (["K = Br"], "tied.0: input should be a valid list"),
    ],
)
def test_mistakes(tied, message):
    with pytest.raises(InputError, match=message):
        build_spaces(md.load_spec(salt(tied)))


def test_nothing_goes_together_so():
    spec = salt([["K", "3 Br"]])
    spec["sublattices"]["Na"] = {"Na": "rest", "K": 1}
    with pytest.raises(InputError, match="tied: no content has numbers that go together so"):
        build_spaces(md.load_spec(spec))

"""Contents as fractions of a sublattice's sites, over sizes of supercells."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from agreement import ids_by_every_command
from hypothesis import given
from hypothesis import strategies as st

import matbench_defects as md
from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.estimate import estimate_spaces
from matbench_defects.errors import InputError
from matbench_defects.spec.fields import Filling

SOURCE = {"source": "a test", "verified": False}


def alloy(gold, supercell, copper="rest", **more):
    parent = {"spacegroup": "Fm-3m", "lattice": {"a": 4.0}, "sites": {"Cu": [0, 0, 0]}, "provenance": SOURCE}
    return {
        "name": "fcc",
        "version": "1.0.0",
        "title": "An alloy",
        "parent": parent,
        "supercell": supercell,
        "sublattices": {"Cu": {"Cu": copper, "Au": gold}},
        **more,
    }


def two_coppers(sizes):
    """Two inequivalent copper sites, each 0.4 occupied."""
    sites = {
        "Cu1": {"species": "Cu", "position": [0, 0, 0]},
        "Cu2": {"species": "Cu", "position": ["1/2", "1/2", 0.5]},
        "S": [0, 0, 0.3],
    }
    held = {"Cu": {"fraction": 0.4}, "vacancy": "rest"}
    parent = {"spacegroup": "P4/mmm", "lattice": {"a": 4.0, "c": 7.0}, "sites": sites, "provenance": SOURCE}
    return {**alloy(0, {"sizes": sizes}), "parent": parent, "sublattices": {"Cu1": held, "Cu2": held}}


def by_content(spec):
    found = Counter()
    for one in estimate_spaces(md.load_spec(spec)):
        for content, _, inequivalent in one.by_content:
            found[len(one.space.cells.offsets), content[0][1]] += inequivalent
    return {key: number for key, number in found.items() if number}


@given(st.integers(0, 200), st.fractions(0, 1, max_denominator=50), st.fractions(0, 1, max_denominator=50))
def test_numbers_are_exact(sites, low, high):
    low, high = sorted((low, high))
    one = Filling.model_validate(Filling.parse({"fraction": str(low)}))
    some = Filling.model_validate(Filling.parse({"fraction": f"{low}..{high}"}))
    both = Filling.model_validate(Filling.parse({"fraction": [str(high), str(low)]}))
    every = range(sites + 1)
    assert one.numbers(sites) == tuple(n for n in every if low * sites == n)
    assert some.numbers(sites) == tuple(n for n in every if low * sites <= n <= high * sites)
    assert both.numbers(sites) == tuple(n for n in every if n in (low * sites, high * sites))
    assert both.not_whole(sites) == [str(x) for x in (high, low) if (x * sites).denominator > 1]


@pytest.mark.parametrize("written", [0.1, 0.7, "0.1", "1/10", 0.3, 1, 0, 0.07])
def test_decimals_are_what_they_say(written):
    """Not the binary number that lies next to them: 0.1 of ten sites is one."""
    share = Fraction(str(written))
    assert Filling.model_validate(Filling.parse({"fraction": written})).numbers(100) == (int(share * 100),)


def test_a_range_of_fractions_is_what_the_numbers_say():
    every = by_content(alloy("0..6", {"sizes": "1..6"}))
    for written, low, high in (("1/4..3/4", 0.25, 0.75), ("0.5..1", 0.5, 1), ("0..0", 0, 0)):
        found = by_content(alloy({"fraction": written}, {"sizes": "1..6"}))
        assert found == {(size, n): k for (size, n), k in every.items() if low * size <= n <= high * size}


def test_what_no_size_holds_is_named():
    spec = alloy({"fraction": ["1/2", "1/3"]}, {"sizes": "1..6"})
    every = by_content(alloy("0..6", {"sizes": "1..6"}))
    assert by_content(spec) == {(s, n): k for (s, n), k in every.items() if 2 * n == s or 3 * n == s}
    assert md.load_spec(spec).check() == [
        "fcc: 1/2 of Cu is no whole number for Au in the sizes 1, 3, 5, which hold none of that",
        "fcc: 1/3 of Cu is no whole number for Au in the sizes 1, 2, 4, 5, which hold none of that",
        "fcc: the sizes 1, 5 hold nothing, for no content adds up to their sites",
    ]
    assert md.load_spec(alloy({"fraction": ["1/2", "1/3"]}, [1, 1, 1])).check() == [
        "fcc: 1/3 of Cu is no whole number for Au in its 4 sites, which hold none of that"
    ]


def test_two_fifths_of_each_copper_site():
    spec = md.load_spec({**two_coppers("1..5"), "configurations": {"select": "uniform", "count": 10}})
    spaces = build_spaces(spec)
    assert {len(s.cells.offsets) for s in spaces.values()} == {5}
    assert {s.contents()[0] for s in spaces.values()} == {((2, 3), (2, 3))}
    numbers = {**two_coppers("5"), "supercell": {"sizes": 5}}
    numbers["sublattices"] = {k: {"Cu": 2, "vacancy": 3} for k in numbers["sublattices"]}
    assert [s.digest() for s in build_spaces(md.load_spec(numbers)).values()] == [s.digest() for s in spaces.values()]
    assert spec.check()[0].startswith("fcc: 0.4 of Cu1 is no whole number for Cu in the sizes 1, 2, 3, 4, which")


@pytest.mark.slow
def test_every_command_means_the_same(tmp_path):
    spec = alloy({"fraction": "1/4..1/2"}, {"sizes": "1..4"}, splits={"random": {"train": 0.5, "test": 0.5}})
    assert len(ids_by_every_command(spec, tmp_path, {"Cu": 1, "Au": 2})) == sum(by_content(spec).values())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            alloy({"fraction": 0.333}, [1, 1, 1]),
            "sublattices.Cu: 0.333 of 4 sites is no whole number for Au; the nearest is 1/4",
        ),
        (alloy({"fraction": "0.3..0.4"}, [1, 1, 1]), "sublattices.Cu: 0.3..0.4 of 4 sites is no whole number for Au"),
        (alloy({"fraction": "1/7"}, {"sizes": "1..6"}), "sublattices.Cu: 1/7 of 6 sites is no whole number for Au"),
        (alloy({"fraction": 40}, [1, 1, 1]), "sublattices.Cu.Au: a fraction of the sites is at most 1, not 40"),
        (alloy({"fraction": -0.5}, [1, 1, 1]), "a fraction such as 0.4, 1/3 or 40 %.* was expected, not -0.5"),
        (alloy({"fraction": "1/0"}, [1, 1, 1]), "was expected, not '1/0'"),
        (alloy({"fraction": float("nan")}, [1, 1, 1]), "was expected, not nan"),
        (alloy({"fraction": True}, [1, 1, 1]), "was expected, not True"),
        (alloy({"fraction": []}, [1, 1, 1]), r"was expected, not \[\]"),
        (alloy({"fraction": "0..1/2..1"}, [1, 1, 1]), "was expected, not '0..1/2..1'"),
        (alloy({"fraction": "3/4..1/4"}, [1, 1, 1]), "the range 3/4..1/4 runs backwards; write 1/4..3/4"),
        (alloy({"fracton": 0.5}, [1, 1, 1]), "did you mean 'fraction'"),
        (alloy({"fraction": 0.75}, [1, 1, 1], copper={"fraction": 0.5}), "the species add up to 5, but the supercell"),
        (alloy("0..4", [1, 1, 1], contents={"half": {"Au": {"fraction": 0.5}}}), "can be said in `sublattices` alone"),
        (alloy("0..4", [1, 1, 1], defects={"fraction": 0.5}), "can be said in `sublattices` alone"),
        (alloy(0, {"sizes": {"fraction": 0.5}}), "can be said in `sublattices` alone"),
    ],
)
def test_mistakes(spec, message):
    with pytest.raises(InputError, match=message):
        build_spaces(md.load_spec(spec))


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("40 %", {"fraction": "2/5"}),
        ("40%", {"fraction": "2/5"}),
        ("12.5 %", {"fraction": "1/8"}),
        (0.4, {"fraction": 0.4}),
        ("0.4", {"fraction": 0.4}),
        ("1/3", {"fraction": "1/3"}),
        ("0.25..0.75", {"fraction": "0.25..0.75"}),
        ("25 % .. 75 %", {"fraction": "1/4..3/4"}),
        ("25..75 %", {"fraction": "1/4..3/4"}),
        (["25 %", 0, 0.5], {"fraction": [0.25, 0, 0.5]}),
    ],
)
def test_fractions_as_they_are_spoken(written, same):
    one, other = (Filling.model_validate(Filling.parse(each)) for each in (written, same))
    assert [one.numbers(sites) for sites in range(60)] == [other.numbers(sites) for sites in range(60)]


def test_spoken_fractions_in_a_spec():
    assert by_content(alloy("50 %", {"sizes": "1..4"})) == by_content(alloy({"fraction": 0.5}, {"sizes": "1..4"}))
    for written, message in (
        ([0.25, 2], r"\[0\.25, 2\] mixes numbers of sites and fractions of them"),
        ("140 %", "a fraction of the sites is at most 1, not 140 %"),
        (2.0, r"at most 1, not 2\.0; a number of sites is written without point or sign"),
        ("33 %", "33 % of 4 sites is no whole number for Au; the nearest is 1/4"),
        ("40 %%", "was expected, not '40 %%'"),
    ):
        with pytest.raises(InputError, match=message):
            build_spaces(md.load_spec(alloy(written, [1, 1, 1])))

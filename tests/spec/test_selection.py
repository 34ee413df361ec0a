"""Named contents, numbers of defects, strata and listed configurations."""

from __future__ import annotations

import json

import pytest
from rich.console import Console
from specs_for_tests import SHEET

from matbench_defects.cli.commands.crystal import show_check
from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.contents import defect_count
from matbench_defects.dataset.check import check_spec
from matbench_defects.dataset.estimate import estimate_spaces
from matbench_defects.enumeration.counting import count_inequivalent
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

TYPES = "contents: {X1: {X.vacancy: 1}, X5: {X.vacancy: 1, Se: 1}, V2: {M.vacancy: 1, X.vacancy: 1}}\n"


def load(tmp_path, more: str):
    path = tmp_path / "spec.yaml"
    path.write_text(SHEET + more)
    return load_spec(path)


def refusal(tmp_path, more: str) -> str:
    with pytest.raises(InputError) as caught:
        spec = load(tmp_path, more)
        estimate_spaces(spec)
        select(spec)
    assert caught.value.line is not None
    return str(caught.value)


def test_named_contents_are_the_only_ones(tmp_path):
    space = build_spaces(load(tmp_path, TYPES))["sheet"]
    every = build_spaces(load(tmp_path, ""))["sheet"]
    assert sorted(space.meant.values()) == ["V2", "X1", "X5"]
    for content, name in space.meant.items():
        assert defect_count(space, content) == {"X1": 1, "X5": 2, "V2": 2}[name]
        assert count_inequivalent(space, content) == count_inequivalent(every, content)
    # A name limits a space and does not change what an id stands for.
    assert space.digest() == every.digest() and set(space.contents()) < set(every.contents())


def test_a_number_of_defects_limits_contents(tmp_path):
    space = build_spaces(load(tmp_path, "defects: [1, 3]\n"))["sheet"]
    every = build_spaces(load(tmp_path, ""))["sheet"].contents()
    host = ((0, 0, 9), (0, 0, 18))
    assert host in every
    by_hand = {c for c in every if (9 - c[0][2]) + (18 - c[1][2]) in (1, 3)}
    assert set(space.contents()) == by_hand and len(by_hand) < len(every)


def test_strata_give_what_they_ask_for(tmp_path):
    strata = "[{contents: [X1, X5], count: all}, {contents: [V2], count: 2}]"
    spec = load(tmp_path, f"{TYPES}configurations: {{select: uniform, seed: 3, strata: {strata}}}\n")
    chosen = select(spec)["sheet"]
    names = [chosen.space.meant[chosen.space.content(o)] for o in chosen.labelled.occupations]
    counts = {n: count_inequivalent(chosen.space, c) for c, n in chosen.space.meant.items()}
    assert {n: names.count(n) for n in names} == {"X1": 1, "X5": counts["X5"], "V2": 2} and counts["V2"] > 2
    assert [e.labelled for e in estimate_spaces(spec)] == [len(names)]
    # A draw does not depend on the other strata.
    alone = load(
        tmp_path, f"{TYPES}configurations: {{select: uniform, seed: 3, strata: [{{contents: [V2], count: 2}}]}}\n"
    )
    drawn = set(chosen.labelled.ids()) & set(select(alone)["sheet"].labelled.ids())
    assert len(drawn) == 2


def test_strata_by_numbers(tmp_path):
    more = (
        "configurations: {select: by-multiplicity, strata: [{defects: 2, content: {W: 0, M.vacancy: 0}, count: 4}]}\n"
    )
    chosen = select(load(tmp_path, more))["sheet"]
    contents = [chosen.space.content(o) for o in chosen.labelled.occupations]
    assert len(contents) == 4
    assert all(c[0] == (0, 0, 9) and c[1][2] == 16 for c in contents)


def test_listed_configurations_are_labelled_besides(tmp_path):
    ids = select(load(tmp_path, TYPES))["sheet"].labelled.ids()
    one = next(i for i in ids if ":Va1Mo8.Va1S17:" in i)
    more = f"{TYPES}configurations: {{select: uniform, strata: [{{contents: [X1], count: all}}], also: ['{one}']}}\n"
    assert one in select(load(tmp_path, more))["sheet"].labelled.ids()


@pytest.mark.parametrize(
    "chosen",
    [
        "strata: [{contents: [X1, X5], count: all}, {contents: [V2], count: 2}]",
        "strata: [{contents: [X1, V2, X5], count: 3}]",
        "count: 5",
        "per_content: 2",
        "per_content: 100",
    ],
)
def test_what_is_listed_and_drawn_is_counted_once(tmp_path, chosen):
    selection = f"select: uniform, seed: 3, {chosen}"
    drawn = select(load(tmp_path, f"{TYPES}configurations: {{{selection}}}\n"))["sheet"].labelled.ids()
    others = set(select(load(tmp_path, TYPES))["sheet"].labelled.ids()) - set(drawn)
    also = [*drawn[:2], *sorted(others)[:2], drawn[-1], drawn[-1]]
    spec = load(tmp_path, f"{TYPES}configurations: {{{selection}, also: {json.dumps(also)}}}\n")
    (estimate,) = estimate_spaces(spec)
    assert (estimate.labelled, estimate.exact) == (len(select(spec)["sheet"].labelled), True)
    assert estimate.labelled == len(drawn) + min(len(others), 2)


def test_a_count_that_would_take_long_is_the_most_there_may_be(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("matbench_defects.enumeration.selection_size.LARGEST_DRAW", 2)
    drawing = "select: uniform, seed: 3, count: 5"
    drawn = select(load(tmp_path, f"{TYPES}configurations: {{{drawing}}}\n"))["sheet"].labelled.ids()
    listing = f"configurations: {{{drawing}, also: {json.dumps(drawn[:1])}}}\n"
    (estimate,) = estimate_spaces(load(tmp_path, TYPES + listing))
    assert (estimate.labelled, estimate.exact) == (6, False)
    ewald = "labels: [{engine: ewald, charges: {Mo: 4, W: 4, S: -2, Se: -2}}]\n"
    load(tmp_path, TYPES + listing + ewald)
    show_check(check_spec(str(tmp_path / "spec.yaml")), Console())
    assert "label ewald_static: 5 wanted" in capsys.readouterr().out  # so few are drawn for the sake of splits
    monkeypatch.setattr("matbench_defects.dataset.validation.MOST_ROWS", 2)
    show_check(check_spec(str(tmp_path / "spec.yaml")), Console())
    assert "label ewald_static: at most 6 wanted" in capsys.readouterr().out


def test_all_of_a_space_are_all_though_some_are_listed(tmp_path):
    every = select(load(tmp_path, TYPES))["sheet"].labelled.ids()
    listing = f"{TYPES}configurations: {{also: {json.dumps(every[:2])}}}\n"
    assert [(e.labelled, e.exact) for e in estimate_spaces(load(tmp_path, listing))] == [(len(every), True)]
    charges = "where: {charges: {Mo: 4, W: 4, S: -2, Se: -2}}"
    (estimate,) = estimate_spaces(load(tmp_path, f"{TYPES}configurations: {{{charges}}}\n"))
    # Oxidation states leave nothing neutral; conditions are counted, and no upper bound is given.
    assert (estimate.inequivalent, estimate.labelled, estimate.exact, estimate.counted) == (0, 0, True, True)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("contents: {X9: {Se: 3}}\n", "'X9' is no content"),
        ("contents: {A: {Se: 1}, B: {X.Se: 1}}\n", "are the same content"),
        ("contents: {A: {Si: 1}}\n", "no content is called 'Si'"),
        ("defects: 9\n", "no content has 9 sites"),
        (
            f"{TYPES}configurations: {{select: uniform, strata: [{{contents: [X2], count: 1}}]}}\n",
            "no content of sheet is called 'X2'; did you mean",
        ),
        (
            f"{TYPES}configurations: {{select: uniform, strata: [{{contents: [X1], count: 5}}]}}\n",
            "5 were asked for, but only 1 configurations differ",
        ),
        (
            f"{TYPES}configurations: {{select: uniform, strata: [{{count: 1}}, {{contents: [X1], count: 1}}]}}\n",
            "two strata hold the content",
        ),
        (
            f"{TYPES}configurations: {{select: uniform, strata: [{{count: 1}}], also: ['sheet:X:0']}}\n",
            "'sheet:X:0' is not the id of a configuration of sheet",
        ),
        ("configurations: {select: uniform, count: 1, strata: [{count: 1}]}\n", "one of them"),
    ],
)
def test_mistakes_are_named(tmp_path, more, message):
    assert message in refusal(tmp_path, more)


def test_a_space_that_is_not_enumerated_is_still_counted(tmp_path, monkeypatch):
    spec = load(tmp_path, f"{TYPES}configurations: {{select: uniform, count: 3, seed: 0}}\n")
    enumerated = select(spec)["sheet"]
    monkeypatch.setattr("matbench_defects.enumeration.selection.LARGEST_INDEX", 3)
    sampled = select(spec)["sheet"]
    assert (enumerated.whole, sampled.whole) == (True, False)
    assert sampled.count() == enumerated.count() and len(sampled.configurations) == 3 < sampled.count()[1]
    assert sampled.labelled.ids() == enumerated.labelled.ids()


def test_an_id_that_is_none_is_told_where_it_stands(tmp_path):
    selection = "configurations: {select: uniform, count: 3, also: [sheet:nothing:0]}\n"
    with pytest.raises(InputError, match="nothing") as caught:
        select(load(tmp_path, selection))
    assert caught.value.field == "configurations.also"

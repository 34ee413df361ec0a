"""What belongs to a spec is the same for every command: the sizes of supercells and conditions mean one thing."""

from __future__ import annotations

import json
import re
from collections import Counter

import pyarrow.parquet as pq
import pytest
from ase import Atoms

import matbench_defects as md
from matbench_defects.dataset.check import check_spec
from matbench_defects.dataset.plan import plan
from matbench_defects.enumeration.sampling import sample
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError

HEAD = {"version": "0.1.0", "title": "a test"}
SOURCE = {"source": "a test", "verified": False}
ARGYRODITE = {
    "spacegroup": "F-43m",
    "lattice": {"a": 9.859},
    "sites": {
        "Li": [0.183, 0.183, 0.024],
        "P": [0, 0, "1/2"],
        "S3": {"species": "S", "position": [0.1195, 0.1195, 0.6195]},
        "S4a": {"species": "S", "position": [0, 0, 0]},
        "S4d": {"species": "S", "position": ["1/4", "1/4", "1/4"]},
    },
    "provenance": SOURCE,
}


def binary(sizes: object, content: object, more: dict | None = None) -> dict:
    """Return a spec of gold and palladium on an fcc lattice."""
    parent = {"spacegroup": "Fm-3m", "lattice": {"a": 4.0}, "sites": {"Au": [0, 0, 0]}, "provenance": SOURCE}
    sublattices = {"Au": {"Au": "rest", "Pd": content}}
    spec = {"name": "fcc", **HEAD, "parent": parent, "supercell": {"sizes": sizes}, "sublattices": sublattices}
    return {**spec, **(more or {})}


def written(spec: dict, folder) -> str:
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec))
    return str(path)


def by_size(estimates) -> dict[int, int]:
    found: Counter[int] = Counter()
    for one in estimates:
        found[len(one.space.cells.offsets)] += one.inequivalent
    return dict(found)


def test_every_command_means_the_same_configurations(tmp_path):
    """2, 2, 6 and 19: 29, and not the 61 that come with repetitions of smaller cells."""
    name = written(binary("1..4", "0..4"), tmp_path)
    spec = md.load_spec(name)
    enumerated, counted = [], 0
    for space in map(spec.space, spec.space_names):
        assert space.write(tmp_path / f"{space.name}.parquet") == space.count().inequivalent
        table = pq.read_table(tmp_path / f"{space.name}.parquet")
        enumerated += table["id"].to_pylist()
        assert sum(table["multiplicity"].to_pylist()) == space.count().total
        assert [one.id for one in space.enumerate()] == table["id"].to_pylist()
        counted += space.count().inequivalent
        for one in space.enumerate():
            assert spec.identify(one.to_ase()).id == space.identify(one.to_ase()).id == one.id
        if space.count().inequivalent:
            drawn = sample(space.space, space.count().inequivalent, 0)
            assert drawn.ids() == table["id"].to_pylist()
    assert counted == 29
    assert by_size(check_spec(name).spaces) == {1: 2, 2: 2, 3: 6, 4: 19}
    assert sorted(plan(spec).rows.ids()) == sorted(enumerated) == sorted(set(enumerated))


@pytest.mark.slow
def test_published_counts_by_size(tmp_path):
    found = by_size(check_spec(written(binary("1..9", "0..9"), tmp_path)).spaces)
    assert list(found.values()) == [2, 2, 6, 19, 28, 80, 104, 390, 504] and sum(found.values()) == 1135


def test_one_crystal_has_one_id_whichever_cell_it_comes_in():
    spec = md.load_spec(binary("1..4", "0..4"))
    positions = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    conventional = Atoms("Au2Pd2", scaled_positions=positions, cell=[4.03, 4.03, 3.98], pbc=True)
    primitive = Atoms("AuPd", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=[2.85, 2.85, 4.0], pbc=True)
    found = [spec.identify(one) for one in (conventional, primitive, primitive.repeat((2, 1, 3)))]
    assert len({one.id for one in found}) == 1
    assert [one.copies for one in found] == [2, 1, 6]
    assert found[0].id in plan(spec).rows.ids()
    # A dataset of other sizes does not hold it.
    other = md.load_spec(binary("3..4", "0..4")).identify(conventional)
    assert other.id is None and other.reason == "it repeats a cell of 2 parent cells, and the sizes of fcc are 3, 4"


def test_conditions_are_counted(tmp_path):
    far = {"where": {"distances": [{"between": ["Pd", "Pd"], "at_least": 3.5}]}}
    for spec in (
        binary("1..6", "0..3", {"configurations": far}),
        {**binary(1, "0..3", {"configurations": far}), "supercell": [2, 2, 1]},
    ):
        found = check_spec(written(spec, tmp_path))
        rows = plan(md.load_spec(spec)).rows
        assert sum(one.inequivalent for one in found.spaces) == sum(one.labelled for one in found.spaces) == len(rows)
        assert sum(one.every for one in found.spaces) == sum(row.multiplicity for row in rows)
        assert found.exact and all(one.counted for one in found.spaces)
        without = {k: v for k, v in spec.items() if k != "configurations"}
        assert len(plan(md.load_spec(without)).rows) > len(rows) > 3


def test_labels_wanted_under_conditions(tmp_path):
    """Four inequivalent for each of four contents, of 64 arrangements that are allowed."""
    spec = {
        "name": "argyrodite",
        **HEAD,
        "parent": ARGYRODITE,
        "supercell": {"sizes": 1},
        "sublattices": {
            "Li": {"Li": 6, "vacancy": 6},
            "4a": {"sites": ["S4a"], "species": {"S": "0..1", "Cl": "0..1"}},
            "4d": {"sites": ["S4d"], "species": {"S": "0..1", "Cl": "0..1"}},
        },
        "configurations": {"where": {"distances": [{"between": ["Li", "Li"], "at_least": 2.0}]}},
        "labels": [{"engine": "ewald", "charges": {"Li": 1, "P": 5, "S": -2, "Cl": -1}, "background": True}],
    }
    found = check_spec(written(spec, tmp_path))
    assert [one[1:] for one in found.spaces[0].by_content] == [(64, 4)] * 4
    assert [label.wanted for label in found.labels] == [16] and len(plan(md.load_spec(spec)).rows) == 16


def test_sizes_that_hold_nothing_are_named(tmp_path):
    parent = {
        "spacegroup": "P4/mmm",
        "lattice": {"a": 4.0, "c": 7.0},
        "sites": {
            "Cu1": {"species": "Cu", "position": [0, 0, 0]},
            "Cu2": {"species": "Cu", "position": ["1/2", "1/2", 0.5]},
            "S": [0, 0, 0.3],
        },
        "provenance": SOURCE,
    }
    sublattices = {"Cu1": {"Cu": 2, "vacancy": 3}, "Cu2": {"Cu": 2, "vacancy": 3}}
    spec = {"name": "cu", **HEAD, "parent": parent, "supercell": {"sizes": "1..5"}, "sublattices": sublattices}
    spec["configurations"] = {"select": "uniform", "count": 10}
    name = written(spec, tmp_path)
    said = "cu: the sizes 1, 2, 3, 4 hold nothing, for no content adds up to their sites"
    assert said in check_spec(name).warnings
    assert md.load_spec(name).check() == [said]
    heard: list[str] = []
    md.build(name, tmp_path / "out", say=heard.append)
    md.label({**spec, "labels": [{"engine": "ewald", "charges": {"Cu": 1, "S": -1}, "background": True}]},
             tmp_path / "labels", workers=1, say=heard.append)  # fmt: skip
    assert heard == [said, said]
    # Where contents add up, but only to repetitions, that is the reason.
    assert md.load_spec(binary("1..3", 0)).check() == [
        "fcc: the sizes 2, 3 hold nothing, for all that they hold repeats a smaller cell"
    ]


def test_a_draw_of_one_shape_repeats_no_smaller_cell():
    spec = md.load_spec(binary(4, 2))
    for space in map(spec.space, spec.space_names):
        meant = {one.id for one in space.enumerate()}
        if meant:
            assert {one.id for one in space.sample(len(meant))} == meant
        with pytest.raises(InputError, match="were asked for, but only"):
            space.sample(len(meant) + 1)


def test_what_conditions_leave_out_is_not_identified_and_cannot_be_listed():
    where = {"where": {"distances": [{"between": ["Pd", "Pd"], "at_least": 3.5}]}}
    whole = {**binary(1, 2), "supercell": [2, 2, 2]}
    spec = md.load_spec({**whole, "configurations": where})
    every = list(md.load_spec(whole).space().enumerate())
    refused = [one.id for one in every if spec.identify(one.to_ase()).id is None]
    kept = {one.id for one in spec.space().enumerate()}
    assert kept and refused and kept.isdisjoint(refused) and len(kept) + len(refused) == len(every)
    reason = spec.identify(md.load_spec(whole).space().configuration(refused[0]).to_ase()).reason
    assert reason == f"is {refused[0]}, which is not meant: its Pd and Pd are nearer than `where` allows"
    drawn = {"select": "uniform", "count": 1, "also": refused[:1], **where}
    with pytest.raises(InputError, match="is not meant: its Pd and Pd"):
        md.load_spec({**whole, "configurations": drawn}).check()


CHLORIDE = {
    "name": "case",
    "version": "1.0.0",
    "title": "A case",
    "parent": {
        **{"spacegroup": "Pm-3m", "lattice": {"a": 4.0}, "provenance": {"source": "a test"}},
        "sites": {"Cs": [0, 0, 0], "Cl": ["1/2", "1/2", "1/2"]},
    },
    "supercell": [2, 2, 2],
    "sublattices": {"Cl": {"Cl": "rest", "Br": "0..4", "vacancy": "0..1"}},
}
SYMMETRIC = {"symmetry_order": {"at_least": 100}}
APART = {"distances": [{"between": ["Br", "Br"], "at_least": 6}]}


@pytest.mark.parametrize("weighting", ["uniform", "by-multiplicity"])
@pytest.mark.parametrize("where", [SYMMETRIC, APART], ids=["symmetric", "apart"])
def test_a_content_that_fulfils_nothing_gives_nothing(tmp_path, weighting, where):
    """Each content gives two, or what it has, which may be none; strata of such contents too."""
    every = list(md.load_spec({**CHLORIDE, "configurations": {"where": where}}).space().enumerate())
    held = Counter(one.content for one in every)
    assert 1 in held.values() and len(held) < len(md.load_spec(CHLORIDE).space().contents)
    drawn = {"select": weighting, "where": where}
    spec = md.load_spec({**CHLORIDE, "configurations": {**drawn, "per_content": 2}})
    chosen = Counter(one.content for one in select(spec)["case"].rows)
    assert chosen == {content: min(2, number) for content, number in held.items()}
    (tmp_path / "spec.yaml").write_text(json.dumps({**CHLORIDE, "configurations": {**drawn, "per_content": 2}}))
    assert check_spec(str(tmp_path / "spec.yaml")).spaces[0].labelled == chosen.total()
    strata = [{"content": {"Br": number}, "count": "all"} for number in range(5)]
    spec = md.load_spec({**CHLORIDE, "configurations": {**drawn, "strata": strata}})
    assert Counter(one.content for one in select(spec)["case"].rows) == held


EXCLUDED = {**CHLORIDE, "exclude": [{"between": ["Br", "Br"], "closer_than": 4.5}]}
REPEATED = {
    **{**CHLORIDE, "supercell": {"sizes": "1..4"}, "exchange": ["Cl", "Br"]},
    "sublattices": {"Cl": {"Cl": "rest", "Br": "0..4"}},
}


@pytest.mark.parametrize(
    ("spec", "of", "reason"),
    [
        (EXCLUDED, CHLORIDE, "its Br and Br are nearer than `exclude` allows"),
        ({**CHLORIDE, "configurations": {"where": APART}}, CHLORIDE, "its Br and Br are nearer than `where` allows"),
        (
            *({**CHLORIDE, "configurations": {"where": SYMMETRIC}}, CHLORIDE),
            "48 operations keep it, which `where` does not allow",
        ),
        (REPEATED, None, "it repeats a smaller cell, to which it belongs"),
    ],
    ids=["excluded", "apart", "symmetric", "repeated"],
)
def test_ids_of_what_is_not_meant_are_refused_everywhere(tmp_path, spec, of, reason):
    if of is None:  # both atoms of the smallest shape alike
        id_, space = "case-2-1:Br2:0", md.load_spec(spec).space("case-2-1")
    else:
        meant = {one.id for one in md.load_spec(spec).space().enumerate()}
        space = md.load_spec(spec).space()
        whole = md.load_spec(of).space()
        not_meant = [one.id for one in whole.enumerate() if one.id not in meant]
        id_ = next(one for one in not_meant if reason[:3] != "48 " or whole.configuration(one).symmetry_order == 48)
        assert all(space.configuration(one).id == one for one in meant)
    path = tmp_path / "case"
    path.mkdir()
    (path / "spec.yaml").write_text(json.dumps(spec))
    message = re.escape(f"'{id_}' is not meant: {reason}")
    with pytest.raises(InputError, match=message):
        space.configuration(id_)
    with pytest.raises(InputError, match=message):
        md.to_pymatgen({"id": id_}, of=path)
    with pytest.raises(InputError, match=message):
        md.export(str(path), tmp_path / "out", "cif", ids=[id_])
    assert not (tmp_path / "out").exists()


def test_what_targets_refer_to_may_break_conditions_but_no_exclusion():
    targets = {
        "labels": [{"engine": "ewald", "charges": {"Cs": 1, "Cl": -1, "Br": -1}}],
        "targets": {"formation_energy": {"unit": "eV", "per": "atom", "end_members": [{"Br": 0}, {"Br": 8}]}},
        "sublattices": {"Cl": {"Cl": "rest", "Br": "0..8"}},
    }
    spec = md.load_spec({**CHLORIDE, **targets, "configurations": {"where": APART}})
    assert spec.space().configuration("case:Br8:0").id == "case:Br8:0"
    with pytest.raises(InputError, match="not meant: its Br and Br are nearer than `exclude`"):
        md.load_spec({**EXCLUDED, **targets}).space().configuration("case:Br8:0")


def test_what_empties_a_space_is_named(tmp_path):
    """Without symmetry in demand there are some; and an exclusion that leaves none is named itself."""
    where = {"where": {"symmetry_order": {"at_least": 2, "at_most": 10}}}
    for selection in (where, {**where, "select": "uniform", "per_content": 2}):
        with pytest.raises(InputError, match=r"none fulfils `where`"):
            plan(md.load_spec({**EXCLUDED, "configurations": selection}))
    full = {**EXCLUDED, "sublattices": {"Cl": {"Cl": "rest", "Br": 6}}}
    with pytest.raises(InputError, match=r"exclude: leaves no configuration; at most 4 Br fit"):
        plan(md.load_spec(full))


def test_sizes_that_exclusions_empty_are_named(tmp_path):
    """The nearest atoms are 2.83 Å apart, so that one of four is of palladium at most."""
    none_near = {"exclude": [{"between": ["Pd", "Pd"], "closer_than": 3.0}]}
    assert md.load_spec(binary("1..4", "0..4", none_near)).check() == [
        "fcc: the sizes 2, 3 hold nothing, for all that they hold repeats a smaller cell or is excluded by `exclude`"
    ]
    assert md.load_spec(binary("2..4", "1..4", none_near)).check() == [
        "fcc: the sizes 2, 3 hold nothing, for `exclude` leaves no configuration of them"
    ]

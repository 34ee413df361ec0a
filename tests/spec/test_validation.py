"""`check`, `label`, `build` and `enumerate` refuse the same specs, with the same words, before they write anything."""

from __future__ import annotations

import copy
import json

import pytest

import matbench_defects as md
from matbench_defects.dataset.plan import plan
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

GOOD = {
    "name": "salt",
    "version": "1.0.0",
    "title": "Rock salt",
    "parent": {
        "spacegroup": "Fm-3m",
        "lattice": {"a": 5.6},
        "sites": {"Na": [0, 0, 0], "Cl": ["1/2", "1/2", "1/2"]},
        "provenance": {"source": "a test", "verified": False},
    },
    "supercell": [1, 1, 2],
    "sublattices": {"Na": {"Na": "rest", "K": "0..8"}},
    "configurations": {"select": "uniform", "count": 20, "seed": 1},
    "labels": [{"engine": "ewald", "charges": {"Na": 1, "K": 1, "Cl": -1}, "background": True}],
    "targets": {"formation_energy": {"unit": "eV", "per": "atom", "end_members": [{"Na": 8}, {"Na": 0}]}},
    "splits": {"random": {"train": 0.6, "test": 0.4}},
}
SIZES = {"supercell": {"sizes": "1..3"}, "targets": {}, "sublattices": {"Na": {"Na": "rest", "K": "0..3"}}}
DISTANCE = [{"between": ["K", "K"], "at_least": 30.0}]
BAD: dict[str, dict] = {
    "no such site": {"sublattices": {"Li": {"Li": "rest", "K": 1}}},
    "too many": {"configurations": {"select": "uniform", "count": 10_000}},
    "too many of sizes": {**SIZES, "configurations": {"select": "uniform", "count": 10_000}},
    "no such id": {"configurations": {"select": "uniform", "count": 3, "also": ["salt:K1Na7:zz"]}},
    "an id of another space": {"configurations": {"select": "uniform", "count": 3, "also": ["pepper:K1Na7:0"]}},
    "a condition on what is not there": {
        "configurations": {"where": {"distances": [{"between": ["Li", "K"], "at_least": 3.0}]}}
    },
    "a charge is missing": {"configurations": {"where": {"charges": {"Na": 1}}}},
    "a charge is missing, sizes": {**SIZES, "configurations": {"where": {"charges": {"Na": 1}}}},
    "nothing fulfils the conditions": {
        "sublattices": {"Na": {"Na": "rest", "K": "2..8"}},
        "targets": {},
        "configurations": {"where": {"distances": DISTANCE}},
    },
    "a draw under conditions": {
        "targets": {},
        "configurations": {"select": "uniform", "count": 20, "where": {"distances": DISTANCE}},
    },
    "strata share a content": {
        "configurations": {"select": "uniform", "strata": [{"count": 1}, {"content": {"K": 1}, "count": 1}]}
    },
    "no such content in a stratum": {
        "configurations": {"select": "uniform", "strata": [{"contents": ["X1"], "count": 1}]}
    },
    "no such engine": {"labels": [{"engine": "vasp"}]},
    "an engine without its charges": {"labels": [{"engine": "ewald"}]},
    "no such target": {"targets": {"colour": {"unit": "eV"}}},
    "no such split": {"splits": {"random": {"by": "colour", "train": 0.5, "test": 0.5}}},
    "a split that keeps nothing apart": {
        "splits": {"random": {"train": 0.6, "test": 0.4, "keep_apart": ["content"]}},
        "configurations": {"select": "uniform", "count": 50},
    },
    "a fold of what is not there": {"splits": {"folds": {"by": "k-fold", "folds": 1000}}},
    "free energies of a sample": {"thermodynamics": {"temperatures": [0, 300]}},
    "strata and sizes": {**SIZES, "configurations": {"select": "uniform", "strata": [{"count": 1}]}},
    "a label of rows that are not there": {
        "labels": [
            {
                "engine": "sevennet",
                "model": "7net-0",
                "name": "first",
                "relax": {"cell": False},
            },
            {
                "engine": "ewald",
                "name": "second",
                "charges": {"Na": 1, "K": 1, "Cl": -1},
                "background": True,
                "structures": "first",
                "configurations": {"also": ["salt:Na8:1"]},
            },
        ],
        "targets": {},
    },
}


def refusal(act) -> str:
    """Return why something is refused; empty where it is not."""
    try:
        act()
    except InputError as error:
        return str(error)
    return ""


def refusals(spec: dict, tmp_path) -> dict[str, str]:
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(spec, indent=1))
    return {
        "check": refusal(lambda: md.check(path)),
        "enumerate": refusal(lambda: md.load_spec(path).check()),
        "label": refusal(lambda: md.label(path, tmp_path / "labels", workers=1)),
        "build": refusal(lambda: md.build(path, tmp_path / "out", workers=1)),
    }


def test_what_is_good_is_refused_by_none(tmp_path):
    assert set(refusals(GOOD, tmp_path).values()) == {""}


@pytest.mark.parametrize("fault", BAD)
def test_what_is_bad_is_refused_by_all(fault, tmp_path):
    found = refusals({**copy.deepcopy(GOOD), **BAD[fault]}, tmp_path)
    assert len(set(found.values())) == 1, found
    assert found["check"].startswith(str(tmp_path / "spec.yaml") + ":"), found
    assert not (tmp_path / "labels").exists() and not (tmp_path / "out").exists()


def test_check_says_how_many_labels_are_computed(tmp_path):
    """End members are labelled though `where` leaves them out, and where relaxations start at random, five times."""
    relax = {"cell": False, "rattle": 0.05, "attempts": 2}
    spec = copy.deepcopy(GOOD) | {
        "configurations": {"where": {"charges": {"Na": 1, "K": -1, "Cl": 0}}},
        "labels": [{"engine": "ase", "calculator": "any", "relax": relax}],
        "splits": {},
    }
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(spec))
    (label,) = md.check(path).labels
    jobs = plan(load_spec(path)).jobs
    neutral = sum(1 for job in jobs if ":Na4K4:" in job.id)
    assert neutral and len(jobs) == neutral + 10 == label.wanted

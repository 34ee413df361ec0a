"""Simulated searches: nothing is seen before it is asked for, nothing is labelled twice, the lowest is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench_defects.discovery import discover as discovering
from matbench_defects.discovery.finished_searches import FinishedSearches
from matbench_defects.discovery.policies import Search, policies
from matbench_defects.discovery.policies.expected_improvement import improvement
from matbench_defects.discovery.search import Trace, check_policies, hide, search
from matbench_defects.discovery.search_figure import regret_curves
from matbench_defects.errors import InputError
from matbench_defects.models.mean import Mean
from matbench_defects.models.model import Prediction, models

PLAN = {"start": 4, "batch": 3, "budget": 87}


@pytest.fixture(scope="module")
def hidden(lno):
    return hide(lno, "formation_energy")


@pytest.fixture
def oracle(hidden):
    """A model that knows every value, and keeps what it was fitted on."""
    seen = []
    truth = dict(zip(hidden.ids, hidden.values.tolist(), strict=True))

    class Oracle(Mean):
        def fit(self, rows, values, validation):
            assert validation is None and values.tolist() == [truth[i] for i in rows.column("id")]
            seen.append(set(rows.column("id")))

        def predict(self, rows):
            asked = rows.column("id")
            assert not seen[-1] & set(asked) or len(seen) == 1  # the probe for deviations predicts what it was given
            return Prediction(np.array([truth[i] for i in asked]), np.full(len(asked), 1e-3))

    with models.temporarily("oracle", Oracle):
        yield seen


@pytest.mark.parametrize("name", policies.names())
@pytest.mark.parametrize("seed", [0, 4])
def test_every_policy_finds_the_lowest_in_the_end(hidden, oracle, name, seed):
    policy = policies.get(name)
    model = None if policy.needs == "nothing" else "oracle"
    oracle.append(set())
    trace = search(hidden, policy, model, seed, **PLAN)
    assert len(set(trace.ids)) == len(trace.ids) == len(trace.regret) == trace.labels_needed
    assert (np.diff(trace.regret) <= 0).all() and (trace.regret >= 0).all() and trace.regret[-1] == 0
    assert trace.ids[-1] == hidden.ids[int(hidden.values.argmin())]
    assert trace.model == model
    # The first rows are those of the seed, whatever the policy.
    start = search(hidden, policies.get("random"), None, seed, **PLAN).ids[:4]
    assert trace.ids[:4] == start[: len(trace.ids)]
    # What knows every value needs the first rows and one more label.
    if model:
        assert trace.labels_needed <= PLAN["start"] + 1
        assert all(len(fitted) in (0, 4) for fitted in oracle)


@pytest.mark.parametrize("name", policies.names())
def test_a_policy_chooses_open_rows_once_each(hidden, name):
    generator = np.random.default_rng(0)
    labelled = generator.permutation(len(hidden.ids))[:10]
    open_ = np.setdiff1d(np.arange(len(hidden.ids)), labelled)
    prediction = Prediction(generator.normal(size=len(open_)), generator.random(len(open_)))
    for count in (1, 7, len(open_)):
        known = Search(hidden.pool, labelled, hidden.values[labelled], open_, prediction, np.random.default_rng(1))
        chosen = policies.get(name).choose(known, count)
        assert len(chosen) == count and len(set(chosen.tolist())) == count and set(chosen) <= set(open_)


def test_greedy_and_the_bound_choose_by_their_score(hidden):
    labelled, open_ = np.array([0, 1, 2]), np.array([3, 4, 5])
    prediction = Prediction(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.5]))
    known = Search(hidden.pool, labelled, hidden.values[labelled], open_, prediction, np.random.default_rng(1))
    assert policies.get("greedy").choose(known, 2).tolist() == [3, 4]
    assert policies.get("lower-confidence-bound").choose(known, 2).tolist() == [5, 3]


def test_the_diverse_choice_is_the_furthest(hidden):
    generator = np.random.default_rng(0)
    labelled = generator.permutation(len(hidden.ids))[:6]
    open_ = np.setdiff1d(np.arange(len(hidden.ids)), labelled)
    known = Search(hidden.pool, labelled, hidden.values[labelled], open_, None, generator)
    first, second = policies.get("diverse").choose(known, 2).tolist()
    away = {i: min(int(hidden.pool.differences(int(j))[i]) for j in labelled) for i in open_.tolist()}
    assert away[first] == max(away.values())
    then = {i: min(d, int(hidden.pool.differences(first)[i])) for i, d in away.items() if i != first}
    assert then[second] == max(then.values())


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.05, 2))
def test_expected_improvement_is_what_is_expected(best, mean, deviation):
    z = np.linspace(-8, 8, 20_001)
    weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    expected = (np.maximum(best - (mean + deviation * z), 0) * weight).sum()
    found = improvement(best, np.array([mean]), np.array([deviation]))[0]
    assert found == pytest.approx(expected, abs=1e-5) and found >= 0
    sure = improvement(best, np.array([mean]), np.array([0.0]))[0]
    assert sure == max(best - mean, 0) and sure <= found + 1e-12


def test_random_needs_half_of_the_labels_on_average(hidden):
    needed = [search(hidden, policies.get("random"), None, seed, **PLAN).labels_needed for seed in range(300)]
    # The mean of 300 draws from 1 to 87, four standard errors around (87 + 1) / 2.
    assert abs(np.mean(needed) - 44) < 4 * 87 / np.sqrt(12 * 300)


def test_a_spent_budget_is_said(hidden):
    trace = search(hidden, policies.get("random"), None, 0, start=4, batch=3, budget=6)
    again = search(hidden, policies.get("random"), None, 0, start=4, batch=3, budget=6)
    assert trace.ids == again.ids and len(trace.ids) == 6 and trace.labels_needed is None and trace.regret[-1] > 0


def test_curves_of_different_length():
    traces = [
        Trace("random", None, 0, ["a", "b"], np.array([1.0, 0.0])),
        Trace("random", None, 1, list("abc"), np.array([3.0, 2.0, 0.5])),
    ]
    assert regret_curves(traces, 4).tolist() == [[1, 0, 0, 0], [3, 2, 0.5, 0.5]]


def test_a_policy_that_the_model_does_not_serve_is_refused(hidden, oracle):
    options = {"start": 4, "device": "cpu"}
    with pytest.raises(
        InputError, match=r"lower-confidence-bound needs .* the model mean does not give; --model ensemble-mean does"
    ):
        check_policies(["lower-confidence-bound"], "mean", hidden, **options)
    with pytest.raises(InputError, match="the policy greedy needs a model"):
        check_policies(["greedy"], None, hidden, **options)
    with pytest.raises(InputError, match="no policy is called 'greed'; did you mean 'greedy'"):
        check_policies(["greed"], "mean", hidden, **options)
    assert [one.name for one in check_policies([], None, hidden, **options)] == ["diverse", "random"]
    assert [one.name for one in check_policies([], "mean", hidden, **options)] == ["diverse", "greedy", "random"]
    assert len(check_policies([], "oracle", hidden, **options)) == len(policies.names())


def test_a_finished_search_is_kept_as_it_was(tmp_path):
    trace = Trace("greedy", "mean", 3, ["a", "b"], np.array([0.1 + 0.2, 0.0]))
    finished = FinishedSearches(tmp_path / "out", {"budget": 9})
    finished.put(trace)
    kept = finished.get("greedy", "mean", 3)
    assert (kept.policy, kept.model, kept.seed, kept.ids) == ("greedy", "mean", 3, ["a", "b"])
    assert kept.regret.tolist() == trace.regret.tolist()
    assert finished.get("greedy", None, 3) is finished.get("greedy", "mean", 2) is None
    assert FinishedSearches(tmp_path / "out", {"budget": 8}).get("greedy", "mean", 3) is None
    for file in finished.folder.iterdir():
        file.write_bytes(file.read_bytes()[:-10])
    assert finished.get("greedy", "mean", 3) is None
    finished.clear()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_discovery_goes_on(lno, monkeypatch, tmp_path):
    searched = []

    def interruptible(hidden, policy, model, seed, **options):
        if len(searched) == 3:
            raise KeyboardInterrupt
        searched.append((policy.name, seed))
        return search(hidden, policy, model, seed, **options)

    monkeypatch.setattr(discovering, "search", interruptible)

    def run(out, seeds):
        options = discovering.SearchOptions([], ["random", "diverse"], seeds, 4, 3, 20)
        discovering.discover(lno, "formation_energy", options, out)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", [0, 1])
    assert searched == [("random", 0), ("random", 1), ("diverse", 0)]
    assert [p.name for p in tmp_path.iterdir()] == [".out.unfinished"]
    searched[:] = []
    run(tmp_path / "out", [0, 1])
    assert searched == [("diverse", 1)]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    monkeypatch.setattr(discovering, "search", search)
    run(tmp_path / "whole", [0, 1])
    first, second = ((tmp_path / name / "discovery.json").read_text() for name in ("out", "whole"))
    assert first == second


def test_what_is_searched(lno):
    content = hide(lno, "formation_energy", content="Li6Va6")
    assert {id_.split(":")[1] for id_ in content.ids} == {"Li6Va6"} and len(content.ids) == 17
    with pytest.raises(InputError, match="has no content 'Li6Va7' with labels"):
        hide(lno, "formation_energy", content="Li6Va7")
    with pytest.raises(InputError, match="has no space 'lno' with labels; known: lno-cathode"):
        hide(lno, "formation_energy", space="lno")
    with pytest.raises(InputError, match="1 configurations have a value"):
        hide(lno, "formation_energy", content="Li12")


def test_a_folder_of_something_else_is_left_alone(lno, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="exists and is not a comparison of searches"):
        discovering.discover(lno, "formation_energy", discovering.SearchOptions(policies=["random"]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

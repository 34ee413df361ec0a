"""What every acquisition policy must do."""

from __future__ import annotations

import numpy as np

from matbench_defects.discovery.policies.policy import Policy, Pool, Search, policies
from matbench_defects.models.model import Prediction
from matbench_defects.testing import samples


def sample(policy: Policy, seed: int = 0) -> Search:
    """Return a search of 20 configurations of LiNiO2 of which 5 have a label, with what the policy needs of a model."""
    rows, values = samples.structures().train
    labelled, rest = np.arange(0, 20, 4), np.array([i for i in range(20) if i % 4])
    deviation = 0.1 + np.abs(values[rest]) if policy.needs == "deviations" else None
    prediction = None if policy.needs == "nothing" else Prediction(values[rest] * 0.9, deviation)
    return Search(Pool(rows), labelled, values[labelled], rest, prediction, np.random.default_rng(seed))


def chooses_so_many_open_rows(policy: Policy) -> None:
    """Check that it chooses as many different rows without a label as it is asked for, down to the last."""
    for count in (1, 4, 15):
        search = sample(policy)
        chosen = np.asarray(policy.choose(search, count))
        assert chosen.shape == (count,), f"asked for {count} rows it chose {chosen.shape}"
        assert len(set(chosen.tolist())) == count, "it chose a row twice"
        assert set(chosen.tolist()) <= set(search.open.tolist()), "it chose a row that has a label"


def its_generator_decides(policy: Policy) -> None:
    """Check that whatever it draws, it draws from the generator that it is given."""
    first, again = (policy.choose(sample(policy, seed=3), 6) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def says_what_it_is(policy: Policy) -> None:
    """Check that it has a name, a title, a description, and says what it needs of a model."""
    assert policy.name and policy.title and policy.description, "name, title and description are needed"
    assert policy.needs in ("nothing", "values", "deviations"), f"it needs '{policy.needs}'"


POLICY_CHECKS = (says_what_it_is, chooses_so_many_open_rows, its_generator_decides)


def check_policy(policy: Policy | str) -> None:
    """Check that an acquisition policy keeps the contract of policies.

    Parameters
    ----------
    policy : Policy or str
        The policy, or its registered name.

    Raises
    ------
    AssertionError
        Naming the check that failed.

    Examples
    --------
    >>> from matbench_defects.testing import check_policy
    >>> check_policy("greedy")
    """
    found = policies.get(policy) if isinstance(policy, str) else policy
    for check in POLICY_CHECKS:
        try:
            check(found)
        except AssertionError as error:
            raise AssertionError(f"{found.name}, {check.__name__.replace('_', ' ')}: {error}") from error

"""Simulated search for the lowest configuration: a label is shown only once a policy has asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.discovery.policies import Policy, Search, policies
from matbench_defects.discovery.policies.policy import Pool
from matbench_defects.errors import InputError, nearest
from matbench_defects.models.model import Prediction, make_model, models
from matbench_defects.models.rows import Background, Rows

SAME = 1e-9
"""Values this close to the lowest are the lowest too, in the target's unit."""


@dataclass(frozen=True)
class Hidden:
    """A pool with the labels that a search has to ask for.

    Parameters
    ----------
    pool : Pool
        What is searched.
    ids : list of str
        The configurations.
    values : ndarray of float, shape (n,)
        Their labels.
    quantity : Quantity
        What the labels are.
    """

    pool: Pool
    ids: list[str]
    values: NDArray[np.float64]
    quantity: Quantity


@dataclass(frozen=True)
class Trace:
    """One search.

    Parameters
    ----------
    policy : str
        Name of the policy.
    model : str or None
        Name of the model; None where the policy needs none.
    seed : int
        The seed.
    ids : list of str
        What was labelled, in that order, until the lowest was found or the labels were spent.
    regret : ndarray of float, shape (m,)
        After each label, the lowest one so far less the lowest of all.
    """

    policy: str
    model: str | None
    seed: int
    ids: list[str]
    regret: NDArray[np.float64]

    @property
    def labels_needed(self) -> int | None:
        """How many labels it took to find the lowest configuration; None where it was not found."""
        return len(self.ids) if self.regret[-1] <= SAME else None


def hide(dataset: Dataset, target: str, space: str | None = None, content: str | None = None) -> Hidden:
    """Return the labelled configurations of a space, or of one content of it, to be searched.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    target : str
        What is to be lowest.
    space : str, optional
        The space; may be left out where there is only one.
    content : str, optional
        One content of it, as in the column ``content``.

    Raises
    ------
    InputError
        If there is no such space or content, or fewer than three configurations have a value.
    """
    quantity = dataset.quantity(target)
    rows = dataset.structures.filter(pc.is_valid(dataset.structures[target]))
    for column, wanted in (("space", space), ("content", content)):
        known = list(dict.fromkeys(rows[column].to_pylist()))
        if wanted is None and column == "space" and len(known) > 1:
            raise InputError(f"{dataset.name} has {len(known)} spaces; give --space: {', '.join(known[:20])}")
        if wanted is not None and wanted not in known:
            raise InputError(f"{dataset.name} has no {column} '{wanted}' with labels; {nearest(wanted, known)}")
        if wanted is not None:
            rows = rows.filter(pc.equal(rows[column], wanted))
    if len(rows) < 3:
        raise InputError(f"{len(rows)} configurations have a value of {target}; a search needs three at least")
    dataset.check_learnable(target)
    background = Background.of(dataset, target)
    return Hidden(Pool(Rows.of(rows, background)), rows["id"].to_pylist(), rows[target].to_numpy(), quantity)


def gives_deviations(hidden: Hidden, model: str, *, start: int, device: str) -> bool:
    """Return whether a model gives standard deviations, by fitting it once to a few rows."""
    few = np.arange(min(start, len(hidden.ids) - 1))
    instance = make_model(model, device=device)
    instance.fit(hidden.pool.rows.take(few), hidden.values[few], None)
    return instance.predict(hidden.pool.rows.take(few)).deviation is not None


def check_policies(names: list[str], model: str | None, hidden: Hidden, *, start: int, device: str) -> list[Policy]:
    """Return policies by name, all that the model serves where none is named.

    Raises
    ------
    InputError
        If a policy is not known, or needs what the model does not give.
    """
    chosen = [policies.get(name) for name in dict.fromkeys(names)] or [one for _, one in policies.items()]
    if model is None:
        lacking = [one for one in chosen if one.needs != "nothing"]
        if names and lacking:
            raise InputError(f"the policy {lacking[0].name} needs a model; give --model")
        return [one for one in chosen if one.needs == "nothing"]
    if not any(one.needs == "deviations" for one in chosen) or gives_deviations(
        hidden, model, start=start, device=device
    ):
        return chosen
    served = [one for one in chosen if one.needs != "deviations"]
    if names and len(served) < len(chosen):
        lacking = [one for one in chosen if one not in served]
        hint = f"; --model ensemble-{model} does" if f"ensemble-{model}" in models else ""
        raise InputError(
            f"the policy {lacking[0].name} needs a standard deviation with each prediction, "
            f"which the model {model} does not give{hint}"
        )
    return served


def search(
    hidden: Hidden,
    policy: Policy,
    model: str | None,
    seed: int,
    *,
    start: int,
    batch: int,
    budget: int,
    device: str = "cpu",
    settings: dict[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    """Search for the lowest configuration once.

    Parameters
    ----------
    hidden : Hidden
        The pool with its labels; the model and the policy see those that were asked for and no others.
    policy : Policy
        What chooses.
    model : str or None
        Name of the model, which is fitted anew before each batch; None where the policy needs none.
    seed : int
        Seed of the first rows, the same for every policy, of what the policy draws, and of the model.
    start : int
        Rows that are labelled at random before anything is fitted.
    batch : int
        Labels between two fits.
    budget : int
        Most labels.
    device : str
        ``cpu`` or ``cuda``.
    settings : dict, optional
        The model's settings that differ from its defaults.
    progress : callable, optional
        Called with how many labels are known and how many there may be.
    """
    n, lowest = len(hidden.ids), hidden.values.min()
    budget = min(budget, n)
    labelled = np.random.default_rng([seed, 0]).permutation(n)[: min(start, budget)]
    # Each policy draws for itself: with common draws, one that leaves much to chance would repeat what random does.
    generator = np.random.default_rng([seed, 1, *policy.name.encode()])
    while len(labelled) < budget and hidden.values[labelled].min() > lowest + SAME:
        if progress:
            progress(len(labelled), budget)
        open_ = np.setdiff1d(np.arange(n), labelled)
        prediction = None
        if policy.needs != "nothing":
            assert model is not None
            prediction = _predict(hidden, model, labelled, open_, seed, device, settings)
        known = Search(hidden.pool, labelled, hidden.values[labelled], open_, prediction, generator)
        chosen = policy.choose(known, min(batch, budget - len(labelled), len(open_)))
        labelled = np.concatenate([labelled, chosen])
    regret = np.minimum.accumulate(hidden.values[labelled]) - lowest
    # What a batch or the start holds beyond the lowest was not needed to find it.
    found = np.flatnonzero(regret <= SAME)
    m = int(found[0]) + 1 if len(found) else len(labelled)
    shown = None if policy.needs == "nothing" else model
    return Trace(policy.name, shown, seed, [hidden.ids[i] for i in labelled[:m]], regret[:m])


def _predict(
    hidden: Hidden,
    model: str,
    labelled: NDArray[np.int64],
    open_: NDArray[np.int64],
    seed: int,
    device: str,
    settings: dict[str, Any] | None,
) -> Prediction:
    instance = make_model(model, seed=seed, device=device, settings=settings)
    instance.fit(hidden.pool.rows.take(labelled), hidden.values[labelled], None)
    prediction = instance.predict(hidden.pool.rows.take(open_))
    if not np.isfinite(prediction.values).all():
        raise InputError(f"the model {model} predicted something that is not a finite number")
    return prediction

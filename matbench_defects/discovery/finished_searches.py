"""Searches that are finished, kept on disk until all that were asked for are there: a kill costs one search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from matbench_defects.dependencies import depends_on
from matbench_defects.discovery.policies import policies
from matbench_defects.discovery.search import Trace
from matbench_defects.keyed_store import KeyedStore, beside
from matbench_defects.models.model import models


class FinishedSearches:
    """The finished ones of several searches, in a hidden folder beside what they are written to.

    Parameters
    ----------
    out : path
        The folder that all of them are written to in the end.
    identity : dict
        All that a search depends on, but for policy, model and seed, and the code of these. A search that was kept
        under another identity is not taken.
    """

    def __init__(self, out: Path, identity: dict[str, Any]) -> None:
        self._store = KeyedStore(beside(out))
        self.folder = self._store.folder
        self._identity = identity

    def _depends_on(self, policy: str, model: str | None) -> dict[str, Any]:
        kinds = [] if model is None else [models.get(model)]
        code = depends_on("matbench_defects.discovery.search", policies.get(policy).choose, *kinds)
        return {**self._identity, **code}

    def get(self, policy: str, model: str | None, seed: int) -> Trace | None:
        """Return a search that was finished before; None where there is none, or one of another identity."""
        batch = self._store.get([policy, model, seed], self._depends_on(policy, model))
        if batch is None:
            return None
        return Trace(policy, model, seed, batch["id"].to_pylist(), np.array(batch["regret"]))

    def put(self, trace: Trace) -> None:
        """Keep a search."""
        batch = pa.record_batch(
            {"id": pa.array(trace.ids, pa.string()), "regret": pa.array(trace.regret, pa.float64())}
        )
        identity = self._depends_on(trace.policy, trace.model)
        self._store.put([trace.policy, trace.model, trace.seed], batch, identity)

    def clear(self) -> None:
        """Remove them all: the result is whole."""
        self._store.clear()

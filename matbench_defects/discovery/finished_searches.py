"""Searches that are finished, kept on disk until all that were asked for are there: a kill costs one search."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from matbench_defects.discovery.search import Trace
from matbench_defects.files import digest, write_json


class FinishedSearches:
    """The finished ones of several searches, in a hidden folder beside what they are written to, one file each.

    Parameters
    ----------
    out : path
        The folder that all of them are written to in the end.
    identity : dict
        All that a search depends on, but for policy, model and seed. A file that was written under another identity is
        not taken.
    """

    def __init__(self, out: Path, identity: dict[str, Any]) -> None:
        out = out.absolute()
        self.folder = out.parent / f".{out.name}.unfinished"
        self._identity = identity

    def _file(self, policy: str, model: str | None, seed: int) -> Path:
        return self.folder / f"{digest([policy, model, seed])}.json"

    def _key(self, policy: str, model: str | None, seed: int) -> str:
        return digest({**self._identity, "policy": policy, "model": model, "seed": seed})

    def get(self, policy: str, model: str | None, seed: int) -> Trace | None:
        """Return a search that was finished before; None where there is none, or one of another identity."""
        try:
            found = json.loads(self._file(policy, model, seed).read_text(encoding="utf-8"))
            if found["key"] != self._key(policy, model, seed):
                return None
            return Trace(policy, model, seed, list(found["ids"]), np.array(found["regret"], dtype=np.float64))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, trace: Trace) -> None:
        """Keep a search."""
        which = trace.policy, trace.model, trace.seed
        write_json(self._file(*which), {"key": self._key(*which), "ids": trace.ids, "regret": trace.regret.tolist()})

    def clear(self) -> None:
        """Remove them all: the result is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)

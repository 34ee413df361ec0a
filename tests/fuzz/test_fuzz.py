"""Nothing that is spoilt at random ends in a traceback. `make fuzz` goes on for as long as one likes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fuzzing import Found, fuzz, target_of

SECONDS = float(os.environ.get("MATBENCH_DEFECTS_FUZZ_SECONDS", "120"))
"""How long both take together; CI's share can be set."""
SHARES = {"specs": 0.75, "submissions": 0.25}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHARES)
def test_no_traceback(kind: str, tmp_path: Path) -> None:
    found = fuzz(kind, SECONDS * SHARES[kind], seed=0, folder=tmp_path / "findings")
    print(f"{kind}: {found}", file=sys.stderr)
    assert found.cases > 0 and not found.findings, told(found)
    assert 0 < found.accepted < found.cases  # some are still right, or nothing beyond the first check was reached


def told(found: Found) -> str:
    return "\n".join(f"{where}:\n{Path(file).read_bytes()[:3000]!r}" for where, file in found.findings.items())


@pytest.mark.parametrize("kind", SHARES)
def test_a_case_is_the_same_for_ever(kind: str, tmp_path: Path) -> None:
    one, other = (target_of(kind, 0, tmp_path / name) for name in ("one", "other") if not (tmp_path / name).mkdir())
    for number in range(50):
        spoilt = [target.written(target.spoilt(*target.case(number))) for target in (one, other)]
        assert spoilt[0] == spoilt[1]


def test_what_goes_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fuzzing import outcome, smaller

    import matbench_defects.dataset.estimate as estimate

    target = target_of("specs", 0, tmp_path)

    def fail(*_: object) -> None:
        raise KeyError("x")

    good = target.texts[0]
    assert outcome(target, good) == ("accepted", "")
    monkeypatch.setattr(estimate, "check_enumerable", fail)
    where, trace = outcome(target, good)
    assert where.startswith("KeyError at estimate.py:") and "KeyError: 'x'" in trace
    less = smaller(target, good, [], where, patience=20.0)
    assert 0 < len(less) < len(good) and outcome(target, less)[0] == where

"""Hull and voltage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.electrochemistry import voltage_curve
from matbench_defects.dataset.hull import lower_hull


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(-1000, 1000)), min_size=1, max_size=40))
def test_nothing_lies_below_the_hull(points):
    x, y = zip(*points, strict=True)
    hull = lower_hull(x, y)
    ends = [x[i] for i in hull]
    assert ends == sorted(set(ends))
    assert (ends[0], ends[-1]) == (min(x), max(x))
    line = np.interp(x, ends, [y[i] for i in hull])
    assert (np.array(y) >= line - 1e-9).all()
    slopes = np.diff([y[i] for i in hull]) / np.diff(ends)
    assert (np.diff(slopes) > 0).all()


def _cathode(lithium: int) -> Crystal:
    species = ("Li",) * lithium + ("Ni", "Ni", "O", "O", "O", "O")
    positions = np.arange(len(species))[:, None] * np.array([[1.7, 0.0, 0.0]])
    return Crystal(np.diag([20.0, 5.0, 5.0]), species, positions)


def test_voltage_is_the_slope_of_the_hull():
    metal = (-2.0, Crystal(np.eye(3) * 3.4, ("Li",), np.zeros((1, 3))))
    # Lithium costs 4 V into the empty host and 3 V into the half filled one: energies by hand.
    energies = [(-10.0, _cathode(0)), (-10.0 - 2.0 - 4.0, _cathode(1)), (-10.0 - 4.0 - 7.0, _cathode(2))]
    steps = voltage_curve([*energies, (-15.0, _cathode(1))], metal, formula_units=2)
    assert [(s.low, s.high) for s in steps] == [(0.0, 0.5), (0.5, 1.0)]
    assert [s.voltage for s in steps] == [pytest.approx(4.0), pytest.approx(3.0)]

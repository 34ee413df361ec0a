"""Averages over the arrangements of a content at a temperature."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matbench_defects.columns import BOLTZMANN
from matbench_defects.evaluation.metrics.metric import Scored
from matbench_defects.evaluation.metrics.ranking import of_contents
from matbench_defects.evaluation.metrics.registering import metric_family

Floats = NDArray[np.float64]


def boltzmann_average(values: Floats, energies: Floats, multiplicities: NDArray[np.int64], temperature: float) -> float:
    """Return the average of values over arrangements, each weighted by multiplicity and Boltzmann factor.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        What is averaged.
    energies : ndarray of float, shape (n,)
        Energies of the whole supercell, eV; a common shift changes nothing.
    multiplicities : ndarray of int, shape (n,)
        How many configurations each stands for.
    temperature : float
        K.
    """
    exponents = np.log(multiplicities) - (energies - energies.min()) / (BOLTZMANN * temperature)
    weights = np.exp(exponents - exponents.max())
    return float(weights @ values / weights.sum())


@metric_family(
    "boltzmann_{temperature}K",
    usual=(300, 1000),
    title="Boltzmann {temperature} K",
    direction="lower",
    basis=lambda _: of_contents(2),
)
def boltzmann(scored: Scored, temperature: int) -> float:
    """Absolute error of the Boltzmann average of the target at {temperature} K, averaged over contents.

    In each content of at least two rows the predicted energies give both what is averaged and the weights, and so do
    the true ones; weights are multiplicity times exp(-E/kT), with E the energy of the whole supercell. The average is
    over the content's test rows: over its whole ensemble only where all of it is tested. Not defined for a target that
    is no energy of a configuration, such as a volume, a voltage or a barrier.
    """
    if scored.cell is None:
        return float("nan")
    values = []
    for rows in scored.by_content(smallest=2):
        cell, multiplicities = scored.cell[rows], scored.multiplicity[rows]
        true, predicted = (
            boltzmann_average(v, v * cell, multiplicities, temperature)
            for v in (scored.truth[rows], scored.prediction[rows])
        )
        values.append(abs(predicted - true))
    return float(np.mean(values)) if values else float("nan")

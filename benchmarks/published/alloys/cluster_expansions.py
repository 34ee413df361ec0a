"""Cluster expansions of published alloys, ours beside icet's on the same rows and folds.

    python cluster_expansions.py ours SPEC PUBLISHED.extxyz ROWS.json --displacement 1.0 --strain 0.15
    python cluster_expansions.py icet ROWS.json        # under a Python that has icet and scikit-learn

The first imports the published energies, writes each row with its fold, its ideal structure and its energy, and prints
our errors; the second reads these and prints icet's. Both expand the energy per atom minus what is linear in the
composition, which is fitted on the training rows of each fold. Neither is imported by anything.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAIRS, TRIPLETS = 9.0, 6.0
"""Longest pairs, and longest sides of triplets, Å, in the ideal host."""
FOLDS = 5

Fit = Callable[[NDArray[np.float64], NDArray[np.float64]], Callable[[NDArray[np.float64]], NDArray[np.float64]]]
"""Takes features and values and returns what predicts."""


def folds_of(number: int) -> NDArray[np.int64]:
    """Return the fold in which each of so many rows is tested."""
    return np.random.default_rng(0).permutation(number) % FOLDS


def errors(
    features: NDArray[np.float64],
    composition: NDArray[np.float64],
    energies: NDArray[np.float64],
    folds: NDArray[np.int64],
    fit: Fit,
) -> tuple[float, float]:
    """Return mean absolute and root mean square error over all rows, each tested once, meV per atom."""
    predicted = np.zeros(len(energies))
    for fold in range(FOLDS):
        train, test = folds != fold, folds == fold
        linear = np.linalg.lstsq(composition[train], energies[train], rcond=None)[0]
        predict = fit(features[train], energies[train] - composition[train] @ linear)
        predicted[test] = predict(features[test]) + composition[test] @ linear
    off = 1000 * (predicted - energies)
    return float(np.abs(off).mean()), float(np.sqrt((off**2).mean()))


def standardised(features: NDArray[np.float64], regression: Any, values: NDArray[np.float64]) -> Any:
    """Fit a regression of scikit-learn on standardised features and return what predicts."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation < 1e-12] = np.inf
    regression.fit((features - mean) / deviation, values)
    return lambda other: regression.predict((other - mean) / deviation)


def lasso(features: NDArray[np.float64], values: NDArray[np.float64]) -> Any:
    """Fit lasso, its penalty from cross-validation on the training rows, as our models do."""
    from sklearn.linear_model import LassoCV
    from sklearn.model_selection import KFold

    inner = KFold(FOLDS, shuffle=True, random_state=0)
    return standardised(features, LassoCV(cv=inner, eps=1e-4, alphas=60, max_iter=20000), values)


def least_squares(features: NDArray[np.float64], values: NDArray[np.float64]) -> Any:
    """Fit by least squares."""
    coefficients = np.linalg.lstsq(features, values, rcond=None)[0]
    return lambda other: other @ coefficients


def shown(name: str, found: tuple[float, float], seconds: float, number: int) -> None:
    """Print a line."""
    print(
        f"{name:<28} MAE {found[0]:.3f}  RMSE {found[1]:.3f} meV/atom  {number} features  {seconds:.1f} s", flush=True
    )


def ours(spec: str, published: Path, rows_file: Path, displacement: float, strain: float) -> None:
    """Import, write the rows and print our errors."""
    import matbench_defects as md
    from matbench_defects.models.clusters.counting import cluster_counts
    from matbench_defects.models.regressors.lasso import Lasso
    from matbench_defects.models.regressors.ridge import Ridge

    start = time.perf_counter()
    table = rows_file.with_suffix(".parquet")
    found = md.import_labels("extxyz", published, spec, table, displacement=displacement, strain=strain).mapped
    seconds = time.perf_counter() - start
    print(
        f"{found.mapped} of {found.structures} structures are configurations, {len(found.rows)} rows, {seconds:.1f} s"
    )
    domain = md.load_spec(spec)
    configurations = [domain.space(row["space"]).configuration(row["id"]) for row in found.rows]
    sites = np.array([len(one.space.host_species) for one in configurations])
    energies = np.array([row["energy"] for row in found.rows]) / sites
    folds = folds_of(len(configurations))
    species = sorted({s for one in configurations for s in one.site_species})
    written = []
    for one, energy, fold in zip(configurations, energies.tolist(), folds.tolist(), strict=True):
        held, positions, _ = one.atoms()
        cell = one.space.lattice.tolist()
        atoms = {"cell": cell, "species": list(held), "positions": positions.tolist()}
        written.append({"id": one.id, "fold": fold, "energy": energy, **atoms})
    primitive = configurations[0].space.parent.lattice.tolist()
    rows_file.write_text(json.dumps({"primitive": primitive, "species": species, "rows": written}))
    composition = np.array([[one.site_species.count(s) for s in species] for one in configurations]) / sites[:, None]

    def ridge_fit(features: NDArray[np.float64], values: NDArray[np.float64]) -> Any:
        model = Ridge(Ridge.Settings(), 0)
        model.fit(features, values)
        return lambda other: model.predict(other)[0]

    def lasso_fit(features: NDArray[np.float64], values: NDArray[np.float64]) -> Any:
        model = Lasso(Lasso.Settings(), 0)
        model.fit(features, values)
        return lambda other: model.predict(other)[0]

    for name, longest, fit in (
        ("ours, pairs, ridge", 0.0, ridge_fit),
        ("ours, triplets, ridge", TRIPLETS, ridge_fit),
        ("ours, triplets, lasso", TRIPLETS, lasso_fit),
    ):
        start = time.perf_counter()
        columns: dict[Any, int] = {}
        parts = []
        for one in configurations:
            clusters = cluster_counts(one.space, PAIRS, longest)
            places = [columns.setdefault(cluster, len(columns)) for cluster in clusters.names]
            parts.append((places, clusters.counts(one.canonical_occupation[None])[0]))
        features = np.zeros((len(parts), len(columns)))
        for row, (places, counts) in enumerate(parts):
            features[row, places] = counts / sites[row]
        seconds = time.perf_counter() - start
        shown(name, errors(features, composition, energies, folds, fit), seconds, features.shape[1])


def icet(rows_file: Path) -> None:
    """Print icet's errors on the same rows and folds."""
    from ase import Atoms
    from icet import ClusterSpace

    said = json.loads(rows_file.read_text())
    species, rows = said["species"], said["rows"]
    primitive = Atoms(species[0], positions=[[0, 0, 0]], cell=said["primitive"], pbc=True)
    structures = [Atoms(r["species"], positions=r["positions"], cell=r["cell"], pbc=True) for r in rows]
    energies, folds = np.array([r["energy"] for r in rows]), np.array([r["fold"] for r in rows])
    composition = np.array([[r["species"].count(s) / len(r["species"]) for s in species] for r in rows])
    for name, cutoffs in (("pairs", [PAIRS]), ("triplets", [PAIRS, TRIPLETS])):
        start = time.perf_counter()
        space = ClusterSpace(primitive, cutoffs, species)
        features = np.array([space.get_cluster_vector(one) for one in structures])
        seconds = time.perf_counter() - start
        for kind, fit in (("least squares", least_squares), ("lasso", lasso)):
            found = errors(features, composition, energies, folds, fit)
            shown(f"icet, {name}, {kind}", found, seconds, features.shape[1])


def main(arguments: list[str]) -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("ours")
    first.add_argument("spec")
    first.add_argument("published", type=Path)
    first.add_argument("rows", type=Path)
    first.add_argument("--displacement", type=float, default=1.0)
    first.add_argument("--strain", type=float, default=0.12)
    second = commands.add_parser("icet")
    second.add_argument("rows", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "ours":
        ours(given.spec, given.published, given.rows, given.displacement, given.strain)
    else:
        icet(given.rows)


if __name__ == "__main__":
    main(sys.argv[1:])

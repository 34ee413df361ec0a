"""Decisions at the convex hull on computed energies of Sc-Ir approximants, against a hull worked out here."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from matbench_defects.dataset.build import build_dataset
from matbench_defects.evaluation.scoring import score, scored_rows
from matbench_defects.evaluation.task import Task
from matbench_defects.shipped import shipped_specs
from matbench_defects.spec.loading import load_spec

PHASES = ("Sc", "Ir", "ScIr", "ScIr3")
SPEC = """
extends: sc-approximants
name: sc-ir
title: Sc-Ir approximants whose energies are committed
spaces:
  Sc-Rh: null
  Sc-Pd: null
  Sc-Pt: null
  Sc-Ir: {configurations: {also: [%s]}}
configurations: {count: null, strata: []}
targets: {volume: null}
splits:
  random: null
  metal-out: null
  most: {by: random, train: 0.1, validation: 0.0, test: 0.9, seed: 0}
"""


@pytest.fixture(scope="module")
def energies():
    """Every usable energy of Sc-Ir: (share of iridium, eV per atom) by configuration or phase."""
    rows = pq.read_table(shipped_specs()["sc-approximants"].parent / "labels.parquet").to_pylist()
    found = {}
    for row in rows:
        name = row["id"].removeprefix("reference:")
        if (row["id"].startswith("Sc-Ir:") or name in PHASES) and not row["problem"]:
            found[name] = (row["species"].count("Ir") / len(row["species"]), row["energy"] / len(row["species"]))
    assert set(PHASES) < set(found) and len(found) > 15
    return found


@pytest.fixture(scope="module")
def dataset(energies, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sc-ir")
    listed = ", ".join(f'"{name}"' for name in energies if name not in PHASES)
    (folder / "spec.yaml").write_text(SPEC % listed)
    labels = shipped_specs()["sc-approximants"].parent / "labels.parquet"
    return build_dataset(load_spec(folder), folder / "built", labels=labels)


@pytest.fixture(scope="module")
def above(energies):
    """How far each lies above the hull, eV per atom: above the lowest line between two others that span it."""
    result = {}
    for name, (x, energy) in energies.items():
        lowest = energy
        for (x1, e1), (x2, e2) in itertools.combinations(energies.values(), 2):
            if min(x1, x2) <= x <= max(x1, x2) and x1 != x2:
                lowest = min(lowest, e1 + (e2 - e1) * (x - x1) / (x2 - x1))
            elif x1 == x2 == x:
                lowest = min(lowest, e1, e2)
        result[name] = energy - lowest
    return result


@pytest.mark.parametrize("stable_share", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("target", ["formation_energy", "energy_above_hull"])
def test_decisions(dataset, above, target, stable_share):
    tested = dataset.part("most", "test")["id"].to_pylist()
    threshold = int(1000 * np.quantile([above[i] for i in tested], stable_share))
    names = [f"hull_{name}_{threshold}meV" for name in ("precision", "recall", "f1", "daf")]
    task = Task(
        name="sc-ir",
        title="Sc-Ir",
        dataset="sc-ir@1.0.0",
        target=target,
        split="most",
        kind="interpolation",
        metrics=names,
        seeds=[0],
    )
    rows = scored_rows(task, dataset)
    ids, truth = rows["id"].to_pylist(), rows[target].to_numpy()
    # By height, every fourth row is predicted far too high and another far too low.
    error = np.zeros(len(ids))
    error[np.argsort([above[i] for i in ids])] = np.resize([0.001, 2.0, 0.001, -2.0], len(ids))
    columns = {"id": ids, "seed": pa.array([0] * len(ids), pa.int32()), "prediction": truth + error}
    scores = score(task, dataset, pa.table(columns))

    limit = threshold / 1000
    stable = {i for i in ids if above[i] <= limit}
    chosen = {i for i, wrong in zip(ids, error, strict=True) if above[i] + wrong <= limit}
    right, share = len(stable & chosen), len(stable) / len(ids)
    assert right and stable - chosen and chosen - stable, "without mistakes of both kinds this tests nothing"
    expected = [right / len(chosen), right / len(stable), 2 * right / (len(stable) + len(chosen))]
    expected.append(expected[0] / share)
    assert [scores[name].mean for name in names] == pytest.approx(expected)


def test_the_hull_is_that_of_the_energies(dataset, above):
    rows = dataset.structures
    for name, height in zip(rows["id"].to_pylist(), rows["energy_above_hull"].to_pylist(), strict=True):
        assert height == pytest.approx(above[name], abs=1e-6)
    assert math.isclose(above["ScIr"], 0, abs_tol=1e-9)  # the deepest compound of the system

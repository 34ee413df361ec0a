"""Labels against published values of the same configurations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from specs_for_tests import DEFECTIVE_SALT

from matbench_defects.columns import Quantity
from matbench_defects.crystal.canonical import configuration_of
from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.dataset.reading import Dataset
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.exchange.comparison import (
    PER_SITE,
    compare_dataset,
    compare_values,
    formation_energies_per_site,
)
from matbench_defects.labels.engine import Outcome
from matbench_defects.labels.jobs import jobs_of
from matbench_defects.labels.store import Label, LabelStore
from matbench_defects.spec.loading import load_spec

MU = {"Na": -1.3, "K": -1.1, "Cl": -1.8}
HOST = -7.0
"""eV per NaCl."""


def stored(tmp_path: Path, leave_out: str = "") -> tuple[Path, Path, dict[str, float]]:
    """Write labels whose formation energy is 0.3 eV per vacancy and -0.2 eV per potassium atom, and return them."""
    spec_file = tmp_path / "spec.yaml"
    spec_file.write_text(DEFECTIVE_SALT)
    spec = load_spec(spec_file)
    selected = select(spec)
    labels, expected = [], {}
    for job in jobs_of(spec, selected):
        atoms = Counter(job.crystal.species)
        if job.id.startswith(REFERENCE):
            energy = HOST * atoms["Cl"] if atoms["Cl"] else sum(MU[s] * n for s, n in atoms.items())
        else:
            held = selected["salt"].space.site_species(configuration_of(selected["salt"].space, job.id))
            vacancies, potassium = held.count("vacancy"), held.count("K")
            total = 0.3 * vacancies - 0.2 * potassium
            energy = 2 * HOST + total - MU["Na"] * (vacancies + potassium) + MU["K"] * potassium
            if vacancies + potassium:
                expected[job.id] = total / (vacancies + potassium)
        if job.id != leave_out:
            outcome = Outcome(energy, job.crystal, 0.0, None, None, True, 0)
            labels.append(Label(job.key, "test", "test", job.method.description(), outcome, "", 0.0))
    LabelStore(tmp_path / "labels.parquet").add(labels)
    return spec_file, tmp_path / "labels.parquet", expected


def published(values: dict[str, float | None], quantity: Quantity = PER_SITE) -> pa.Table:
    schema = pa.schema([pa.field("id", pa.string()), quantity.field("formation_energy_per_site")])
    rows = [{"id": i, "formation_energy_per_site": v} for i, v in values.items()]
    return pa.Table.from_pylist(rows, schema=schema)


def test_formation_energies_of_labels(tmp_path):
    spec, labels, expected = stored(tmp_path)
    found = formation_energies_per_site(load_spec(spec), "sevennet_relaxed", labels)
    assert found == pytest.approx(expected, abs=1e-5) and len(found) == 3


def test_labels_that_are_not_there_yet(tmp_path):
    _, _, expected = stored(tmp_path)
    some = sorted(expected)[0]
    (tmp_path / "partly").mkdir()
    spec, labels, _ = stored(tmp_path / "partly", leave_out=some)
    assert set(formation_energies_per_site(load_spec(spec), "sevennet_relaxed", labels)) == set(expected) - {some}
    for phase, message in (("NaCl", "no usable reference phase is the host of salt"), ("K", "holds K alone")):
        folder = tmp_path / phase
        folder.mkdir()
        spec, labels, _ = stored(folder, leave_out=REFERENCE + phase)
        with pytest.raises(InputError, match=message):
            formation_energies_per_site(load_spec(spec), "sevennet_relaxed", labels)
    with pytest.raises(InputError, match="did you mean 'sevennet_relaxed'"):
        formation_energies_per_site(load_spec(spec), "sevennet_relax", labels)


def test_agreement_over_what_both_have():
    theirs = published({"a": 1.0, "b": 2.0, "c": 4.0, "d": None, "e": 9.0})
    found = compare_values(
        {"a": 1.1, "b": 2.1, "c": 3.8, "d": 5.0, "e": None, "f": 1.0}, PER_SITE, theirs, PER_SITE_COLUMN
    )
    assert found.rows == 3 and found.spearman == pytest.approx(1.0)
    assert found.mae == pytest.approx(0.4 / 3) and found.mean_difference == pytest.approx(0.0, abs=1e-12)


PER_SITE_COLUMN = "formation_energy_per_site"


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        (Quantity("eV", "atom", "x"), PER_SITE, "is in eV per defect site, what it is compared with in eV per atom"),
        (Quantity("eV", "cell"), Quantity("eV", "cell"), "refers to no state"),
        (Quantity("meV", "defect site", "x"), PER_SITE, "compared with in meV per defect site"),
    ],
)
def test_other_quantities_are_not_compared(ours, theirs, message):
    with pytest.raises(InputError, match=message):
        compare_values({"a": 1.0, "b": 2.0}, ours, published({"a": 1.0, "b": 2.0}, theirs), PER_SITE_COLUMN)


def test_too_little_in_common():
    with pytest.raises(InputError, match="1 configurations have both values"):
        compare_values({"a": 1.0, "b": 2.0}, PER_SITE, published({"a": 1.0, "c": 2.0}), PER_SITE_COLUMN)
    with pytest.raises(InputError, match=f"did you mean '{PER_SITE_COLUMN}'"):
        compare_values({}, PER_SITE, published({}), "formation_energy_per_sit")


def test_a_column_of_a_dataset():
    dataset = Dataset(Path("nowhere"), {"name": "salt", "targets": ["formation"]})
    ids = [f"c{i}" for i in range(20)]
    values = np.random.default_rng(0).normal(size=20)
    schema = pa.schema([pa.field("id", pa.string()), PER_SITE.field("formation"), pa.field("plain", pa.float64())])
    rows = [{"id": i, "formation": v, "plain": v} for i, v in zip(ids, values.tolist(), strict=True)]
    dataset.__dict__["structures"] = pa.Table.from_pylist(rows, schema=schema)
    theirs = published(dict(zip(ids[::-1], (values[::-1] - 0.25).tolist(), strict=True)))
    found = compare_dataset(dataset, "formation", theirs, PER_SITE_COLUMN)
    assert (found.rows, found.mae, found.mean_difference) == (20, pytest.approx(0.25), pytest.approx(0.25))
    with pytest.raises(InputError, match="the column 'plain' of salt has no unit"):
        compare_dataset(dataset, "plain", theirs, PER_SITE_COLUMN)
    with pytest.raises(InputError, match="salt has no column 'formatio'; did you mean 'formation'"):
        compare_dataset(dataset, "formatio", theirs, PER_SITE_COLUMN)

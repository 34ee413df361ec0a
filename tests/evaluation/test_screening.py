"""Screening: every configuration once, the same numbers as by the ordinary path, in bounded memory."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from matbench_defects.cli import app
from matbench_defects.discovery import screening
from matbench_defects.discovery.histogram import RunningHistogram
from matbench_defects.discovery.screening import Scope, screen
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.execution.local import LocalPool
from matbench_defects.models.model import make_model
from matbench_defects.models.rows import Background, Rows


@pytest.fixture(scope="module")
def background(lno):
    return Background(lno.spec, "formation_energy", lno.quantity("formation_energy"))


@pytest.fixture(scope="module")
def fitted(lno, background):
    def fit(name):
        model = make_model(name, settings={"epochs": 3, "width": 8} if name == "cgcnn" else None)
        table = lno.part("random", "train", "formation_energy")
        model.fit(Rows.of(table, background), table["formation_energy"].to_numpy(), None)
        return model

    return fit


def test_occupations_give_what_rows_give(lno, background, fitted):
    model = fitted("cluster-expansion")
    assert model.offers("occupation_values")
    rows = Rows.of(lno.structures, background)
    where, occupations = rows.occupations("lno-cathode")
    found = model.occupation_values(background.spaces["lno-cathode"], occupations, background.quantity.per)
    np.testing.assert_allclose(found, model.predict(rows).values[where], atol=1e-10)


@pytest.mark.parametrize("name", ["cluster-expansion", "composition"])
@pytest.mark.parametrize("rows", [7, 10_000])
def test_the_best_are_the_best_of_all(lno, background, fitted, name, rows, monkeypatch):
    """Each configuration of LiNiO2 has a label, so the dataset holds all that is screened."""
    monkeypatch.setattr(screening, "ROWS", rows)
    monkeypatch.setattr(screening, "STRUCTURES", rows)
    model = fitted(name)
    found = screen(model, background, top=9)
    every = enumerate_configurations(background.spaces["lno-cathode"])
    assert found.configurations == len(every) == len(lno.structures)
    assert found.needs_structures == (name == "composition")
    predicted = dict(
        zip(lno.structures["id"].to_pylist(), model.predict(Rows.of(lno.structures, background)).values, strict=True)
    )
    np.testing.assert_allclose([r["prediction"] for r in found.best], sorted(predicted.values())[:9], atol=1e-10)
    for row in found.best:
        assert row["prediction"] == pytest.approx(predicted[row["id"]], abs=1e-10)
    multiplicities = dict(zip(every.ids(), every.multiplicities.tolist(), strict=True))
    assert all(multiplicities[row["id"]] == row["multiplicity"] for row in found.best)
    (histogram,) = found.histograms.values()
    assert histogram.counts.sum(axis=0).tolist() == [len(every), every.multiplicities.sum()]


def test_scope(background, fitted):
    model = fitted("cluster-expansion")
    one = screen(model, background, Scope(contents=("Li6Va6",)), top=3)
    assert {row["content"] for row in one.best} == {"Li6Va6"} and len(one.best) == 3
    high = screen(model, background, Scope(contents=("Li6Va6",)), top=3, highest=True)
    assert min(r["prediction"] for r in high.best) > max(r["prediction"] for r in one.best)
    each = screen(model, background, top=1, each_content=True)
    assert len(each.best) == len(background.spaces["lno-cathode"].contents())
    assert one.best[0] in each.best
    drawn = screen(model, background, Scope(sample=12, seed=3))
    again = screen(model, background, Scope(sample=12, seed=3))
    assert drawn.configurations == 12 and drawn.best == again.best
    with pytest.raises(InputError, match="no content is called 'Li5Va6'; did you mean 'Li"):
        screen(model, background, Scope(contents=("Li5Va6",)))
    with pytest.raises(InputError, match="no space is called 'lno'"):
        screen(model, background, Scope(spaces=("lno",)))


@given(
    st.lists(st.integers(-(10**9), 10**9).map(lambda n: n / 1000), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=4),
    st.integers(2, 9),
)
def test_a_histogram_does_not_depend_on_the_chunks(values, cuts, bins):
    numbers = np.array(values)
    weights = np.arange(1, len(numbers) + 1)
    whole, pieces = RunningHistogram(bins), RunningHistogram(bins)
    whole.add(numbers, weights)
    for part in np.split(np.arange(len(numbers)), sorted(min(c, len(numbers)) for c in cuts)):
        pieces.add(numbers[part], weights[part])
    np.testing.assert_array_equal(whole.counts, pieces.counts)
    np.testing.assert_array_equal(whole.edges, pieces.edges)
    assert len(whole.counts) <= bins
    assert whole.counts.sum(axis=0).tolist() == [len(numbers), weights.sum()]
    expected = [((numbers >= a) & (numbers < b)).sum() for a, b in zip(whole.edges, whole.edges[1:], strict=False)]
    assert whole.counts[:, 0].tolist() == expected


def test_the_command(lno, tmp_path):
    out = tmp_path / "found"
    arguments = ["screen", str(lno.folder), "--model", "cluster-expansion", "--out", str(out), "--top", "5"]
    result = CliRunner().invoke(app, [*arguments, "--split", "random", "--target", "formation_energy"])
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in out.iterdir()) == [
        "histogram.parquet",
        "histogram.png",
        "screen.json",
        "top.csv",
        "top.parquet",
    ]
    record = json.loads((out / "screen.json").read_text())
    assert record["configurations"] == len(lno.structures) and record["peak_memory_bytes"] > 0
    parts = lno.part("random", ["train", "validation"], "formation_energy")
    assert record["training_rows"] == len(parts)
    top = pq.read_table(out / "top.parquet")
    assert len(top) == 5 and top["prediction"].to_pylist() == sorted(top["prediction"].to_pylist())
    assert top.schema.field("prediction").metadata[b"unit"] == b"eV"
    counts = pq.read_table(out / "histogram.parquet")
    assert sum(counts["configurations"].to_pylist()) == len(lno.structures)
    (out / "screen.json").unlink()
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, InputError) and "is not a screening" in str(again.exception)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cluster-expansion", "defect-ridge", "cgcnn"])
def test_several_processes_find_what_one_does(background, fitted, name, monkeypatch):
    monkeypatch.setattr(screening, "ROWS", 7)
    monkeypatch.setattr(screening, "STRUCTURES", 7)
    model = fitted(name)
    alone = screen(model, background, top=9)
    with LocalPool(2) as pool:
        together = screen(model, background, top=9, executor=pool)
    assert together.configurations == alone.configurations
    assert [row["id"] for row in together.best] == [row["id"] for row in alone.best]
    for one, other in zip(together.best, alone.best, strict=True):
        assert one["prediction"] == pytest.approx(other["prediction"], abs=1e-6)
    (one,), (other,) = together.histograms.values(), alone.histograms.values()
    np.testing.assert_array_equal(one.counts.sum(axis=0), other.counts.sum(axis=0))

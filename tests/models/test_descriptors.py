"""Descriptors: right in cases by hand, unchanged by what should not change them, kept on disk once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from specs_for_tests import SALT_OF_TWO_DOPANTS

from matbench_defects.columns import Quantity
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.structures import structure_rows, structure_schema
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError, NotServedError
from matbench_defects.models.descriptors import descriptors
from matbench_defects.models.descriptors.cache import cached_vectors
from matbench_defects.models.descriptors.defect import add_to_bins
from matbench_defects.models.descriptors.minimum_distances import average_minimum_distances
from matbench_defects.models.element_properties import element_properties
from matbench_defects.models.model import make_model
from matbench_defects.models.rows import Background, Rows
from matbench_defects.spec.loading import load_spec
from matbench_defects.testing.moved_rows import rewritten

STRUCTURES = [name for name in descriptors.names() if descriptors.get(name).of == "structures"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("salt") / "spec.yaml"
    path.write_text(SALT_OF_TWO_DOPANTS)
    spec = load_spec(path)
    selected = select(spec)
    spaces = {"salt": selected["salt"].space}
    table = pa.Table.from_pylist(structure_rows(selected["salt"].rows, spaces), structure_schema(spaces))
    return Rows.of(table, Background(spec, "energy", Quantity("eV", "cell")))


def described(name, rows):
    kind = descriptors.get(name)
    if kind.needs:
        pytest.importorskip(kind.needs)
    found = kind(kind.Settings())
    found.learn(rows)
    return found


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_feature_is_a_number_with_a_name(name, rows):
    descriptor = described(name, rows)
    features = descriptor.features(rows)
    assert features.shape == (len(rows), len(descriptor.names()))
    assert np.isfinite(features).all()
    assert len(set(descriptor.names())) == len(descriptor.names())


@pytest.mark.parametrize("name", STRUCTURES)
def test_an_element_that_no_training_row_had_is_refused(name, rows):
    bromine = np.array([n > 0 for n in rows.column("content_Cl_Br")])
    descriptor = described(name, rows.take(np.flatnonzero(~bromine)))
    if descriptor.new_elements:
        assert np.isfinite(descriptor.features(rows.take(np.flatnonzero(bromine)))).all()
        return
    with pytest.raises(InputError, match=r"no training row had .*Br"):
        descriptor.features(rows.take(np.flatnonzero(bromine)))


def test_what_follows_from_the_properties_of_elements_carries_over_to_a_new_one(rows):
    """Values are linear in the electronegativity of a dopant; it is an element that training did not have."""
    one = rows.take([i for i, n in enumerate(rows.column("content_Na_K")) if n and not rows.column("content_Cl_Br")[i]])

    def doped(element):
        def change(row):
            row["defect_species"] = [element if s == "K" else s for s in row["defect_species"]]
            return row

        return rewritten(one, change)

    def value(element):
        return 3 * (element_properties(element)[0] - element_properties("Na")[0])

    fitted = [doped(element) for element in ("Li", "K", "Rb", "Ca", "Sr", "Mg", "Al", "Cs")]
    values = np.repeat([value(e) for e in ("Li", "K", "Rb", "Ca", "Sr", "Mg", "Al", "Cs")], len(one))
    model = make_model("defect-properties-ridge")
    model.fit(Rows(pa.concat_tables([r.table for r in fitted]), rows.background), values, None)
    assert model.predict(doped("Ba")).values == pytest.approx([value("Ba")] * len(one), abs=0.02)
    with pytest.raises(NotServedError, match="the electronegativity of Og is not known"):
        model.predict(doped("Og"))


def test_of_a_single_dopant_nothing_is_learnt_about_properties(rows):
    """With one dopant every property is another count of it; the next dopant then counts as the same."""
    one = [i for i, n in enumerate(rows.column("content_Na_K")) if n and not rows.column("content_Cl_Br")[i]]
    descriptor = described("defect-properties", rows.take(one))
    assert [name for name in descriptor.names() if "pairs" not in name] == ["defects", "vacancies"]
    every = described("defect-properties", rows).names()  # potassium for sodium and bromine for chlorine
    assert "change of electronegativity" in every and "change of row" not in every


def test_property_products_by_hand(rows):
    """One vacancy and one potassium atom at 4 Å in a cell of 12 Å: four of the five images are more than 9 Å away."""
    descriptor = described("defect-properties", rows)
    pair = [
        i
        for i, (there, at) in enumerate(
            zip(rows.column("defect_species"), rows.column("defect_cartesian_positions"), strict=True)
        )
        if sorted(there) == ["K", "vacancy"]
        and min(np.abs(np.subtract(*at)).sum(), 12 - np.abs(np.subtract(*at)).sum()) < 4.1
    ]
    found = dict(zip(descriptor.names(), descriptor.features(rows.take(pair[:1]))[0], strict=True))
    change = element_properties("K") - element_properties("Na")
    assert (found["defects"], found["vacancies"]) == (2, 1)
    assert found["change of electronegativity"] == pytest.approx(change[0])
    assert found["electronegativity of what is gone"] == pytest.approx(2 * element_properties("Na")[0])
    assert found["defects, pairs at 4.0 Å"] == pytest.approx(1)
    assert found["vacancies, pairs at 4.0 Å"] == found["change of electronegativity, pairs at 4.0 Å"] == 0


@pytest.mark.parametrize("name", STRUCTURES)
def test_pathways_are_refused_where_structures_are_described(name, rows, tmp_path):
    (tmp_path / "spec.yaml").write_text(
        SALT_OF_TWO_DOPANTS.replace("0..1, K: 0..1", "1") + "pathway: {species: Na, cutoff: 4.1}\n"
    )
    spec = load_spec(tmp_path / "spec.yaml")
    selected = select(spec)
    spaces = {"salt": selected["salt"].space}
    table = pa.Table.from_pylist(structure_rows(selected["salt"].rows, spaces), structure_schema(spaces))
    pathways = Rows.of(table, Background(spec, "barrier", Quantity("eV", "hop")))
    with pytest.raises(InputError, match="structures"):
        described(name, rows).features(pathways)


@pytest.mark.parametrize("name", ["soap", "ewald"])
def test_sums_over_the_cell_are_relative_to_the_host_where_the_target_is(name, rows):
    """The row without any defect has nothing to tell."""
    pristine = [i for i, found in enumerate(rows.column("defect_species")) if not found]
    features = described(name, rows).features(rows)
    assert len(pristine) == 1
    np.testing.assert_allclose(features[pristine[0]], 0, atol=1e-8)
    assert np.abs(features).sum(axis=1).min(where=np.arange(len(rows)) != pristine[0], initial=np.inf) > 1e-3


def test_a_vacancy_beside_a_bromine(rows):
    """Three defects: numbers, the shortest distance, and the angles at each of them."""
    descriptor = described("defect", rows)
    names, features = descriptor.names(), descriptor.features(rows)
    contents = [rows.column(f"content_{name}") for name in ("Na_vacancy", "Na_K", "Cl_Br")]
    both = [i for i, content in enumerate(zip(*contents, strict=True)) if content == (1, 0, 1)]
    nearest = max(both, key=lambda i: features[i, names.index("Cl→Br - Na→vacancy, 3.5 Å")])
    found = dict(zip(names, features[nearest], strict=True))
    assert found["Cl→Br"] == found["Na→vacancy"] == 1
    assert found["Na→K"] == 0
    # 3.464 Å lies between the bins at 3.0 and 3.5 Å.
    assert found["Cl→Br - Na→vacancy, 3.5 Å"] == pytest.approx((3.4641 - 3.0) / 0.5, abs=1e-3)
    assert found["Cl→Br - Na→vacancy, 3.0 Å"] == pytest.approx(1 - (3.4641 - 3.0) / 0.5, abs=1e-3)


@pytest.mark.parametrize("place", [2.0, 2.0 - 1e-9, 2.0 + 1e-9])
def test_rounding_fills_no_bin(place):
    row = np.zeros(5)
    add_to_bins(row, np.array([0]), np.array([place]), np.array([0.5]), 5)
    np.testing.assert_allclose(row, [0, 0, 0.5, 0, 0], atol=1e-8)
    assert np.count_nonzero(row) == 1
    # Else the two nearest share it.
    add_to_bins(row, np.array([0]), np.array([3.25]), np.array([1.0]), 5)
    np.testing.assert_allclose(row, [0, 0, 0.5, 0.75, 0.25], atol=1e-8)


def test_minimum_distances_of_a_cubic_lattice():
    """Six neighbours at the edge, twelve at the diagonal of a face, eight at that of the cube; in any cell."""
    shells = [3.0] * 6 + [3.0 * 2**0.5] * 12 + [3.0 * 3**0.5] * 8
    cubic = average_minimum_distances(np.eye(3) * 3, np.zeros((1, 3)), 26)
    np.testing.assert_allclose(cubic, shells)
    skewed = np.array([[3.0, 0, 0], [3.0, 3.0, 0], [0, 12.0, 3.0]])
    np.testing.assert_allclose(average_minimum_distances(skewed, np.array([[0.5, 7.0, -9.0]]), 26), shells)
    double = average_minimum_distances(np.diag([3.0, 3.0, 6.0]), np.array([[0, 0, 0], [0, 0, 3.0]]), 26)
    np.testing.assert_allclose(double, shells)


def test_vectors_are_computed_once_and_what_is_broken_again(tmp_path, monkeypatch):
    monkeypatch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path))
    crystals = [Crystal(np.eye(3) * a, ("Na",), np.zeros((1, 3))) for a in (3.0, 4.0, 3.0)]
    asked = []

    def compute(some):
        asked.extend(some)
        return np.array([[c.lattice[0, 0], 1.0] for c in some])

    for _ in range(2):
        found = cached_vectors({"name": "a"}, crystals, compute)
        np.testing.assert_array_equal(found, [[3, 1], [4, 1], [3, 1]])
    assert len(asked) == 2
    cached_vectors({"name": "b"}, crystals[:1], compute)
    assert len(asked) == 3
    for path in tmp_path.rglob("*.arrow"):
        path.write_bytes(b"broken")
    cached_vectors({"name": "a"}, crystals, compute)
    assert len(asked) == 5


def test_what_counts_is_the_feature_that_the_values_are_made_of(rows):
    values = 2.0 * np.array(rows.column("content_Na_K"), dtype=float)
    for name in ("defect-ridge", "defect-forest", "cluster-expansion"):
        model = make_model(name, settings={"trees": 20, "folds": 0} if "forest" in name else None)
        model.fit(rows, values, None)
        assert "K" in model.explain().largest(1)[0][0]
    model = make_model("defect-gaussian-process")
    model.fit(rows, values, None)
    with pytest.raises(InputError, match="no weight for each feature"):
        model.explain()


def test_an_ensemble_is_less_sure_where_it_has_seen_nothing(rows):
    values = 2.0 * np.array(rows.column("content_Na_K"), dtype=float)
    values += np.random.default_rng(0).normal(0, 0.1, len(rows))
    without = np.flatnonzero(np.array(rows.column("content_Cl_Br")) == 0)
    model = make_model("ensemble-composition", settings={"members": 4})
    model.fit(rows.take(without), values[without], None)
    deviation = model.predict(rows).deviation
    assert deviation.shape == (len(rows),) and (deviation > 0).any()
    with pytest.raises(InputError, match="no model is called 'ensemble-nothing'"):
        make_model("ensemble-nothing")

"""What every registered model must do; a new model inherits all of it by being registered."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest
from moved_rows import equivalent, permutation, repeated, rewritten, rotation, translation

from matbench_defects.columns import Quantity
from matbench_defects.dataset.structures import structure_rows, structure_schema
from matbench_defects.enumeration.selection import select
from matbench_defects.errors import InputError
from matbench_defects.models.model import INVARIANCES, Background, Portable, Rows, make_model, models
from matbench_defects.models.networks.graph_model import GraphModel
from matbench_defects.models.networks.nequip import EquivariantPotential
from matbench_defects.models.potentials.zero_shot import ZeroShot
from matbench_defects.models.saving import load_model, save_model
from matbench_defects.spec.loading import load_spec

QUICK = {name: {"epochs": 2, "width": 8, "layers": 1} for name, kind in models.items() if issubclass(kind, GraphModel)}
"""Settings under which a model is quick; what is tested does not depend on how well it is fitted."""
QUICK |= {"chgnet-fine-tuned": {"epochs": 1}, "sevennet-fine-tuned": {"epochs": 1}}
QUICK["ensemble-defect-boosting"] = {"trees": 10, "folds": 0, "members": 2}
QUICK |= {name: {"trees": 10, "folds": 0} for name in models.names() if name.endswith(("-forest", "-boosting"))}


HEAVY = {
    "chgnet-features-ridge",
    "chgnet-fine-tuned",
    "chgnet-zero-shot",
    "sevennet-features-ridge",
    "sevennet-fine-tuned",
    "sevennet-zero-shot",
}
"""Models that run a universal potential."""

PATHWAYS = """
name: hops
version: 1.0.0
title: Hops in rock salt
parent:
  spacegroup: Fm-3m
  lattice: {a: 5.6}
  sites: {Li: [0, 0, 0], O: [1/2, 1/2, 1/2]}
  provenance: {source: a test}
supercell: [2, 2, 2]
sublattices: {Li: {Li: rest, vacancy: 1, Na: 2}}
pathway: {species: Li, cutoff: 4.0}
configurations: {select: uniform, count: 30, seed: 0}
"""


@pytest.fixture(scope="module")
def structures(lno, name):
    """A few training, validation and test rows of LiNiO2 with their values."""
    train, validation = (8, 3) if name in HEAVY else (20, 6)
    background = Background(lno.spec, "formation_energy", lno.quantity("formation_energy"))
    result = {}
    for part, count in (("train", train), ("validation", validation), ("test", 4)):
        table = lno.part("random", part, "formation_energy").slice(0, count)
        result[part] = Rows.of(table, background), table["formation_energy"].to_numpy()
    return result


@pytest.fixture(scope="module")
def pathways(tmp_path_factory):
    """The same of pathways; the values are made up from the occupations."""
    path = tmp_path_factory.mktemp("hops") / "spec.yaml"
    path.write_text(PATHWAYS)
    spec = load_spec(path)
    selected = select(spec)
    spaces = {"hops": selected["hops"].space}
    table = pa.Table.from_pylist(structure_rows(selected["hops"].rows, spaces), structure_schema(spaces))
    every = Rows.of(table, Background(spec, "barrier", Quantity("eV")))
    values = np.linspace(0, 1, len(every)) ** 2
    ranges = {"train": range(20), "validation": range(20, 26), "test": range(26, 30)}
    return {part: (every.take(where), values[where.start : where.stop]) for part, where in ranges.items()}


@pytest.fixture(scope="module")
def parts(name, request):
    """What a model is fitted on and tested with."""
    wanted = "pathways" if name.startswith(("pathway-", "hop-")) else "structures"
    return request.getfixturevalue(wanted)


NAMES = [*models.names(), "ensemble-cluster-expansion", "ensemble-defect-boosting"]


@pytest.fixture(scope="module", params=[pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in NAMES])
def name(request):
    descriptor = getattr(models.get(request.param), "Descriptor", None)
    if descriptor is not None and descriptor.needs:
        pytest.importorskip(descriptor.needs)
    return request.param


def fitted(name, parts, seed=0, validation=True):
    if issubclass(models.get(name), EquivariantPotential):
        pytest.importorskip(models.get(name).package)
    model = make_model(name, seed=seed, settings=QUICK.get(name))
    model.fit(*parts["train"], parts["validation"] if validation else None)
    return model


@pytest.fixture(scope="module")
def model(name, parts):
    return fitted(name, parts)


def test_one_finite_number_a_row(model, parts):
    rows = parts["test"][0]
    found = model.predict(rows)
    assert found.values.shape == (len(rows),)
    assert found.values.dtype == np.float64
    assert np.isfinite(found.values).all()
    if found.deviation is not None:
        assert (found.deviation >= 0).all()


def test_order_of_rows_does_not_matter(model, parts):
    rows = parts["test"][0]
    order = np.array([2, 0, 3, 1])
    np.testing.assert_allclose(
        model.predict(rows.take(order)).values, model.predict(rows).values[order], rtol=1e-5, atol=1e-6
    )


def test_a_batch_of_one(model, parts):
    rows = parts["test"][0]
    one = model.predict(rows.take([1])).values
    np.testing.assert_allclose(one, model.predict(rows).values[1:2], rtol=1e-5, atol=1e-6)


def test_the_seed_decides(name, parts):
    rows = parts["test"][0]
    # Without a validation part: with one, fine-tuning may keep the weights that every seed starts from.
    first, again, other = (fitted(name, parts, seed, validation=False).predict(rows).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    if models.get(name).seeded:
        assert not np.array_equal(first, other)
    else:
        np.testing.assert_array_equal(first, other)


def test_fits_without_a_validation_part(name, parts):
    assert np.isfinite(fitted(name, parts, validation=False).predict(parts["test"][0]).values).all()


def test_another_process_can_have_it(model, parts):
    rows = parts["test"][0]
    sent = pickle.loads(pickle.dumps(Portable(model))).model
    np.testing.assert_allclose(sent.predict(rows).values, model.predict(rows).values, rtol=1e-5, atol=1e-6)


def test_equivalent_structures_get_the_same_value(model, parts):
    """A symmetry operation of the supercell permutes occupation and positions; nothing may change."""
    rows = parts["test"][0]
    table = rows.table
    row = max(range(len(rows)), key=lambda i: min(table[f"content_Li_{s}"][i].as_py() for s in ("Li", "vacancy")))
    same(model.predict(equivalent(rows, row)), model.predict(rows.take([row])))


@pytest.mark.parametrize("change", [permutation, rotation, translation], ids=lambda f: f.__name__)
def test_invariant_as_declared(name, model, parts, change):
    if change.__name__ not in models.get(name).invariances:
        pytest.skip(f"{name} does not declare {change.__name__}")
    rows = parts["test"][0]
    same(model.predict(rewritten(rows, change)), model.predict(rows))


def test_a_repeated_cell_gets_the_same_value_as_declared(name, model, parts, tmp_path):
    if "supercell" not in models.get(name).invariances:
        pytest.skip(f"{name} does not declare supercell")
    rows = parts["test"][0].take([0, 2])
    same(model.predict(repeated(rows, tmp_path)), model.predict(rows))


def test_declares_only_known_invariances(name):
    assert models.get(name).invariances <= INVARIANCES


def same(first, second):
    np.testing.assert_allclose(first.values, second.values, rtol=1e-4, atol=2e-5)


def exchanged(rows, element):
    """Return the rows with one atom of the host, which is no defect, exchanged for another element."""

    def change(row):
        row["species_at_sites"][-1] = element
        return row

    return rewritten(rows, change)


@pytest.mark.parametrize("element", ["Pd", "Og"])
def test_an_unseen_element_is_refused_or_not_looked_at(name, model, parts, element):
    kind, rows = models.get(name), parts["test"][0].take([0])
    if element == "Pd" and name in HEAVY:
        pytest.skip("a universal potential knows it")
    try:
        found = model.predict(exchanged(rows, element))
    except InputError as error:
        assert element in str(error) or isinstance(model, ZeroShot)
        return
    if getattr(kind, "new_elements", False) and element == "Pd":
        assert np.isfinite(found.values).all()
        return
    assert not issubclass(kind, GraphModel)
    np.testing.assert_array_equal(found.values, model.predict(rows).values)


def test_saved_and_loaded_it_predicts_the_same(name, model, parts, tmp_path):
    rows = parts["test"][0]
    save_model(model, tmp_path / "saved", name, rows.background)
    loaded = load_model(tmp_path / "saved")
    assert (loaded.name, loaded.target, loaded.quantity) == (name, rows.background.target, rows.background.quantity)
    np.testing.assert_array_equal(loaded.model.predict(rows).values, model.predict(rows).values)


def test_says_what_it_is(name, model):
    kind = models.get(name)
    assert kind.title and kind.description.endswith(".")
    assert all("/" in doi for doi in kind.references)
    assert model.parameters is None or model.parameters >= 0
    assert kind.Settings.model_json_schema()


def test_rows_hold_no_label(structures, lno):
    names = structures["train"][0].table.schema.names
    forbidden = [n for n in lno.structures.schema.names if n.startswith(("sevennet", "chgnet", "formation", "split"))]
    assert forbidden and not set(names) & set(forbidden)
